//! What a gateway can do. That it accepts a route proves little: some say that they have accepted what they then ignore. So what a
//! route needs is held against what the class of the gateway says it supports, and against what is known of its controller
//! (`known.rs`).

use std::sync::Arc;

use serde_json::Value;

use crate::conditions::{Reason, Truth};
use crate::resources::{GATEWAY, GATEWAY_CLASS, Resource, is_served};
use crate::world::{Lookup, Scope, World};

use super::gateways::Seat;
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
    /// Whether it takes routes of other namespaces at all.
    pub(crate) is_open: bool,
}

impl Controller {
    /// Whether it can do this.
    pub(crate) fn can(&self, feature: Feature) -> bool {
        let known = self.name.as_deref().and_then(known::of).and_then(|known| known.word(feature));
        known.unwrap_or_else(|| self.features.iter().any(|one| one == feature.name()))
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
    let reference = &seat.profile.gateway_ref;
    let gateway = match look(&GATEWAY, &reference.namespace, &reference.name, world) {
        Lookup::Found(gateway) => gateway,
        Lookup::Missing => {
            let text = format!(
                "there is no Gateway {}: have it made, or profile {} of the platform mended",
                seat.gateway, seat.profile.name
            );
            return not_ready(Truth::False, text);
        }
        Lookup::NotSynced => return not_ready(Truth::Unknown, "Gateways are not known yet".into()),
    };
    let listeners = gateway["listeners"].as_array().into_iter().flatten();
    let listeners = listeners
        .filter(|one| reference.section_name.is_none() || one["name"].as_str() == reference.section_name.as_deref());
    let listener = |one: &Value| Listener {
        name: text(&one["name"]),
        protocol: text(&one["protocol"]),
        port: one["port"].as_i64().unwrap_or_default(),
        hostname: one["hostname"].as_str().map(str::to_owned),
        is_open: !matches!(one["from"].as_str(), None | Some("Same" | "None")),
    };
    let listeners: Vec<Listener> = listeners.map(listener).collect();
    let class_name = text(&gateway["class"]);
    let class = match look(&GATEWAY_CLASS, "", &class_name, world) {
        Lookup::Found(class) => class,
        Lookup::Missing => {
            let text = format!(
                "GatewayClass {class_name} of Gateway {} does not exist: have its controller installed",
                seat.gateway
            );
            return Controller { listeners, ..not_ready(Truth::False, text) };
        }
        Lookup::NotSynced => return not_ready(Truth::Unknown, "GatewayClasses are not known yet".into()),
    };
    let features = class["features"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let trouble = trouble(seat, &gateway, &class, &class_name);
    Controller {
        name: class["controller"].as_str().map(str::to_owned),
        features: features.collect(),
        trouble,
        listeners,
    }
}

fn trouble(seat: &Seat, gateway: &Value, class: &Value, class_name: &str) -> Option<(Truth, Reason, String)> {
    if class["accepted"] != true {
        let text = format!("no controller has accepted GatewayClass {class_name} of Gateway {}", seat.gateway);
        return Some((Truth::Unknown, Reason::GatewayNotReady, text));
    }
    let conditions = gateway["conditions"].as_array().into_iter().flatten();
    let programmed = conditions.into_iter().find(|one| one["type"] == "Programmed");
    match programmed {
        Some(one) if one["status"] == "True" => None,
        Some(one) if one["status"] == "False" => {
            let text =
                format!("Gateway {} does not work: {}: {}", seat.gateway, text(&one["reason"]), text(&one["message"]));
            Some((Truth::False, Reason::GatewayNotReady, text))
        }
        _ => Some((
            Truth::Unknown,
            Reason::GatewayNotReady,
            format!("Gateway {} has not come into effect yet", seat.gateway),
        )),
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
