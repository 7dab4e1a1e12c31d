//! The routes of the Gateway API that a ServiceRoute becomes: one, or several where one cannot hold so many hosts or rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::names::{Place, child_name};
use crate::object::{Desired, ObjectKey};
use crate::resources::{GRPC_ROUTE, HTTP_ROUTE, Resource};
use crate::routing::{Answer, Enforcing, Seat, Served};

/// What one route of the Gateway API can hold.
const MOST: usize = 16;
/// How many listeners one route can name.
const MOST_PARENTS: usize = 32;

/// How the parts of a ServiceRoute are named and labelled.
#[derive(Debug, Clone)]
pub(crate) struct RouteParts<'a> {
    /// Where it is.
    pub(crate) place: &'a Place,
    /// Its name.
    pub(crate) name: &'a str,
}

impl RouteParts<'_> {
    /// One of its objects.
    pub(crate) fn object(&self, resource: &'static Resource, role: &str) -> Desired {
        self.named(resource, child_name(self.name, role))
    }

    /// One of its objects with a name of its own.
    pub(crate) fn named(&self, resource: &'static Resource, name: String) -> Desired {
        let object = Desired::new(ObjectKey::namespaced(resource, &self.place.namespace, name));
        object
            .labels(self.place.labels())
            .label("app.kubernetes.io/name", self.name)
            .label("app.kubernetes.io/component", "route")
    }

    /// The role of the route with this number, from 0.
    pub(crate) fn role(number: usize) -> String {
        if number == 0 { "route".to_owned() } else { format!("route-{}", number + 1) }
    }
}

/// HTTPRoutes, or GRPCRoutes if `grpc`.
pub(crate) fn build_routes(
    parts: &RouteParts,
    seat: &Seat,
    answers: &[Answer],
    enforcing: &Enforcing,
    grpc: bool,
) -> Vec<Desired> {
    let attached = attached(seat);
    let all = attached.iter().flat_map(|one| answers.chunks(MOST).map(move |answers| (one, answers)));
    all.enumerate()
        .map(|(number, ((hosts, parents), answers))| {
            let rules: Vec<Value> = answers.iter().map(|answer| rule(seat, answer, enforcing, grpc)).collect();
            parts
                .object(if grpc { &GRPC_ROUTE } else { &HTTP_ROUTE }, &RouteParts::role(number))
                .with("spec", json!({ "hostnames": hosts, "parentRefs": parents, "rules": rules }))
        })
        .collect()
}

/// The hosts of this seat, as many together as one route holds, and what a route with them is attached to.
pub(super) fn attached(seat: &Seat) -> Vec<(&[String], Vec<Value>)> {
    let hosts = seat.hosts.chunks(MOST);
    hosts
        .flat_map(|hosts| {
            let parents = parents(seat, hosts);
            parents.chunks(MOST_PARENTS).map(|some| (hosts, some.to_vec())).collect::<Vec<_>>()
        })
        .collect()
}

/// What a route of this seat with these hosts is attached to.
pub(super) fn parents(seat: &Seat, hosts: &[String]) -> Vec<Value> {
    let reference = &seat.parent;
    let mut parent = json!({
        "group": "gateway.networking.k8s.io",
        "kind": reference.kind.kind,
        "namespace": reference.namespace,
        "name": reference.name,
    });
    if let Some(port) = reference.port {
        parent["port"] = port.into();
    }
    let sections = seat.sections(hosts);
    if sections.is_empty() {
        return vec![parent];
    }
    let at = |section: &String| {
        let mut parent = parent.clone();
        parent["sectionName"] = section.as_str().into();
        parent
    };
    sections.iter().map(at).collect()
}

fn rule(seat: &Seat, answer: &Answer, enforcing: &Enforcing, grpc: bool) -> Value {
    let mut rule = Map::new();
    let mut matches = Map::new();
    if !grpc {
        matches.insert("path".into(), json!({ "type": "PathPrefix", "value": seat.path }));
    }
    if !answer.headers.is_empty() {
        matches.insert("headers".into(), headers(&answer.headers));
    }
    if !matches.is_empty() {
        rule.insert("matches".into(), json!([matches]));
    }
    // There is no path to rewrite in gRPC.
    let filters: Vec<&Value> =
        enforcing.filters.iter().filter(|filter| !grpc || filter["type"] != "URLRewrite").collect();
    if !filters.is_empty() {
        rule.insert("filters".into(), json!(filters));
    }
    if !enforcing.timeouts.is_null() && !grpc {
        rule.insert("timeouts".into(), enforcing.timeouts.clone());
    }
    rule.insert("backendRefs".into(), shares(answer));
    Value::Object(rule)
}

/// Where requests go, and in what shares.
pub(super) fn shares(answer: &Answer) -> Value {
    let share = |(served, weight): &(Served, i32)| json!({ "group": "", "kind": "Service", "name": served.service, "port": served.port, "weight": weight });
    answer.shares.iter().map(share).collect()
}

fn headers(wanted: &BTreeMap<String, String>) -> Value {
    wanted.iter().map(|(name, value)| json!({ "name": name, "type": "Exact", "value": value })).collect()
}
