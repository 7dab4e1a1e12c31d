//! What a gateway can do. That it accepts a route proves little: some say that they have accepted what they then ignore. So what a
//! route needs is held against what the class of the gateway says it supports, and against what is known of its controller
//! (`known.rs`).

use std::sync::Arc;

use serde_json::Value;

use crate::conditions::{Reason, Truth};
use crate::kinds::service_route::types::Protocol;
use crate::kinds::tenantry_platform::types::GatewayProfile;
use crate::meta;
use crate::resources::{GATEWAY, GATEWAY_CLASS, LISTENER_SET, Resource, is_served};
use crate::world::{Lookup, Scope, World};

use super::gateways::{Seat, Sections};
use super::known;

/// What a route can need beyond the core of the Gateway API, by the names that classes give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    PathRewrite,
    ResponseHeaders,
    RequestTimeout,
    BackendTimeout,
    Cors,
    Grpc,
    Tls,
    Tcp,
    ListenerSet,
    BackendTls,
}

impl Feature {
    /// The word in `supportedFeatures`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PathRewrite => "HTTPRoutePathRewrite",
            Self::ResponseHeaders => "HTTPRouteResponseHeaderModification",
            Self::RequestTimeout => "HTTPRouteRequestTimeout",
            Self::BackendTimeout => "HTTPRouteBackendTimeout",
            Self::Cors => "HTTPRouteCORS",
            Self::Grpc => "GRPCRoute",
            Self::Tls => "TLSRoute",
            Self::Tcp => "TCPRoute",
            Self::ListenerSet => "ListenerSet",
            Self::BackendTls => "BackendTLSPolicy",
        }
    }
}

/// What is known of a gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Controller {
    /// Who puts its routes into effect.
    pub(crate) name: Option<String>,
    /// What its class says it supports.
    features: Vec<String>,
    /// Why no route on it can serve now.
    pub(crate) trouble: Option<(Truth, Reason, String)>,
    /// The ports and protocols of its listeners, for addresses.
    pub(crate) listeners: Vec<Listener>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: String,
    /// Its protocol, such as `HTTPS`.
    pub(crate) protocol: String,
    /// Its port.
    pub(crate) port: i64,
    /// The only host that it answers for, if it does not for all.
    pub(crate) hostname: Option<String>,
    /// Whether it takes routes of the route's namespace at all.
    pub(crate) is_open: bool,
    /// What keeps it from working, in the words of the controller.
    pub(crate) trouble: Option<String>,
}

impl Listener {
    /// Whether routes of this protocol can be on it.
    pub(crate) fn speaks(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => self.protocol == "TCP",
            Protocol::TlsPassthrough => self.protocol == "TLS",
            Protocol::Http | Protocol::Grpc | Protocol::WebSocket | Protocol::Sse => {
                self.protocol == "HTTP" || self.protocol == "HTTPS"
            }
        }
    }
}

impl Controller {
    /// Whether it can do this.
    pub(crate) fn can(&self, feature: Feature) -> bool {
        does(self.name.as_deref(), &self.features, feature)
    }

    /// Whether it is known what it can do.
    pub(crate) fn is_known(&self) -> bool {
        let lists_nothing = |name: &str| known::of(name).is_some_and(|known| !known.lists_features);
        self.name.as_deref().is_some_and(|name| !self.features.is_empty() || lists_nothing(name))
    }
}

/// What is known of the gateway of this seat.
pub(crate) fn controller(seat: &Seat, world: &World) -> Controller {
    let not_ready = |truth: Truth, text: String| Controller {
        trouble: Some((truth, Reason::GatewayNotReady, text)),
        ..Controller::default()
    };
    match is_served(&GATEWAY, world) {
        Some(true) => {}
        Some(false) => {
            let text = "this cluster does not serve the Gateway API: have its custom resources installed, and a controller for them";
            return Controller {
                trouble: Some((Truth::False, Reason::ProviderMissing, text.into())),
                ..Controller::default()
            };
        }
        None => return not_ready(Truth::Unknown, "it is not known yet what the cluster serves".into()),
    }
    let (holder, gateway) = match holder_and_gateway(seat, world) {
        Ok(found) => found,
        Err((truth, text)) => return not_ready(truth, text),
    };
    let sections = seat.sections(&seat.hosts);
    let listeners = holder["listeners"].as_array().into_iter().flatten();
    let listeners = listeners
        .filter(|one| sections.is_empty() || sections.iter().any(|name| one["name"] == name.as_str()))
        .filter(|one| seat.parent.port.is_none_or(|port| one["port"] == port));
    let listener = |one: &Value| Listener {
        name: text(&one["name"]),
        protocol: text(&one["protocol"]),
        port: one["port"].as_i64().unwrap_or_default(),
        hostname: one["hostname"].as_str().map(str::to_owned),
        // What an environment has of its own is in the namespace of its routes.
        is_open: match one["from"].as_str() {
            None | Some("Same") => seat.profile.gateway_ref.is_none(),
            Some(from) => from != "None",
        },
        trouble: one["trouble"].as_str().map(str::to_owned),
    };
    let listeners: Vec<Listener> = listeners.map(listener).collect();
    let class_name = text(&gateway["class"]);
    let class = match look(&GATEWAY_CLASS, "", &class_name, world) {
        Lookup::Found(class) => class,
        Lookup::Missing => {
            let text = format!(
                "GatewayClass {class_name} of Gateway {} does not exist: have its controller installed",
                name_of(&gateway)
            );
            return Controller { listeners, ..not_ready(Truth::False, text) };
        }
        Lookup::NotSynced => return not_ready(Truth::Unknown, "GatewayClasses are not known yet".into()),
    };
    let trouble = trouble(&gateway, &class, &class_name)
        .or_else(|| if seat.parent.kind == &LISTENER_SET { trouble_of_set(seat, &holder) } else { None });
    Controller { name: class["controller"].as_str().map(str::to_owned), features: features(&class), trouble, listeners }
}

/// What holds the listeners, and the Gateway that they belong to.
fn holder_and_gateway(seat: &Seat, world: &World) -> Result<(Arc<Value>, Arc<Value>), (Truth, String)> {
    let (namespace, name) = match &seat.profile.gateway_ref {
        Some(reference) => (&reference.namespace, &reference.name),
        None => (&seat.parent.namespace, &seat.parent.name),
    };
    let gateway = match look(&GATEWAY, namespace, name, world) {
        Lookup::Found(gateway) => gateway,
        Lookup::Missing if seat.profile.gateway_ref.is_none() => {
            return Err((Truth::Unknown, format!("Gateway {} is not made yet", seat.gateway)));
        }
        Lookup::Missing => {
            let text = format!(
                "there is no Gateway {namespace}/{name}: have it made, or profile {} of the platform mended",
                seat.profile.name
            );
            return Err((Truth::False, text));
        }
        Lookup::NotSynced => return Err((Truth::Unknown, "Gateways are not known yet".to_owned())),
    };
    if let Sections::Own(..) = seat.parent.sections {
        lacks_entries(seat, &gateway)?;
    }
    if *seat.parent.kind == GATEWAY {
        return Ok((Arc::clone(&gateway), gateway));
    }
    match supports(&gateway, Feature::ListenerSet, world) {
        Some(true) => {}
        Some(false) => {
            let text = format!(
                "the class of Gateway {} does not support {}: have profile {} of the platform set to SharedListener",
                name_of(&gateway),
                Feature::ListenerSet.name(),
                seat.profile.name
            );
            return Err((Truth::False, text));
        }
        None => return Err((Truth::Unknown, "GatewayClasses are not known yet".to_owned())),
    }
    match look(&LISTENER_SET, &seat.parent.namespace, &seat.parent.name, world) {
        Lookup::Found(set) => Ok((set, gateway)),
        Lookup::Missing => Err((Truth::Unknown, format!("{} is not made yet", seat.gateway))),
        Lookup::NotSynced => Err((Truth::Unknown, "ListenerSets are not known yet".to_owned())),
    }
}

/// Why the tenant has none of its own listeners in the Gateway itself, if it has none.
fn lacks_entries(seat: &Seat, gateway: &Value) -> Result<(), (Truth, String)> {
    if gateway["consents"] != true {
        return Err((Truth::False, no_consent(&name_of(gateway), &seat.profile)));
    }
    let wanted = seat.sections(&seat.hosts);
    let mut there = gateway["listeners"].as_array().into_iter().flatten();
    if there.any(|one| wanted.iter().any(|name| one["name"] == name.as_str())) {
        return Ok(());
    }
    if wanted.is_empty() {
        let profile = &seat.profile.name;
        let text =
            format!("gateway profile {profile} of the platform has no listeners for this protocol: have them added");
        return Err((Truth::False, text));
    }
    let text =
        format!("the tenant has no listener in Gateway {} yet: see what the Tenant says itself", name_of(gateway));
    Err((Truth::Unknown, text))
}

/// That a Gateway's owner has not consented to listeners of tenants' own in it, and what is to be done.
pub(crate) fn no_consent(gateway: &str, profile: &GatewayProfile) -> String {
    format!(
        "Gateway {gateway} does not let tenants have listeners in it: have its owner annotate it with {}: \"true\", or profile {} of the platform set to another mode",
        meta::MANAGED_LISTENERS,
        profile.name
    )
}

/// Whether the class of a Gateway supports this.
fn supports(gateway: &Value, feature: Feature, world: &World) -> Option<bool> {
    match look(&GATEWAY_CLASS, "", gateway["class"].as_str().unwrap_or_default(), world) {
        Lookup::Found(class) => Some(can(&class, feature)),
        Lookup::Missing => Some(false),
        Lookup::NotSynced => None,
    }
}

fn can(class: &Value, feature: Feature) -> bool {
    does(class["controller"].as_str(), &features(class), feature)
}

/// Whether this controller does that, whose class lists these features.
fn does(controller: Option<&str>, listed: &[String], feature: Feature) -> bool {
    let known = controller.and_then(known::of).and_then(|known| known.word(feature));
    known.unwrap_or_else(|| listed.iter().any(|one| one == feature.name()))
}

fn features(class: &Value) -> Vec<String> {
    class["features"].as_array().into_iter().flatten().map(text).collect()
}

/// Whether the Gateway of this profile lets tenants add listeners; `None` while that is not known.
pub(super) fn takes_sets(profile: &GatewayProfile, world: &World) -> Option<bool> {
    let Some(reference) = &profile.gateway_ref else { return Some(false) };
    if !is_served(&GATEWAY, world)? {
        return Some(false);
    }
    match look(&GATEWAY, &reference.namespace, &reference.name, world) {
        Lookup::Found(gateway) if gateway["takesSets"] == true => supports(&gateway, Feature::ListenerSet, world),
        Lookup::Found(_) | Lookup::Missing => Some(false),
        Lookup::NotSynced => None,
    }
}

/// Whether any controller here can do this. What is beyond the first version of the Gateway API may be not served where none can, and
/// must not be looked at there.
pub(crate) fn is_known_of_any(feature: Feature, world: &World) -> Option<bool> {
    if !is_served(&GATEWAY_CLASS, world)? {
        return Some(false);
    }
    match world.list(&GATEWAY_CLASS, Scope::All) {
        Lookup::Found(classes) => Some(classes.iter().any(|class| can(class, feature))),
        Lookup::Missing => Some(false),
        Lookup::NotSynced => None,
    }
}

/// `namespace/name`.
fn name_of(facts: &Value) -> String {
    format!("{}/{}", text(&facts["namespace"]), text(&facts["name"]))
}

fn trouble_of_set(seat: &Seat, set: &Value) -> Option<(Truth, Reason, String)> {
    let mut conditions = set["conditions"].as_array().into_iter().flatten();
    let told = conditions.find(|one| one["type"] == "Programmed" || one["status"] == "False");
    not_in_effect(&seat.gateway, told)
}

fn trouble(gateway: &Value, class: &Value, class_name: &str) -> Option<(Truth, Reason, String)> {
    let title = format!("Gateway {}", name_of(gateway));
    if class["accepted"] != true {
        let text = format!("no controller has accepted GatewayClass {class_name} of {title}");
        return Some((Truth::Unknown, Reason::GatewayNotReady, text));
    }
    let mut conditions = gateway["conditions"].as_array().into_iter().flatten();
    not_in_effect(&title, conditions.find(|one| one["type"] == "Programmed"))
}

/// Why something does not work, if this condition does not say that it does.
fn not_in_effect(title: &str, told: Option<&Value>) -> Option<(Truth, Reason, String)> {
    match told {
        Some(one) if one["status"] == "True" => None,
        Some(one) if one["status"] == "False" => {
            let text = format!("{title} does not work: {}: {}", text(&one["reason"]), text(&one["message"]));
            Some((Truth::False, Reason::GatewayNotReady, text))
        }
        _ => Some((Truth::Unknown, Reason::GatewayNotReady, format!("{title} has not come into effect yet"))),
    }
}

/// One object of a kind that is watched while it is listed.
fn look(resource: &'static Resource, namespace: &str, name: &str, world: &World) -> Lookup<Arc<Value>> {
    match world.list(resource, Scope::Indexed(format!("{namespace}/{name}"))) {
        Lookup::Found(found) => found.into_iter().next().map_or(Lookup::Missing, Lookup::Found),
        Lookup::Missing => Lookup::Missing,
        Lookup::NotSynced => Lookup::NotSynced,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
