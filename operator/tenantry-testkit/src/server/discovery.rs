//! Discovery, version and health: what is served, said in the API server's own documents. It never reads objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::registry::Registry;
use super::request::ApiRequest;

/// The answer to a path that is no resource; none if it is one, or nothing.
pub fn answer(registry: &Registry, request: &ApiRequest) -> Option<Value> {
    let segments = request.call.path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>();
    match segments.as_slice() {
        ["version"] => Some(json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
        })),
        ["readyz" | "livez" | "healthz"] => Some(json!("ok")),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => Some(groups(registry)),
        ["apis", group] => groups(registry)["groups"]
            .as_array()?
            .iter()
            .find(|found| found["name"] == *group)
            .map(|found| with_kind(found, "APIGroup")),
        ["api", version] => resources(registry, "", version),
        ["apis", group, version] => resources(registry, group, version),
        _ => None,
    }
}

fn with_kind(value: &Value, kind: &str) -> Value {
    let mut out = value.clone();
    out["kind"] = json!(kind);
    out["apiVersion"] = json!("v1");
    out
}

fn groups(registry: &Registry) -> Value {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in registry.all().filter(|resource| !resource.group.is_empty()) {
        let list = versions.entry(resource.group.clone()).or_default();
        if !list.contains(&resource.version) {
            list.push(resource.version.clone());
        }
    }
    let groups = versions.iter().map(|(group, list)| {
        let list = list
            .iter()
            .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
            .collect::<Vec<_>>();
        json!({"name": group, "versions": list, "preferredVersion": list[0]})
    });
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()})
}

fn resources(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut list = Vec::new();
    for resource in registry.all().filter(|found| found.group == group && found.version == version) {
        let entry = |name: String, verbs: &[&str]| {
            json!({
                "name": name, "singularName": resource.kind.to_lowercase(), "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": verbs,
            })
        };
        list.push(entry(resource.plural.clone(), &VERBS));
        if resource.has_status {
            list.push(entry(format!("{}/status", resource.plural), &["get", "patch", "update"]));
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!list.is_empty()).then(
        || json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list}),
    )
}
