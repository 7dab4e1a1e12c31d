//! What holds for everything that is made for a resource of a tenant's own, in the tenant's namespace: it stays there, goes with the
//! resource, and runs with no more rights than Pod Security's restricted level gives.

use serde_json::Value;

use crate::meta::Owner;
use crate::object::Desired;

/// The first rule that the object breaks. What belongs to something that `lingers` goes by the plan of that.
pub(super) fn broken_child(object: &Desired, owner: &Owner, lingers: bool) -> Option<String> {
    let (key, body) = (object.key(), object.body());
    let fault = |text: &str| Some(text.to_owned());
    if key.namespace != owner.namespace {
        return Some(format!("is outside namespace {}, where its owner is", owner.namespace));
    }
    let references = body["metadata"]["ownerReferences"].as_array();
    if !lingers && !references.is_some_and(|all| all.iter().any(|one| one["uid"] == owner.uid.as_str())) {
        return fault("carries no reference to its owner, and would outlive it");
    }
    if key.resource.group == "rbac.authorization.k8s.io" {
        return fault("would give rights, which only a Tenant does");
    }
    if key.resource.kind == "Deployment" { broken_deployment(body) } else { None }
}

fn broken_deployment(body: &Value) -> Option<String> {
    let template = &body["spec"]["template"];
    let selector = body["spec"]["selector"]["matchLabels"].as_object();
    let selects = |(key, value): (&String, &Value)| {
        template["metadata"]["labels"][key] == *value && key.starts_with("tenantry.dev/")
    };
    if !selector.is_some_and(|labels| !labels.is_empty() && labels.iter().all(selects)) {
        return Some("selects by labels that others may set, or that its pods do not carry".into());
    }
    broken_template(template)
}

/// The first rule that a template of pods breaks.
pub(super) fn broken_template(template: &Value) -> Option<String> {
    let pod = &template["spec"];
    let forbidden = ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "nodeName"];
    if let Some(field) = forbidden.iter().find(|field| !pod[**field].is_null()) {
        return Some(format!("sets {field}"));
    }
    let context = &pod["securityContext"];
    if context["runAsNonRoot"] != true || context["seccompProfile"]["type"] != "RuntimeDefault" {
        return Some("does not run its pods as restricted".into());
    }
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    let kinds = ["name", "emptyDir", "secret", "configMap", "downwardAPI", "persistentVolumeClaim", "projected"];
    for volume in volumes {
        if let Some(kind) =
            volume.as_object().and_then(|volume| volume.keys().find(|key| !kinds.contains(&key.as_str())))
        {
            return Some(format!("mounts a volume of kind {kind}"));
        }
    }
    let containers = ["containers", "initContainers"].into_iter().filter_map(|list| pod[list].as_array()).flatten();
    for container in containers {
        let context = &container["securityContext"];
        let restricted = context["allowPrivilegeEscalation"] == false
            && context["readOnlyRootFilesystem"] == true
            && context["capabilities"]["drop"] == serde_json::json!(["ALL"])
            && context["capabilities"]["add"].is_null()
            && context["privileged"].is_null();
        if !restricted {
            return Some(format!("does not run container {} as restricted", container["name"]));
        }
    }
    None
}
