//! A ModelDeployment is a workload that is told which model to load, and that counts as available when it says it has.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::conditions::Reason;
use crate::plan::Refusal;
use crate::workload::types::{HttpGet, Probe, Trunk};
use crate::workload::{Extras, Workload, sort};

use super::types::{ModelDeployment, ModelProtocol};

/// Where models are in the container.
const FOLDER: &str = "/models";

/// The workload that it is.
pub(super) fn workload(deployment: &ModelDeployment) -> Workload<'_> {
    Workload {
        sort: &sort::MODEL_DEPLOYMENT,
        metadata: &deployment.metadata,
        trunk: Cow::Owned(trunk(deployment)),
        runs: true,
        connections: None,
        path: deployment.spec.path.as_deref(),
        extras: Extras { env: env(deployment), volumes: vec![volume(deployment)], first: None },
        inquiry: None,
        refusals: refusals(deployment),
        unknown: None,
    }
}

fn trunk(deployment: &ModelDeployment) -> Trunk {
    let runtime = &deployment.spec.runtime;
    let mut trunk = deployment.spec.trunk.clone();
    trunk.image = Some(runtime.image.clone());
    trunk.args.clone_from(&runtime.args);
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

fn env(deployment: &ModelDeployment) -> Vec<Value> {
    let model = &deployment.spec.model;
    let name = model.name.clone().or_else(|| deployment.metadata.name.clone());
    let path = claim(deployment).map(|(_, path)| format!("{FOLDER}/{path}").trim_end_matches('/').to_owned());
    let all = [
        ("TENANTRY_MODEL_URI", Some(model.uri.clone())),
        ("TENANTRY_MODEL_NAME", name),
        ("TENANTRY_MODEL_REVISION", model.revision.clone()),
        ("TENANTRY_MODEL_PATH", path),
        // Where libraries of the common hub put what they load.
        ("HF_HOME", Some(FOLDER.to_owned()).filter(|_| claim(deployment).is_none())),
    ];
    all.into_iter().filter_map(|(name, value)| Some(json!({ "name": name, "value": value? }))).collect()
}

/// Name of the claim and path in it, of a model on a volume.
fn claim(deployment: &ModelDeployment) -> Option<(&str, &str)> {
    let rest = deployment.spec.model.uri.strip_prefix("pvc://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// The volume and how it is mounted.
fn volume(deployment: &ModelDeployment) -> (Value, Value) {
    match claim(deployment) {
        Some((claim, _)) => (
            json!({ "name": "models", "persistentVolumeClaim": { "claimName": claim } }),
            json!({ "name": "models", "mountPath": FOLDER, "readOnly": true }),
        ),
        None => (json!({ "name": "models", "emptyDir": {} }), json!({ "name": "models", "mountPath": FOLDER })),
    }
}

fn refusals(deployment: &ModelDeployment) -> Vec<Refusal> {
    let spec = &deployment.spec;
    let mut refusals = Vec::new();
    let mut refuse = |reason, field, message| refusals.push(Refusal::new(reason, field, message));
    if spec.cache.is_some() {
        refuse(
            Reason::Unsupported,
            "spec.cache",
            "nothing is kept between pods yet: remove it, or put the model on a volume and name it as pvc://",
        );
    }
    if !spec.versions.is_empty() {
        refuse(
            Reason::Unsupported,
            "spec.versions",
            "there is one version of a model yet: make a ModelDeployment for each",
        );
    }
    if claim(deployment).is_some_and(|(claim, _)| !claim.split('.').all(crate::names::is_dns_label)) {
        refuse(Reason::Invalid, "spec.model.uri", "names no PersistentVolumeClaim: write pvc://claim/path");
    }
    refusals
}
