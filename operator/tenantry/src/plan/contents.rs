//! What is in namespaces that Tenants adopt, and which of it could not be made again afterwards: every kind that a rule looks at,
//! read by the rights of whoever plans. Judged here, by the admission policies' own rules; it is told, and nothing is done about it.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::Discovery;
use serde::Serialize;
use serde_json::Value;
use tenantry_core::fields::Quantities;
use tenantry_core::kind::Registration;
use tenantry_core::meta;
use tenantry_core::names;
use tenantry_core::object::ObjectKey;
use tenantry_core::policies::judge::refused_anew;
use tenantry_core::policies::rule::Target;
use tenantry_core::policies::rules::{ENDPOINTS, GROUPS};
use tenantry_core::quantity::Quantity;
use tenantry_core::quotas::{amounts, beyond};
use tenantry_core::resources::{NAMESPACE, RESOURCE_QUOTA, TENANT, has_ended, is_ours, is_spoken_for};

use super::report::ObjectRef;
use super::snapshot::Snapshot;
use crate::connect::{ConnectError, Connection};
use crate::manifest::Manifest;

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// What adopted namespaces hold, as far as rules look at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    held: BTreeMap<String, Vec<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    group: String,
    plural: String,
    object: Value,
}

/// An object that exists and that one of the rules would refuse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conflict {
    pub(super) object: ObjectRef,
    pub(super) rule: String,
    /// The Tenant's field that decides, if one does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) field: String,
    pub(super) message: String,
}

/// Namespaces that these Tenants ask to take over.
pub(super) fn adopted(given: &[(&'static Registration, Manifest)]) -> BTreeSet<String> {
    let tenants = given.iter().filter(|(kind, _)| *kind.resource == TENANT);
    tenants.flat_map(|(_, manifest)| adopted_by(&manifest.object)).map(str::to_owned).collect()
}

fn adopted_by(tenant: &Value) -> impl Iterator<Item = &str> {
    let environments = tenant["spec"]["environments"].as_array().into_iter().flatten();
    environments.filter_map(|environment| environment["adopt"]["namespace"].as_str())
}

/// What rules look at. Endpoints are made by Kubernetes itself, and nobody can tell those from others'.
fn targets() -> impl Iterator<Item = &'static Target> {
    GROUPS.iter().filter(|group| group.name != ENDPOINTS.name).flat_map(|group| group.targets)
}

impl Contents {
    /// Reads them from a cluster. What may not be read is noted.
    pub(super) async fn read(
        connection: &Connection,
        namespaces: &BTreeSet<String>,
        notes: &mut Vec<String>,
    ) -> Result<Self, ConnectError> {
        let mut contents = Self::default();
        if namespaces.is_empty() {
            return Ok(contents);
        }
        let groups: BTreeSet<&str> = targets().flat_map(|target| target.groups).copied().collect();
        let groups: Vec<&str> = groups.into_iter().collect();
        let discovery = Discovery::new(connection.client.clone()).filter(&groups).run().await;
        let discovery = discovery.map_err(|error| connection.explain("discover what the cluster serves", &error))?;
        for group in discovery.groups_alphabetical() {
            for (kind, _) in group.recommended_resources() {
                if !is_looked_at(&kind.group, &kind.plural) {
                    continue;
                }
                for namespace in namespaces {
                    let api: Api<DynamicObject> = Api::namespaced_with(connection.client.clone(), namespace, &kind);
                    match list(&api).await {
                        Ok(objects) => {
                            for mut object in objects {
                                // Items of a list do not say what they are.
                                object["apiVersion"] = kind.api_version.clone().into();
                                object["kind"] = kind.kind.clone().into();
                                contents.put(namespace, &kind.group, &kind.plural, object);
                            }
                        }
                        Err(kube::Error::Api(status)) if status.code == 404 => {}
                        Err(kube::Error::Api(status)) if status.code == 403 => notes.push(format!(
                            "you may not list {} in {namespace}: which of them the tenant's rules would refuse is not told",
                            kind.plural
                        )),
                        Err(error) => return Err(connection.explain(format!("list {}", kind.plural), &error)),
                    }
                }
            }
        }
        Ok(contents)
    }

    /// Takes one object of a recorded cluster, if it is in one of these namespaces and a rule looks at its kind.
    pub(super) fn record(&mut self, namespaces: &BTreeSet<String>, object: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, namespace) = (text(&object["apiVersion"]), text(&object["metadata"]["namespace"]));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let kind = text(&object["kind"]).to_lowercase();
        let of_group = targets().filter(|target| target.groups.contains(&group)).flat_map(|target| target.resources);
        let Some(plural) = of_group.copied().find(|plural| is_plural(plural, &kind)) else { return false };
        if !namespaces.contains(&namespace) {
            return false;
        }
        self.put(&namespace, group, plural, object.clone());
        true
    }

    fn put(&mut self, namespace: &str, group: &str, plural: &str, object: Value) {
        let held = Held { group: group.to_owned(), plural: plural.to_owned(), object };
        self.held.entry(namespace.to_owned()).or_default().push(held);
    }

    /// What conflicts in the namespaces that this Tenant has taken over in the end.
    pub(super) fn conflicts(&self, tenant: &Value, before: &Snapshot, after: &Snapshot) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for name in adopted_by(tenant) {
            let namespace = after.object(&ObjectKey::cluster(&NAMESPACE, name));
            let namespace =
                namespace.filter(|found| found["metadata"]["labels"][meta::TENANT] == tenant["metadata"]["name"]);
            let (Some(namespace), Some(held)) = (namespace, self.held.get(name)) else { continue };
            conflicts
                .extend(held.iter().filter(|held| is_judged(&held.object)).flat_map(|held| held.refused(namespace)));
            conflicts.extend(exceeded(name, held, before, after));
        }
        conflicts.sort();
        conflicts
    }
}

async fn list(api: &Api<DynamicObject>) -> Result<Vec<Value>, kube::Error> {
    let (mut parameters, mut objects) = (ListParams::default().limit(PAGE), Vec::new());
    loop {
        let page = api.list(&parameters).await?;
        objects.extend(page.items.into_iter().map(|object| serde_json::to_value(object).unwrap_or_default()));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => parameters = parameters.continue_token(&token),
            _ => return Ok(objects),
        }
    }
}

fn is_looked_at(group: &str, plural: &str) -> bool {
    targets().any(|target| target.groups.contains(&group) && target.resources.contains(&plural))
}

/// Whether this is the plural of a kind, in lower case.
fn is_plural(plural: &str, kind: &str) -> bool {
    let ends = |stem: &str, endings: &[&str]| plural.strip_prefix(stem).is_some_and(|ending| endings.contains(&ending));
    ends(kind, &["s", "es"]) || kind.strip_suffix('y').is_some_and(|stem| ends(stem, &["ies"]))
}

/// Ours are as they must be, what has ended harms nobody, and what a controller makes is told of by the controller.
fn is_judged(object: &Value) -> bool {
    !is_spoken_for(object)
        && !is_ours(object)
        && !has_ended(object)
        && object["metadata"]["deletionTimestamp"].is_null()
}

impl Held {
    fn refused(&self, namespace: &Value) -> Vec<Conflict> {
        let rules = refused_anew(&self.group, &self.plural, &self.object, namespace);
        let conflicts = rules.into_iter().map(|rule| Conflict {
            object: self.name(),
            rule: rule.name.to_owned(),
            field: rule.field.to_owned(),
            message: rule.message.to_owned(),
        });
        conflicts.collect()
    }

    fn name(&self) -> ObjectRef {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ObjectRef {
            api_version: text(&self.object["apiVersion"]),
            kind: text(&self.object["kind"]),
            namespace: text(&self.object["metadata"]["namespace"]),
            name: text(&self.object["metadata"]["name"]),
        }
    }
}

/// What is used beyond the quota that will be there. What the server has counted goes before what can be counted here.
fn exceeded(namespace: &str, held: &[Held], before: &Snapshot, after: &Snapshot) -> Vec<Conflict> {
    let key = ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, names::QUOTA);
    let counted = before.object(&key).map(|quota| amounts(&quota["status"]["used"]));
    let used = counted.unwrap_or_else(|| usage(held));
    let hard = after.object(&key).map(|quota| amounts(&quota["spec"]["hard"])).unwrap_or_default();
    let conflict = |message| Conflict {
        object: ObjectRef::from(&key),
        rule: "quota".to_owned(),
        field: "spec.quota".to_owned(),
        message,
    };
    beyond(&used, &hard).into_iter().map(conflict).collect()
}

/// What is used at least, as quotas count it: pods with their containers, Services and volume claims.
fn usage(held: &[Held]) -> Quantities {
    let mut usage = Quantities::new();
    let mut add = |name: String, amount: &Value| {
        if let Some(amount) = amount.as_str().and_then(|text| text.parse::<Quantity>().ok()) {
            let sum = usage.entry(name).or_insert(Quantity::ZERO);
            *sum = [*sum, amount].into_iter().sum();
        }
    };
    for Held { plural, object, .. } in held.iter().filter(|held| !has_ended(&held.object)) {
        let spec = &object["spec"];
        match plural.as_str() {
            "pods" => {
                add("pods".to_owned(), &"1".into());
                for container in spec["containers"].as_array().into_iter().flatten() {
                    for (part, resources) in container["resources"].as_object().into_iter().flatten() {
                        for (name, amount) in resources.as_object().into_iter().flatten() {
                            add(format!("{part}.{name}"), amount);
                            if part == "requests" {
                                add(name.clone(), amount);
                            }
                        }
                    }
                }
            }
            "services" => {
                add("services".to_owned(), &"1".into());
                if spec["type"] == "LoadBalancer" {
                    add("services.loadbalancers".to_owned(), &"1".into());
                }
            }
            "persistentvolumeclaims" => {
                add("persistentvolumeclaims".to_owned(), &"1".into());
                add("requests.storage".to_owned(), &spec["resources"]["requests"]["storage"]);
            }
            _ => {}
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_found_by_their_plurals() {
        for (plural, kind) in [
            ("pods", "pod"),
            ("ingresses", "ingress"),
            ("networkpolicies", "networkpolicy"),
            ("gateways", "gateway"),
            ("backendtlspolicies", "backendtlspolicy"),
        ] {
            assert!(is_plural(plural, kind), "{plural} {kind}");
        }
        assert!(!is_plural("pods", "podtemplate") && !is_plural("jobs", "cronjob") && !is_plural("pods/resize", "pod"));
    }

    #[test]
    fn usage_is_counted_as_quotas_do() {
        let pod = |phase: &str| {
            let resources = json!({ "requests": { "cpu": "500m" }, "limits": { "memory": "1Gi" } });
            let container = json!({ "name": "one", "resources": resources });
            Held {
                group: String::new(),
                plural: "pods".into(),
                object: json!({ "spec": { "containers": [container, container] }, "status": { "phase": phase } }),
            }
        };
        let used = usage(&[pod("Running"), pod("Succeeded"), pod("Pending")]);
        let told: Vec<String> = used.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
        assert_eq!(told, ["cpu 2", "limits.memory 4Gi", "pods 2", "requests.cpu 2"]);
    }
}
