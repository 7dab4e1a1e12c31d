//! Listeners of a tenant's or an environment's own, their certificates, and who may use those.

use serde_json::{Value, json};

use crate::kinds::tenantry_platform::types::{GatewayProfile, GatewayRef, IssuerRef, Listened};
use crate::meta;
use crate::names::{self, Place};
use crate::object::{Desired, ObjectKey};
use crate::resources::{CERTIFICATE, GATEWAY, LISTENER_SET, REFERENCE_GRANT, Resource};
use crate::routing::entries;

/// What is listened for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listening<'a> {
    /// What the platform says of it.
    pub(crate) profile: &'a GatewayProfile,
    /// The hosts.
    pub(crate) hosts: &'a [String],
    /// The Secret with the certificate of HTTPS.
    pub(crate) secret: Option<&'a str>,
}

/// A ListenerSet in a home namespace: listeners for each of the hosts, for routes of the tenant's namespaces alone.
pub(crate) fn build_listener_set(home: &Place, listening: &Listening, gateway: &GatewayRef) -> Desired {
    let listeners = listening.by_host(home, |listened, host| names::listener_name(listened.role, host));
    let parent = json!({
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": gateway.namespace,
        "name": gateway.name,
    });
    object(&LISTENER_SET, home, listening.profile).with("spec", json!({ "parentRef": parent, "listeners": listeners }))
}

/// The same listeners, as they are in a Gateway in another namespace.
pub(crate) fn build_entries(home: &Place, listening: &Listening) -> Vec<Value> {
    let mut listeners = listening.by_host(home, |listened, host| entries::name(&home.tenant, listened, host));
    let secrets = listeners.iter_mut().filter_map(|one| one.pointer_mut("/tls/certificateRefs/0"));
    for secret in secrets {
        secret["namespace"] = home.namespace.as_str().into();
    }
    listeners
}

/// Lets Gateways in this namespace use one Secret beside the grant, and nothing else.
pub(crate) fn build_reference_grant(home: &Place, profile: &GatewayProfile, gateways: &str, secret: &str) -> Desired {
    let from = json!({ "group": GATEWAY.group, "kind": GATEWAY.kind, "namespace": gateways });
    let to = json!({ "group": "", "kind": "Secret", "name": secret });
    object(&REFERENCE_GRANT, home, profile).with("spec", json!({ "from": [from], "to": [to] }))
}

/// A Gateway in an environment, for routes of that alone.
pub(crate) fn build_gateway(place: &Place, listening: &Listening) -> Desired {
    let from = json!({ "from": "Same" });
    let mut listeners: Vec<Value> =
        listening.sorts().iter().map(|listened| listening.listener(listened, listened.role, &from)).collect();
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
    /// HTTPS is listened for where there is a certificate to be.
    fn sorts(&self) -> Vec<Listened> {
        let all = self.profile.listened().into_iter();
        all.filter(|listened| listened.protocol != "HTTPS" || self.secret.is_some()).collect()
    }

    /// Each sort for each host, for routes of the tenant's namespaces.
    fn by_host(&self, home: &Place, name: impl Fn(&Listened, &str) -> String) -> Vec<Value> {
        let from = json!({ "from": "Selector", "selector": { "matchLabels": { meta::TENANT: home.tenant } } });
        let sorts = self.sorts();
        let one = |host: &str, listened: &Listened| {
            let mut listener = self.listener(listened, &name(listened, host), &from);
            listener["hostname"] = host.into();
            listener
        };
        self.hosts
            .iter()
            .flat_map(|host| sorts.iter().map(|listened| one(host, listened)).collect::<Vec<_>>())
            .collect()
    }

    fn listener(&self, listened: &Listened, name: &str, from: &Value) -> Value {
        let mut listener = listener(name, listened.protocol, listened.port, from);
        match listened.protocol {
            "HTTPS" => {
                let secret = json!({ "group": "", "kind": "Secret", "name": self.secret });
                listener["tls"] = json!({ "mode": "Terminate", "certificateRefs": [secret] });
            }
            "TLS" => listener["tls"] = json!({ "mode": "Passthrough" }),
            _ => {}
        }
        listener
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
