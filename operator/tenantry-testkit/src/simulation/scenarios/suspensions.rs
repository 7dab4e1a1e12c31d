//! Stories of tenants that are stopped, in every way, and come back; and of namespaces whose end is held up.

use serde_json::{Value, json};

use super::super::scenario::{Scenario, Step};
use super::{ACME, CLASS, NAMESPACES, class, create, delete, edit, established, mortal, tenant};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/acme-dev/deployments";
const CRON_JOBS: &str = "/apis/batch/v1/namespaces/acme-dev/cronjobs";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/acme-dev/networkpolicies";
const MAPS: &str = "/api/v1/namespaces/acme-dev/configmaps";

/// The stories.
pub fn suspensions() -> Vec<Scenario> {
    let confirm = || Step::Confirm(ACME.into());
    vec![
        Scenario::new(
            "quarantine",
            "a tenant is put under quarantine, which says why, and is let go again",
            established(&["dev", "stage"]),
            vec![suspend("Quarantine"), Step::Settle, resume()],
        ),
        Scenario::new(
            "quarantine without a class",
            "the class of a tenant is gone when it is put under quarantine, and comes back later",
            established(&["dev"]),
            vec![Step::Delete(CLASS.into()), Step::Settle, suspend("Quarantine"), Step::Settle, class()],
        ),
        Scenario::new(
            "born in quarantine",
            "a tenant is under quarantine from its first moment on, and then is not",
            established(&["dev"]),
            vec![delete(), Step::Settle, create(quarantined()), Step::Settle, resume()],
        ),
        Scenario::new(
            "quarantine over open policies",
            "a tenant has network policies of its own when it is put under quarantine; one is set anew and one is added meanwhile",
            opened(),
            vec![
                suspend("Quarantine"),
                Step::Settle,
                Step::Edit(
                    format!("{POLICIES}/web"),
                    json!({"spec": {"podSelector": {"matchLabels": {"app": "new"}, "matchExpressions": null}}}),
                ),
                Step::Create(POLICIES.into(), open_policy("late", &json!({}))),
                Step::Settle,
                resume(),
            ],
        ),
        Scenario::new(
            "scale to zero",
            "the workloads of a tenant are stopped and come back as they were",
            working(),
            vec![suspend("ScaleToZero"), Step::Settle, resume()],
        ),
        Scenario::new(
            "scale to zero and stay",
            "the workloads of a tenant are stopped; a manifest is applied again",
            working(),
            vec![
                suspend("ScaleToZero"),
                Step::Settle,
                Step::Edit(format!("{DEPLOYMENTS}/web"), json!({"spec": {"replicas": 2}})),
            ],
        ),
        Scenario::new(
            "resumed by a namesake",
            "a tenant is stopped and deleted; made again it takes its namespaces back and resumes",
            working(),
            vec![suspend("ScaleToZero"), Step::Settle, delete(), Step::Settle, create(tenant("acme", &["dev"]))],
        ),
        Scenario::new(
            "changed its mind",
            "a tenant is stopped and let go in the middle of it",
            working(),
            vec![suspend("ScaleToZero"), Step::Writes(4), resume()],
        ),
        Scenario::new(
            "end held up",
            "a namespace is deleted in which something waits for its owner's hand",
            mortal(&["dev"]),
            vec![
                Step::Create(MAPS.into(), held_map()),
                confirm(),
                delete(),
                Step::Settle,
                Step::Edit(format!("{MAPS}/stuck"), json!({"metadata": {"finalizers": null}})),
            ],
        ),
        Scenario::new(
            "end held up by hand",
            "somebody deletes a namespace in which something waits; meanwhile a member goes, then all do",
            established(&["dev"]),
            vec![
                Step::Create(MAPS.into(), held_map()),
                Step::Delete(format!("{NAMESPACES}/acme-dev")),
                Step::Settle,
                edit(json!({"members": null})),
                Step::Settle,
                Step::Edit(format!("{MAPS}/stuck"), json!({"metadata": {"finalizers": null}})),
            ],
        ),
    ]
}

/// Two tenants, one with network policies of its own.
fn opened() -> Vec<Step> {
    let create = |name, selector| Step::Create(POLICIES.into(), open_policy(name, &selector));
    let mut steps = established(&["dev"]);
    steps.extend([create("web", json!({"matchLabels": {"app": "web"}})), create("all", json!({})), Step::Settle]);
    steps
}

fn open_policy(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "acme-dev"},
        "spec": {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]},
    })
}

fn suspend(mode: &str) -> Step {
    edit(json!({"suspend": {"mode": mode, "reason": "incident"}}))
}

fn resume() -> Step {
    edit(json!({"suspend": null}))
}

fn quarantined() -> Value {
    let mut tenant = tenant("acme", &["dev", "stage"]);
    tenant["spec"]["suspend"] = json!({"mode": "Quarantine"});
    tenant
}

fn held_map() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "stuck", "namespace": "acme-dev", "finalizers": ["example.com/hold"]},
    })
}

/// Two tenants, one with workloads.
fn working() -> Vec<Step> {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "example.com/none"}], "restartPolicy": "Always"},
    });
    let mut once = template.clone();
    once["spec"]["restartPolicy"] = json!("Never");
    let deployment = |name: &str, replicas: u32| {
        let body = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "acme-dev"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        });
        Step::Create(DEPLOYMENTS.into(), body)
    };
    let nightly = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": "acme-dev"},
        "spec": {"schedule": "0 3 * * *", "suspend": false, "jobTemplate": {"spec": {"template": once}}},
    });
    let mut steps = established(&["dev"]);
    steps.extend([deployment("web", 3), deployment("off", 0), Step::Create(CRON_JOBS.into(), nightly), Step::Settle]);
    steps
}
