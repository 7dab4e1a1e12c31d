//! What pods are made from beside the workloads that they call: ConfigMaps and Secrets above all, and which state of those a template stands
//! for. Of what they hold nothing is known, nor looked at: a change is a new resourceVersion. What cannot be looked at is counted, so that
//! nobody says that it was.

use std::collections::BTreeSet;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::draft::Workload;
use crate::kinds::tenantry_platform;
use crate::kinds::tenantry_platform::types::Configuration;
use crate::object::ObjectKey;
use crate::resources::{CONFIG_MAP_ORIGINAL, Resource, SECRET_ORIGINAL};
use crate::world::{Lookup, World};

/// What is known of all that pods are made from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Consumed {
    /// Which state of it a template stands for.
    pub(super) state: State,
    /// What is not there and must be, each with its field and the fix.
    pub(super) missing: Vec<String>,
    /// Sorts of objects that are named and nobody has looked for.
    pub(super) unchecked: BTreeSet<&'static str>,
}

/// Which state of what it consumes a template stands for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// The platform does not want pods replaced for that, or there is nothing.
    #[default]
    Untold,
    /// This one.
    Known(String),
    /// It is not known; with what is not.
    Unknown(String),
}

/// One mention of a ConfigMap or a Secret.
struct Named {
    /// Where it is named.
    field: String,
    resource: &'static Resource,
    name: String,
    is_optional: bool,
}

/// What is known of all that the pods of a template are made from; nothing is where none run.
pub(super) fn consumed(workload: &Workload, template: Option<&Value>, world: &World) -> Consumed {
    let mut consumed = Consumed::default();
    let mut all = template.map(|template| named(workload, template)).unwrap_or_default();
    if let Some(template) = template {
        consumed.unchecked = elsewhere(workload, template);
    }
    all.extend(workload.extras.secrets.iter().map(|(field, key)| Named {
        field: field.clone(),
        resource: &SECRET_ORIGINAL,
        name: key.name.clone(),
        is_optional: key.optional == Some(true),
    }));
    if all.is_empty() {
        return consumed;
    }
    let Some(platform) = tenantry_platform::settings(world) else {
        consumed.state = State::Unknown("it is not known yet what the platform has pods replaced for".to_owned());
        return consumed;
    };
    let is_watched = |resource: &Resource| {
        platform.rollout_on_change.iter().any(|kind| match kind {
            Configuration::ConfigMap => *resource == CONFIG_MAP_ORIGINAL,
            Configuration::Secret => *resource == SECRET_ORIGINAL,
        })
    };
    let (watched, others): (Vec<&Named>, Vec<&Named>) = all.iter().partition(|one| is_watched(one.resource));
    consumed.unchecked.extend(others.iter().map(|one| one.resource.kind));
    let namespace = workload.namespace();
    let mut states = BTreeSet::new();
    for Named { field, resource, name, is_optional } in watched {
        let version = match world.get(&ObjectKey::namespaced(resource, namespace, name)) {
            Lookup::Found(facts) => format!("{} {}", facts["metadata"]["uid"], facts["metadata"]["resourceVersion"]),
            Lookup::Missing => {
                if !is_optional {
                    consumed.missing.push(format!(
                        "{field}: there is no {} {namespace}/{name}: create it, or refer to another",
                        resource.kind
                    ));
                }
                "none".to_owned()
            }
            Lookup::NotSynced => {
                consumed.state = State::Unknown(format!(
                    "{} in {namespace} cannot be seen, so it is not known whether pods must be replaced: bind the operator to the ClusterRole tenantry:watches-configuration, or take the kind from spec.rolloutOnChange of the TenantryPlatform",
                    resource.plural
                ));
                return consumed;
            }
        };
        states.insert((*resource, name, version));
    }
    if !states.is_empty() {
        let states: Vec<String> =
            states.iter().map(|(resource, name, version)| format!("{} {name} {version}", resource.kind)).collect();
        consumed.state = State::Known(format!("{:016x}", xxh3_64(states.join("\n").as_bytes())));
    }
    consumed
}

/// Every mention of a ConfigMap or a Secret in containers and volumes of a template.
fn named(workload: &Workload, template: &Value) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let mut take = |field: &str, resource: &'static Resource, source: &Value, name: &str| {
        all.extend(source[name].as_str().map(|name| Named {
            field: field.to_owned(),
            resource,
            name: name.to_owned(),
            is_optional: source["optional"] == true,
        }));
    };
    let spec = &template["spec"];
    for container in list(spec, "containers").iter().chain(&list(spec, "initContainers")) {
        for variable in list(container, "env") {
            let name = variable["name"].as_str().unwrap_or_default();
            let is_theirs = workload.trunk.env.iter().any(|one| one.name == name);
            let field = if is_theirs { format!("spec.env[{name}]") } else { format!("environment variable {name}") };
            take(&field, &SECRET_ORIGINAL, &variable["valueFrom"]["secretKeyRef"], "name");
            take(&field, &CONFIG_MAP_ORIGINAL, &variable["valueFrom"]["configMapKeyRef"], "name");
        }
        for (index, source) in list(container, "envFrom").iter().enumerate() {
            let field = format!("spec.envFrom[{index}]");
            take(&field, &SECRET_ORIGINAL, &source["secretRef"], "name");
            take(&field, &CONFIG_MAP_ORIGINAL, &source["configMapRef"], "name");
        }
    }
    // Those of files follow the others, in the order of the spec.
    let mut files = workload.trunk.files.iter();
    for volume in list(spec, "volumes") {
        if volume["secret"].is_null() && volume["configMap"].is_null() {
            continue;
        }
        let path = files.next().map(|file| file.mount_path.as_str()).unwrap_or_default();
        let field = format!("spec.files[{path}]");
        take(&field, &SECRET_ORIGINAL, &volume["secret"], "secretName");
        take(&field, &CONFIG_MAP_ORIGINAL, &volume["configMap"], "name");
    }
    all
}

/// Sorts of objects that a template names, and that the operator does not look at unless it has made them.
fn elsewhere(workload: &Workload, template: &Value) -> BTreeSet<&'static str> {
    let mut sorts = BTreeSet::new();
    let mut note = |is_named: bool, sort| sorts.extend(is_named.then_some(sort));
    let spec = &template["spec"];
    note(workload.trunk.service_account.as_ref().is_some_and(|account| account.name.is_some()), "ServiceAccount");
    note(!spec["runtimeClassName"].is_null(), "RuntimeClass");
    note(!spec["priorityClassName"].is_null(), "PriorityClass");
    let own = workload.extras.claim.as_ref();
    note(own.is_some_and(|claim| claim.class.is_some()), "StorageClass");
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let mut claims = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    note(claims.any(|name| own.is_none_or(|claim| claim.name != name)), "PersistentVolumeClaim");
    sorts
}
