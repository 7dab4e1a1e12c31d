//! The rules that hold for every kind, tried on a kind of each group, and on every kind that the rules' own cases leave out:
//! without that, a policy could lose such a rule, or a kind, unseen.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tenantry_core::meta;
use tenantry_core::policies::rule::Operation;
use tenantry_core::policies::rules::ENDPOINTS;
use tenantry_testkit::policy_cases::{Case, PLATFORM, TENANT};

/// Name of all these cases.
pub const SAMPLE: &str = "on this kind";

/// Cases made of the rules' own.
pub fn cases(cases: &[Case]) -> Vec<Case> {
    // Of what a tenant may make: the platform's are refused it for other reasons.
    let is_base =
        |case: &&Case| case.name == "as it is" && !case.refused && case.user == TENANT && case.labels.is_empty();
    let bases: Vec<&Case> = cases.iter().filter(is_base).filter(|case| !case.is_namespace()).collect();
    let mut seen = BTreeSet::from([ENDPOINTS.name]);
    let mut samples: Vec<Case> =
        bases.iter().filter(|case| seen.insert(case.group().name)).map(|case| (*case).clone()).collect();
    let of_kind = |kind: &str| bases.iter().find(|case| case.object["kind"] == kind).map(|case| (*case).clone());
    let workloads = of_kind("Deployment").map(|deployment| workloads(&deployment)).unwrap_or_default();
    samples.extend(workloads.iter().cloned());
    samples.extend(of_kind("RoleBinding").map(role));
    let mut made: Vec<Case> = samples.iter().flat_map(on).collect();
    made.extend(workloads.iter().filter(|case| case.object["spec"]["replicas"] == 0).map(scale));
    made.extend(of_kind("Pod").map(resize));
    made
}

/// The same pods by other kinds.
fn workloads(deployment: &Case) -> Vec<Case> {
    let template = &deployment.object["spec"]["template"];
    let selector = &deployment.object["spec"]["selector"];
    let mut once = template.clone();
    once["spec"]["restartPolicy"] = "Never".into();
    let kinds = [
        ("apps/v1", "DaemonSet", "daemonsets", json!({ "selector": selector, "template": template })),
        ("apps/v1", "ReplicaSet", "replicasets", json!({ "replicas": 0, "selector": selector, "template": template })),
        (
            "apps/v1",
            "StatefulSet",
            "statefulsets",
            json!({ "replicas": 0, "serviceName": "x", "selector": selector, "template": template }),
        ),
        ("batch/v1", "Job", "jobs", json!({ "template": once })),
        (
            "v1",
            "ReplicationController",
            "replicationcontrollers",
            json!({ "replicas": 0, "selector": selector["matchLabels"], "template": template }),
        ),
    ];
    let case = |(version, kind, resource, spec): (&str, &str, &str, Value)| {
        let mut case = Case { resource: resource.to_owned(), ..deployment.clone() };
        case.object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "case" }, "spec": spec });
        case
    };
    kinds.into_iter().map(case).collect()
}

fn role(mut binding: Case) -> Case {
    "roles".clone_into(&mut binding.resource);
    binding.object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "case" }, "rules": [],
    });
    binding
}

/// The universal rules on one kind.
fn on(base: &Case) -> [Case; 6] {
    let case = |rule: &str, operation| Case {
        rule: rule.to_owned(),
        name: SAMPLE.to_owned(),
        operation,
        user: TENANT.to_owned(),
        maker: PLATFORM.to_owned(),
        refused: true,
        old: (operation != Operation::Create).then(|| base.object.clone()),
        ..base.clone()
    };
    let mut deleted = case("managed-objects", Operation::Delete);
    deleted.object["metadata"]["annotations"][meta::OWNER] = "tenants//acme/1".into();
    deleted.old = Some(deleted.object.clone());
    let mut changed = Case { operation: Operation::Update, ..deleted.clone() };
    changed.change = json!({ "metadata": { "labels": { "own": "x" } } });
    let mut reserved = case("reserved-keys", Operation::Create);
    reserved.object["metadata"]["labels"][meta::TENANT] = "other".into();
    let mut added = case("reserved-keys", Operation::Update);
    added.change = json!({ "metadata": { "labels": { meta::TENANT: "other" } } });
    let made = frozen(case("suspended", Operation::Create));
    let removed = frozen(case("suspended", Operation::Delete));
    [deleted, changed, reserved, added, made, removed]
}

/// The same while the tenant is frozen.
fn frozen(case: Case) -> Case {
    Case { labels: Map::from_iter([(meta::SUSPEND.to_owned(), "Freeze".into())]), ..case }
}

/// A change of the number of pods.
fn scale(workload: &Case) -> Case {
    frozen(Case {
        rule: "suspended".to_owned(),
        name: SAMPLE.to_owned(),
        operation: Operation::Update,
        subresource: "scale".to_owned(),
        object: json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "case" }, "spec": { "replicas": 0 } }),
        change: json!({ "spec": { "replicas": 1 } }),
        prepare: vec![workload.object.clone()],
        maker: PLATFORM.to_owned(),
        refused: true,
        ..workload.clone()
    })
}

/// A change of what a running pod gets; one that changes nothing asks for the same right.
fn resize(pod: Case) -> Case {
    frozen(Case {
        rule: "suspended".to_owned(),
        name: SAMPLE.to_owned(),
        operation: Operation::Update,
        subresource: "resize".to_owned(),
        change: json!({}),
        old: Some(pod.object.clone()),
        maker: PLATFORM.to_owned(),
        refused: true,
        ..pod
    })
}
