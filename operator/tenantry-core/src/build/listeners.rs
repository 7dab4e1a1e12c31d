//! Listeners of a tenant's or an environment's own, and their certificates.

use serde_json::{Value, json};

use crate::kinds::tenantry_platform::types::{GatewayProfile, GatewayRef, IssuerRef};
use crate::meta;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::{CERTIFICATE, GATEWAY, LISTENER_SET, Resource};

/// What is listened for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listening<'a> {
    /// What the platform says of it.
    pub(crate) profile: &'a GatewayProfile,
    /// The hosts.
    pub(crate) hosts: &'a [String],
    /// Port of HTTPS and the Secret with its certificate.
    pub(crate) https: Option<&'a (i32, String)>,
}

/// A ListenerSet in a home namespace: listeners for each of the hosts, for routes of the tenant's namespaces alone.
pub(crate) fn build_listener_set(home: &Place, listening: &Listening, gateway: &GatewayRef) -> Desired {
    let from = json!({ "from": "Selector", "selector": { "matchLabels": { meta::TENANT: home.tenant } } });
    let listeners: Vec<Value> = listening
        .hosts
        .iter()
        .flat_map(|host| {
            listening.of(&from).into_iter().map(move |mut listener| {
                let role = listener["name"].as_str().unwrap_or_default().to_owned();
                listener["name"] = format!("{role}.{}", host.replacen('*', "any", 1)).into();
                listener["hostname"] = host.as_str().into();
                listener
            })
        })
        .collect();
    let parent = json!({
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": gateway.namespace,
        "name": gateway.name,
    });
    object(&LISTENER_SET, home, listening.profile).with("spec", json!({ "parentRef": parent, "listeners": listeners }))
}

/// A Gateway in an environment, for routes of that alone.
pub(crate) fn build_gateway(place: &Place, listening: &Listening) -> Desired {
    let from = json!({ "from": "Same" });
    let mut listeners = listening.of(&from);
    for port in listening.profile.listeners.iter().flat_map(|own| &own.tcp) {
        listeners.push(listener(&format!("tcp-{port}"), "TCP", *port, &from));
    }
    object(&GATEWAY, place, listening.profile)
        .with("spec", json!({ "gatewayClassName": listening.profile.gateway_class_name, "listeners": listeners }))
}

/// A certificate for all of these hosts, which is made and renewed by cert-manager.
pub(crate) fn build_certificate(
    place: &Place,
    profile: &GatewayProfile,
    issuer: &IssuerRef,
    hosts: &[String],
) -> Desired {
    object(&CERTIFICATE, place, profile).with(
        "spec",
        json!({
            "secretName": profile.own_name(),
            "dnsNames": hosts,
            "issuerRef": { "group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer.name },
            "privateKey": { "rotationPolicy": "Always" },
        }),
    )
}

impl Listening<'_> {
    /// Those that hosts are told apart on.
    fn of(&self, from: &Value) -> Vec<Value> {
        let own = self.profile.listeners.as_ref();
        let mut all = vec![listener("http", "HTTP", own.and_then(|own| own.http).unwrap_or(80), from)];
        if let Some((port, secret)) = self.https {
            let mut https = listener("https", "HTTPS", *port, from);
            let secret = json!({ "group": "", "kind": "Secret", "name": secret });
            https["tls"] = json!({ "mode": "Terminate", "certificateRefs": [secret] });
            all.push(https);
        }
        if let Some(port) = own.and_then(|own| own.tls_passthrough) {
            let mut passthrough = listener("tls", "TLS", port, from);
            passthrough["tls"] = json!({ "mode": "Passthrough" });
            all.push(passthrough);
        }
        all
    }
}

fn listener(name: &str, protocol: &str, port: i32, from: &Value) -> Value {
    json!({ "name": name, "protocol": protocol, "port": port, "allowedRoutes": { "namespaces": from } })
}

fn object(resource: &'static Resource, place: &Place, profile: &GatewayProfile) -> Desired {
    Desired::new(ObjectKey::namespaced(resource, &place.namespace, profile.own_name()))
        .labels(place.labels())
        .label("app.kubernetes.io/name", &profile.name)
        .label("app.kubernetes.io/component", "gateway")
}
