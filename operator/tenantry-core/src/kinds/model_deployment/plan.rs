//! A ModelDeployment is a workload that is told which model to load, and that counts as available when it says it has. Each of its further
//! versions is another one beside it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::build::Claim;
use crate::conditions::Reason;
use crate::names;
use crate::plan::Refusal;
use crate::workload::types::{HttpGet, Probe, Rollout, Strategy, Trunk};
use crate::workload::{self, CACHE, Draft, Extras, Workload, sort};
use crate::world::World;

use super::types::{AccessMode, Cache, Model, ModelDeployment, ModelProtocol, Version};

/// Name of the version that the resource itself describes.
pub(super) const DEFAULT: &str = "default";

/// Where models are in the container.
const FOLDER: &str = "/models";

/// Plans it and its versions.
pub(super) fn draft(deployment: &ModelDeployment, world: &World, now: Timestamp) -> Draft {
    let (workload, versions) = workloads(deployment);
    workload::draft_with(&workload, &versions, world, now)
}

/// The workload that it is, and its further versions.
pub(super) fn workloads(deployment: &ModelDeployment) -> (Workload<'_>, Vec<Workload<'_>>) {
    let mut main = workload(deployment, None);
    main.refusals = refusals(deployment);
    (main, deployment.spec.versions.iter().map(|version| workload(deployment, Some(version))).collect())
}

/// What callers call the model.
pub(super) fn served_as(deployment: &ModelDeployment) -> String {
    name_of(deployment, &deployment.spec.model)
}

fn name_of(deployment: &ModelDeployment, model: &Model) -> String {
    model.name.clone().or_else(|| deployment.metadata.name.clone()).unwrap_or_default()
}

fn workload<'a>(deployment: &'a ModelDeployment, version: Option<&'a Version>) -> Workload<'a> {
    let model = version.and_then(|version| version.model.as_ref()).unwrap_or(&deployment.spec.model);
    let claim = deployment.spec.cache.as_ref().filter(|_| on_volume(model).is_none());
    let claim = claim.map(|cache| claim_of(deployment, version, cache));
    Workload {
        sort: &sort::MODEL_DEPLOYMENT,
        metadata: &deployment.metadata,
        trunk: Cow::Owned(trunk(deployment, version, claim.as_ref())),
        runs: true,
        connections: None,
        path: deployment.spec.path.as_deref(),
        extras: Extras {
            env: env(deployment, model),
            volumes: vec![volume(model, claim.as_ref())],
            claim,
            version: version.map(|version| version.name.clone()),
            ..Extras::default()
        },
        inquiry: None,
        refusals: Vec::new(),
        unknown: None,
    }
}

fn trunk(deployment: &ModelDeployment, version: Option<&Version>, claim: Option<&Claim>) -> Trunk {
    let runtime = &deployment.spec.runtime;
    let mut trunk = deployment.spec.trunk.clone();
    let image = version.and_then(|version| version.image.as_ref()).unwrap_or(&runtime.image);
    trunk.image = Some(image.clone());
    trunk.args.clone_from(&runtime.args);
    if let Some(scaling) = version.and_then(|version| version.scaling.as_ref()) {
        trunk.scaling = Some(scaling.clone());
    }
    // The next pod could wait for ever for a volume that the last one holds on another node.
    if claim.is_some_and(|claim| claim.mode == ONCE) {
        trunk.rollout.get_or_insert(Rollout { strategy: Strategy::Recreate, ..Rollout::default() });
    }
    let path = match runtime.protocol {
        ModelProtocol::OpenAI => Some("/v1/models"),
        ModelProtocol::KServeV2 => Some("/v2/health/ready"),
        ModelProtocol::Custom => None,
    };
    if let Some(path) = path {
        let get = HttpGet { path: path.to_owned(), port: None };
        let probes = trunk.probes.get_or_insert_default();
        probes.readiness.get_or_insert(Probe { http_get: Some(get), ..Probe::default() });
    }
    trunk
}

fn env(deployment: &ModelDeployment, model: &Model) -> Vec<Value> {
    let path = on_volume(model).map(|(_, path)| format!("{FOLDER}/{path}").trim_end_matches('/').to_owned());
    let all = [
        ("TENANTRY_MODEL_URI", Some(model.uri.clone())),
        ("TENANTRY_MODEL_NAME", Some(name_of(deployment, model))),
        ("TENANTRY_MODEL_REVISION", model.revision.clone()),
        ("TENANTRY_MODEL_PATH", path),
        // Where libraries of the common hub put what they load.
        ("HF_HOME", Some(FOLDER.to_owned()).filter(|_| on_volume(model).is_none())),
    ];
    all.into_iter().filter_map(|(name, value)| Some(json!({ "name": name, "value": value? }))).collect()
}

/// Name of the claim and path in it, of a model on a volume.
fn on_volume(model: &Model) -> Option<(&str, &str)> {
    let rest = model.uri.strip_prefix("pvc://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// The volume and how it is mounted.
fn volume(model: &Model, claim: Option<&Claim>) -> (Value, Value) {
    let mount = |name: &str| json!({ "name": name, "mountPath": FOLDER });
    if let Some((claim, _)) = on_volume(model) {
        return (
            json!({ "name": "models", "persistentVolumeClaim": { "claimName": claim } }),
            json!({ "name": "models", "mountPath": FOLDER, "readOnly": true }),
        );
    }
    match claim {
        Some(claim) => (json!({ "name": CACHE, "persistentVolumeClaim": { "claimName": claim.name } }), mount(CACHE)),
        None => (json!({ "name": "models", "emptyDir": {} }), mount("models")),
    }
}

const ONCE: &str = "ReadWriteOnce";

/// The claim of a version's cache. What the server lets nobody change is in its name: another is another claim.
fn claim_of(deployment: &ModelDeployment, version: Option<&Version>, cache: &Cache) -> Claim {
    let mode = match cache.access_mode {
        AccessMode::ReadWriteOnce => ONCE,
        AccessMode::ReadWriteMany => "ReadWriteMany",
    };
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    let name = version.map_or_else(|| name.to_owned(), |version| format!("{name}-{}", version.name));
    let fixed = xxh3_64(json!([cache.storage_class_name, mode]).to_string().as_bytes()) & 0xff_ffff;
    let name = names::child_name(&sort::MODEL_DEPLOYMENT.child(&name), &format!("cache-{fixed:06x}"));
    Claim { name, size: cache.size, class: cache.storage_class_name.clone(), mode }
}

fn refusals(deployment: &ModelDeployment) -> Vec<Refusal> {
    let spec = &deployment.spec;
    let mut refusals = Vec::new();
    let mut refuse = |field: String, message: &str| refusals.push(Refusal::new(Reason::Invalid, field, message));
    let models = std::iter::once(("spec.model".to_owned(), &spec.model));
    let others = spec
        .versions
        .iter()
        .filter_map(|one| Some((format!("spec.versions[{}].model", one.name), one.model.as_ref()?)));
    for (field, model) in models.chain(others) {
        if on_volume(model).is_some_and(|(claim, _)| !claim.split('.').all(names::is_dns_label)) {
            refuse(format!("{field}.uri"), "names no PersistentVolumeClaim: write pvc://claim/path");
        }
    }
    if spec.versions.iter().map(|version| version.traffic_percent).sum::<i32>() > 100 {
        refuse(
            "spec.versions".to_owned(),
            "their shares of the traffic are more than 100 per cent together: lower some",
        );
    }
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    if let Some(version) = spec.versions.iter().find(|version| name.len() + version.name.len() > 62) {
        let text = "is too long beside the name of the resource, which are 62 characters together: shorten either";
        refuse(format!("spec.versions[{}].name", version.name), text);
    }
    if let Some(cache) = &spec.cache {
        refuse_cache(deployment, cache, &mut refuse);
    }
    refusals
}

fn refuse_cache(deployment: &ModelDeployment, cache: &Cache, refuse: &mut impl FnMut(String, &str)) {
    let spec = &deployment.spec;
    if on_volume(&spec.model).is_some() {
        refuse("spec.cache".to_owned(), "a model on a volume is not loaded, so there is nothing to keep: remove it");
    }
    if cache.access_mode == AccessMode::ReadWriteMany {
        return;
    }
    let scalings = spec.versions.iter().map(|version| version.scaling.as_ref().or(spec.trunk.scaling.as_ref()));
    let several = std::iter::once(spec.trunk.scaling.as_ref())
        .chain(scalings)
        .flatten()
        .any(|scaling| scaling.min_replicas > 1 || scaling.max_replicas.is_some_and(|most| most > 1));
    if several {
        let text = "one node at a time may mount it, and there are to be several pods: set ReadWriteMany, or one pod";
        refuse("spec.cache.accessMode".to_owned(), text);
    }
    if spec.trunk.rollout.as_ref().is_some_and(|rollout| rollout.strategy == Strategy::RollingUpdate) {
        let text = "a new pod could wait for ever for the volume that the old one holds: set Recreate, or cache.accessMode: ReadWriteMany";
        refuse("spec.rollout.strategy".to_owned(), text);
    }
}
