//! What the operator may do: it does nothing else, it needs all of it, and without a part of it only that part stands still.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry::render::manifests::{self, OPERATOR_ROLE, Place, cluster_role_rules, own_rules, reader_rules};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::operator::{NAMESPACE, USER};
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{self, Operator, SHARED, SOON};
use crate::scene::{self, environment, get, is, onboard, plain_tenant, ready};
use crate::suspend;

/// `verb group/resource`, with names where a right holds only for some.
type Right = String;

fn right(verb: &str, group: &str, resource: &str) -> Right {
    format!("{verb} {group}/{resource}")
}

/// Everything that is declared, but what is asked for by no request of its own: the server looks up `bind` when a RoleBinding is
/// written, `exempt` when a policy would refuse, and the `create` of what has a name when an apply finds nothing there.
/// `stolen.rs` shows what comes of these.
fn declared() -> BTreeSet<Right> {
    let mut declared = BTreeSet::new();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    for rule in cluster_role_rules(KINDS).into_iter().chain(reader_rules(KINDS)) {
        let asked_in_passing =
            |verb: &str| ["bind", "exempt"].contains(&verb) || (verb == "create" && !rule["resourceNames"].is_null());
        for verb in rule["verbs"].as_array().expect("a list").iter().map(text).filter(|verb| !asked_in_passing(verb)) {
            for resource in rule["resources"].as_array().expect("a list").iter().map(text) {
                declared.insert(right(&verb, &text(&rule["apiGroups"][0]), &resource));
            }
        }
    }
    for rule in own_rules() {
        assert!(matches!(rule.place, Place::Own | Place::Default));
        declared.extend(rule.verbs.iter().map(|verb| right(verb, rule.group, rule.resource)));
    }
    declared
}

/// Every request of the operator so far: the right it used, and whether it was given.
fn observed(cluster: &Cluster) -> BTreeMap<Right, BTreeSet<u64>> {
    let text = std::fs::read_to_string(cluster.audit_log().expect("asked for")).expect("readable");
    let mut observed: BTreeMap<Right, BTreeSet<u64>> = BTreeMap::new();
    for line in text.lines() {
        // The last line may be half written.
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        if entry["user"]["username"] != USER || entry["objectRef"]["resource"].is_null() {
            continue;
        }
        let object = &entry["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let subresource = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
        let resource = format!("{}{subresource}", text(&object["resource"]));
        let code = entry["responseStatus"]["code"].as_u64().unwrap_or_default();
        observed.entry(right(&text(&entry["verb"]), &text(&object["apiGroup"]), &resource)).or_default().insert(code);
    }
    observed
}

#[allow(clippy::too_many_lines)] // One life of a tenant, in which everything is used once.
#[tokio::test]
async fn what_is_declared_is_what_is_used() {
    let cluster = Cluster::start(Options::with_nodes(1).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    let platform = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" }, "spec": { "replicateFrom": [SHARED] } });
    objects::apply(&client, &platform).await.expect("applied");
    let original = |kind: &str, text: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "copied", "namespace": SHARED, "labels": { "state": text } } });
    for kind in ["Secret", "ConfigMap"] {
        objects::apply(&client, &original(kind, "a")).await.expect("applied");
    }

    // patch of a policy: one that is drifted.
    let policy = manifests::policies().swap_remove(0);
    let drift = Patch::Merge(json!({ "spec": { "failurePolicy": "Ignore" } }));
    let collection = objects::collection(&client, &policy);
    collection.patch(objects::name(&policy), &PatchParams::default(), &drift).await.expect("changed");
    let binding = manifests::policies().swap_remove(1);
    objects::delete(&client, &binding).await.expect("deleted");

    // list, watch; create of all children; patch of tenants (finalizer) and of every status; leases.
    let full = |members: bool, limits: bool, note: &str| {
        let mut tenant = plain_tenant("recorded");
        tenant["spec"]["environments"] = json!([environment("dev"), environment("old")]);
        tenant["spec"]["metadata"] = json!({ "labels": { "note": note } });
        tenant["spec"]["replicate"] =
            json!(["Secret", "ConfigMap"].map(|kind| json!({ "kind": kind, "namespace": SHARED, "name": "copied" })));
        tenant["spec"]["network"] = json!({ "betweenEnvironments": "Allow" });
        for (field, wanted) in [("members", members), ("limits", limits)] {
            if !wanted {
                tenant["spec"].as_object_mut().map(|spec| spec.remove(field));
            }
        }
        tenant
    };
    onboard(&client, &full(true, true, "a")).await;
    let before = scene::children(&client, "recorded").await;

    // update of copies: of changed originals.
    for kind in ["Secret", "ConfigMap"] {
        objects::apply(&client, &original(kind, "b")).await.expect("applied");
    }

    // patch of namespaces: a changed label. update of what only Tenantry writes: drift of each.
    onboard(&client, &full(true, true, "b")).await;
    for object in before.values().filter(|object| object["kind"] != "Namespace") {
        let drift = json!({ "metadata": { "labels": { "tenantry.dev/environment": "changed" } } });
        let patch = Patch::Merge(drift);
        objects::collection(&client, object)
            .patch(objects::name(object), &PatchParams::default(), &patch)
            .await
            .expect("changed");
    }
    // get: what stands in the way of a create. Stripped of its label it is out of sight, but still there.
    for object in before
        .values()
        .filter(|object| object["kind"] != "Namespace")
        .filter(|object| object["metadata"]["namespace"] == "recorded-dev" || object["kind"] == "TenantView")
    {
        let patch = Patch::Merge(json!({ "metadata": { "labels": null, "annotations": null } }));
        objects::collection(&client, object)
            .patch(objects::name(object), &PatchParams::default(), &patch)
            .await
            .expect("changed");
    }
    for object in before.values().filter(|object| object["metadata"]["namespace"] == "recorded-dev") {
        eventually(SOON, &format!("{} has its marks again", objects::title(object)), async || {
            let found = objects::collection(&client, object).get_opt(objects::name(object)).await.expect("answers");
            let marked = found.is_some_and(|found| found.metadata.annotations.is_some_and(|all| !all.is_empty()));
            marked.then_some(())
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
    ready(&client, "recorded").await;
    crate::workloads::use_every_right(&client, "recorded-dev").await;
    crate::models::use_every_right(&client, "recorded-dev").await;
    crate::routes::use_every_right(&client, "recorded-dev").await;
    for given in crate::workloads::team("recorded-dev") {
        objects::delete(&client, &given).await.expect("deleted");
    }
    // delete of what is no longer wanted, and an Event: one that is refused.
    onboard(&client, &full(false, false, "b")).await;
    let mut closed = full(false, false, "b");
    for field in ["network", "replicate"] {
        closed["spec"].as_object_mut().map(|spec| spec.remove(field));
    }
    closed["spec"]["environments"] = json!([{ "name": "dev" }, { "name": "old" }]);
    onboard(&client, &closed).await;
    let mut refused = closed.clone();
    refused["spec"]["quota"] = json!({ "bananas": "1" });
    objects::apply(&client, &refused).await.expect("applied");
    is(&client, "recorded", "Ready", "False", |_| true).await;
    // list and watch of workloads and pods, patch of all that can be scaled: a tenant brought to zero.
    let workloads: Vec<Value> =
        suspend::workloads("recorded-dev").into_iter().filter(|one| one["kind"] != "Pod").collect();
    for workload in &workloads {
        objects::apply(&client, workload).await.expect("applied");
    }
    let mut zero = closed.clone();
    zero["spec"]["suspend"] = json!({ "mode": "ScaleToZero" });
    objects::apply(&client, &zero).await.expect("applied");
    is(&client, "recorded", "Suspended", "True", |_| true).await;
    onboard(&client, &closed).await;
    // patch of network policies: others', which a quarantine closes.
    let theirs = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "theirs", "namespace": "recorded-dev" },
        "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"] } });
    objects::apply(&client, &theirs).await.expect("applied");
    let mut quarantined = closed.clone();
    quarantined["spec"]["suspend"] = json!({ "mode": "Quarantine" });
    objects::apply(&client, &quarantined).await.expect("applied");
    is(&client, "recorded", "Suspended", "True", |_| true).await;
    onboard(&client, &closed).await;
    // delete of namespaces, patch of bindings: rights outlast what is in a namespace.
    let mut passing = closed.clone();
    passing["spec"]["members"] = full(true, true, "b")["spec"]["members"].clone();
    passing["spec"]["deletionPolicy"] = "Delete".into();
    let found = onboard(&client, &passing).await;
    passing["metadata"]["annotations"] = json!({ "tenantry.dev/confirm-delete": found["metadata"]["uid"] });
    objects::apply(&client, &passing).await.expect("applied");
    objects::delete(&client, &passing).await.expect("deleted");
    scene::namespace_is_gone(&client, "recorded-dev").await;
    // delete of a view: its tenant goes, its home stays.
    onboard(&client, &plain_tenant("retained")).await;
    objects::delete(&client, &plain_tenant("retained")).await.expect("deleted");
    // get of a namespace: one that appears between a look and the write. It cannot be arranged from outside at will, so a
    // crowd of them is.
    let declared = declared();
    let races = crate::races::namespace_in_the_way(&client).await;
    let unused = eventually(SOON, "everything declared was used", async || {
        let observed = observed(&cluster);
        let unused: Vec<&Right> = declared.iter().filter(|right| !observed.contains_key(*right)).collect();
        if unused.is_empty() { Ok(()) } else { Err(format!("{unused:?} (of {races} races)")) }
    });
    let unused = unused.await;
    let observed = observed(&cluster);
    let undeclared: Vec<_> = observed.iter().filter(|(right, _)| !declared.contains(*right)).collect();
    assert!(undeclared.is_empty(), "used but not declared: {undeclared:?}");
    let forbidden: Vec<_> = observed.iter().filter(|(_, codes)| codes.contains(&403)).collect();
    assert!(forbidden.is_empty(), "not given: {forbidden:?}");
    println!("{} rights declared, all used, nothing else used", declared.len());
    unused.unwrap_or_else(|late| panic!("declared but never used: {late}"));
}

/// Takes verbs on one resource from the operator's ClusterRole.
async fn without(client: &Client, group: &str, resource: &str, verbs: &[&str]) {
    let rules: Vec<Value> = cluster_role_rules(KINDS)
        .into_iter()
        .map(|mut rule| {
            if rule["apiGroups"] == json!([group]) && rule["resources"] == json!([resource]) {
                let left = rule["verbs"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .filter(|verb| !verbs.contains(&verb.as_str().unwrap_or_default()));
                rule["verbs"] = left.cloned().collect();
            }
            rule
        })
        .filter(|rule| rule["verbs"] != json!([]))
        .collect();
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": OPERATOR_ROLE } });
    let patch = Patch::Merge(json!({ "rules": rules }));
    objects::collection(client, &role).patch(OPERATOR_ROLE, &PatchParams::default(), &patch).await.expect("changed");
}

#[tokio::test]
async fn without_a_right_only_what_needs_it_stands_still() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let mut operator = Operator::start(&cluster).await;
    onboard(&client, &plain_tenant("settled")).await;

    // Writes: the tenant says which object waits, and for what; what comes before it in the namespace is there, what comes
    // after is not; other tenants and the process itself are well. When the right is back, so is everything.
    for (group, resource, kind) in [
        ("", "namespaces", "Namespace"),
        ("networking.k8s.io", "networkpolicies", "NetworkPolicy"),
        ("", "resourcequotas", "ResourceQuota"),
        ("", "limitranges", "LimitRange"),
        ("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    ] {
        without(&client, group, resource, &["create"]).await;
        let name = format!("no-{resource}");
        // The server's own view of roles follows a moment later.
        eventually(SOON, "the right is gone", async || (!may(&client, "create", group, resource).await).then_some(()))
            .await
            .expect("in time");
        objects::apply(&client, &plain_tenant(&name)).await.expect("applied");
        let found = is(&client, &name, "Applied", "False", |condition| condition["reason"] == "ApplyFailed").await;
        let words = found["status"]["conditions"].to_string();
        assert!(words.contains("forbidden") && words.contains(kind), "{kind}: {words}");
        let children = scene::children(&client, &name).await;
        // The home namespace has no LimitRange, so there nothing is missing.
        let bound = children.keys().find(|title| title.starts_with(&format!("RoleBinding {name}-dev/")));
        assert!(bound.is_none(), "{kind}: somebody has rights already: {bound:?}");
        if kind == "RoleBinding" || kind == "LimitRange" {
            assert!(children.keys().any(|title| title.starts_with("NetworkPolicy")), "{kind}: {:?}", children.keys());
        }
        operator.logs(&format!("cannot create resource \"{resource}\"")).await;
        operator.reconciles().await;
        ready(&client, "settled").await;
        without(&client, group, resource, &[]).await;
        ready(&client, &name).await;
    }

    // Reads: the kind is named by /readyz, what is there stays, and nothing is made on half knowledge.
    let before: Vec<String> = scene::children(&client, "settled").await.into_keys().collect();
    operator.terminate().await;
    without(&client, "networking.k8s.io", "networkpolicies", &["list", "watch"]).await;
    let mut operator = Operator::launch(&cluster, &program::account(&cluster).await, &[]);
    // Once the others are listed, only that is waited for, and in one line.
    let is_one = |code, text: &str| code == 503 && text.lines().count() == 2 && text.contains("networkpolicies");
    let text = operator.says("/readyz", is_one).await;
    assert!(text.contains("cannot list resource") && text.contains("ClusterRole"), "{text}");
    operator.logs("give the operator its ClusterRole").await;
    objects::apply(&client, &plain_tenant("blind")).await.expect("applied");
    eventually(SOON, "the tenant says what is waited for", async || {
        let found = get(&client, "tenantry.dev/v1alpha1", "Tenant", None, "blind").await.ok_or("none")?;
        let ready = objects::condition(&found, "Ready").cloned().unwrap_or_default();
        if ready["status"] == "Unknown" || ready["status"] == "False" {
            Ok(())
        } else {
            Err(found["status"].to_string())
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let blind = scene::children(&client, "blind").await;
    assert!(!blind.keys().any(|title| title.starts_with("RoleBinding")), "{:?}", blind.keys());
    assert_eq!(scene::children(&client, "settled").await.into_keys().collect::<Vec<_>>(), before);
    without(&client, "", "none", &[]).await;
    operator.reconciles().await;
    ready(&client, "blind").await;
}

/// Whether the operator has a right, as the server sees it now.
async fn may(client: &Client, verb: &str, group: &str, resource: &str) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": { "name": "" },
        "spec": { "user": USER, "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{NAMESPACE}")],
                  "resourceAttributes": { "verb": verb, "group": group, "resource": resource } },
    });
    objects::create(client, &review).await.expect("answered")["status"]["allowed"] == true
}
