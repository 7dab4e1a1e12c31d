//! Stories in which somebody else has a hand: in what is ours, or in the name that we come to want.

use serde_json::{Value, json};

use super::super::scenario::{Scenario, Step};
use super::{CLASS, NAMESPACES, bare_class, class, create, edit, environments, established, namespace, tenant};

/// The stories.
pub fn strangers() -> Vec<Scenario> {
    let policies = "/apis/networking.k8s.io/v1/namespaces/acme-dev/networkpolicies";
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/acme-dev/rolebindings";
    vec![
        Scenario::new(
            "drift",
            "somebody widens a binding and strips labels, then deletes a policy",
            established(&["dev"]),
            vec![
                Step::Edit(
                    format!("{bindings}/tenantry-admin"),
                    json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "intruders"}]}),
                ),
                Step::Edit(
                    format!("{NAMESPACES}/acme-dev"),
                    json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
                ),
                Step::Edit(
                    "/api/v1/namespaces/acme/resourcequotas/tenantry".into(),
                    json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
                ),
                Step::Settle,
                // Alone, as nothing else of the tenant may be what wakes it.
                Step::Delete(format!("{policies}/tenantry-default-deny")),
            ],
        ),
        Scenario::new(
            "taken",
            "somebody else has the namespace of an environment; it is left alone, and used once it is gone",
            vec![class(), create(tenant("globex", &["dev"])), namespace("acme-stage"), Step::Settle],
            vec![
                create(tenant("acme", &["dev", "stage"])),
                Step::Settle,
                Step::Delete(format!("{NAMESPACES}/acme-stage")),
            ],
        ),
        Scenario::new(
            "adopted",
            "an environment takes over a namespace once that consents",
            vec![class(), create(tenant("globex", &["dev"])), namespace("legacy"), Step::Settle],
            vec![create(adopting("legacy")), Step::Settle, consent("legacy")],
        ),
        Scenario::new(
            "adopted and left",
            "an environment that took over a namespace is removed; the namespace stays",
            vec![
                class(),
                create(tenant("globex", &["dev"])),
                namespace("legacy"),
                consent("legacy"),
                create(adopting("legacy")),
                Step::Settle,
            ],
            vec![edit(json!({"environments": environments(&["stage"])}))],
        ),
        Scenario::new(
            "stranger's object",
            "somebody made a LimitRange of the name that the operator comes to want: it is left alone",
            vec![bare_class(), create(tenant("globex", &["dev"])), create(tenant("acme", &["dev"])), Step::Settle],
            vec![
                Step::Create(
                    "/api/v1/namespaces/acme-dev/limitranges".into(),
                    json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "tenantry"},
                        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
                ),
                Step::Edit(CLASS.into(), json!({"spec": {"defaults": {"limits": {"default": {"cpu": "250m"}}}}})),
            ],
        ),
        Scenario::new(
            "forged mark",
            "an object elsewhere carries our labels and the owner mark of an earlier tenant: it is left alone",
            established(&["dev"]),
            vec![
                namespace("elsewhere"),
                Step::Create(
                    "/api/v1/namespaces/elsewhere/limitranges".into(),
                    json!({"apiVersion": "v1", "kind": "LimitRange",
                        "metadata": {
                            "name": "tenantry",
                            "labels": {"app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "acme"},
                            "annotations": {"tenantry.dev/owner": "tenants//acme/an-earlier-uid"},
                        },
                        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
                ),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        ),
    ]
}

/// Somebody who may edit the namespace lets acme have it.
fn consent(namespace: &str) -> Step {
    Step::Edit(
        format!("{NAMESPACES}/{namespace}"),
        json!({"metadata": {"annotations": {"tenantry.dev/adoptable-by": "acme"}}}),
    )
}

/// A tenant whose environment `dev` takes over this namespace.
fn adopting(namespace: &str) -> Value {
    let mut tenant = tenant("acme", &["dev"]);
    tenant["spec"]["environments"][0]["adopt"] = json!({ "namespace": namespace });
    tenant
}
