//! The ConfigMaps and Secrets that pods are configured by, and which state of them a template stands for. Of what they hold nothing is
//! known, nor looked at: a change is a new resourceVersion.

use std::collections::BTreeSet;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::kinds::tenantry_platform;
use crate::kinds::tenantry_platform::types::Configuration;
use crate::object::ObjectKey;
use crate::resources::{CONFIG_MAP_ORIGINAL, Resource, SECRET_ORIGINAL};
use crate::world::{Lookup, World};

/// Which state of what it consumes a template stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The platform does not want pods replaced for that, or there is nothing.
    Untold,
    /// This one.
    Known(String),
    /// It is not known; with what is not.
    Unknown(String),
}

/// The state for a pod template in this namespace.
pub(super) fn state(template: &Value, namespace: &str, world: &World) -> State {
    let names = names(template);
    if names.is_empty() {
        return State::Untold;
    }
    let Some(platform) = tenantry_platform::settings(world) else {
        return State::Unknown("it is not known yet what the platform has pods replaced for".to_owned());
    };
    let kinds = platform.rollout_on_change;
    let is_watched = |resource: &Resource| {
        kinds.iter().any(|kind| match kind {
            Configuration::ConfigMap => *resource == CONFIG_MAP_ORIGINAL,
            Configuration::Secret => *resource == SECRET_ORIGINAL,
        })
    };
    let mut states = Vec::new();
    for (resource, name) in names.into_iter().filter(|(resource, _)| is_watched(resource)) {
        let version = match world.get(&ObjectKey::namespaced(resource, namespace, &name)) {
            Lookup::Found(facts) => format!("{} {}", facts["metadata"]["uid"], facts["metadata"]["resourceVersion"]),
            Lookup::Missing => "none".to_owned(),
            Lookup::NotSynced => {
                return State::Unknown(format!(
                    "{} in {namespace} cannot be seen, so it is not known whether pods must be replaced: bind the operator to the ClusterRole tenantry:watches-configuration, or take the kind from spec.rolloutOnChange of the TenantryPlatform",
                    resource.plural
                ));
            }
        };
        states.push(format!("{} {name} {version}", resource.kind));
    }
    if states.is_empty() {
        State::Untold
    } else {
        State::Known(format!("{:016x}", xxh3_64(states.join("\n").as_bytes())))
    }
}

/// Everything that containers and volumes of a template refer to.
fn names(template: &Value) -> BTreeSet<(&'static Resource, String)> {
    let mut names = BTreeSet::new();
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let mut take = |resource: &'static Resource, name: &Value| {
        names.extend(name.as_str().map(|name| (resource, name.to_owned())));
    };
    let spec = &template["spec"];
    for container in list(spec, "containers").iter().chain(&list(spec, "initContainers")) {
        for variable in list(container, "env") {
            take(&SECRET_ORIGINAL, &variable["valueFrom"]["secretKeyRef"]["name"]);
            take(&CONFIG_MAP_ORIGINAL, &variable["valueFrom"]["configMapKeyRef"]["name"]);
        }
        for source in list(container, "envFrom") {
            take(&SECRET_ORIGINAL, &source["secretRef"]["name"]);
            take(&CONFIG_MAP_ORIGINAL, &source["configMapRef"]["name"]);
        }
    }
    for volume in list(spec, "volumes") {
        take(&SECRET_ORIGINAL, &volume["secret"]["secretName"]);
        take(&CONFIG_MAP_ORIGINAL, &volume["configMap"]["name"]);
    }
    names
}
