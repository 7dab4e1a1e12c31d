//! Taking over namespaces that exist: only by mutual consent, without touching what runs there, and from an earlier Tenant
//! that has let go of them.

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_core::resources::NAMESPACE;
use tenantry_e2e::{Cluster, eventually, objects};

use crate::program::SOON;
use crate::scene::{self, child, environment, get, is, member, onboard, plain_tenant, ready, stage, tenant};
use crate::view::tenantry;

/// An environment `dev` that takes over this namespace.
fn adopting(name: &str, namespace: &str) -> Value {
    let mut dev = environment("dev");
    dev["adopt"] = json!({ "namespace": namespace });
    tenant(name, json!({ "environments": [dev], "members": [member("admins", "Admin", &format!("{name}-admins"))] }))
}

fn namespace(name: &str, annotations: &Value) -> Value {
    let metadata = json!({ "name": name, "annotations": annotations, "labels": { "team": "theirs" } });
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
}

fn config(namespace: &str) -> Value {
    let metadata = json!({ "name": "data", "namespace": namespace });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": "b" } })
}

fn deployment(namespace: &str) -> Value {
    let container = json!({ "name": "main", "image": "registry.example/app", "resources": {
        "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "cpu": "10m", "memory": "16Mi" } },
        "securityContext": { "runAsNonRoot": true, "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            "seccompProfile": { "type": "RuntimeDefault" } } });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": namespace },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [container] } },
        },
    })
}

/// Uids of all pods there, once there are two.
async fn pods(client: &Client, namespace: &str) -> Vec<String> {
    let uids = eventually(SOON, "two pods are there", async || {
        let pods = objects::list(client, "v1", "Pod", Some(namespace), "").await.map_err(|error| error.to_string())?;
        if pods.len() == 2 { Ok(pods) } else { Err(format!("{} pods", pods.len())) }
    });
    let pods = uids.await.expect("in time");
    let mut uids: Vec<String> = pods.iter().map(|pod| pod["metadata"]["uid"].to_string()).collect();
    uids.sort();
    uids
}

async fn annotate(client: &Client, name: &str, key: &str, value: &str) {
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { key: value } } }));
    let object = namespace(name, &json!({}));
    objects::collection(client, &object).patch(name, &PatchParams::default(), &patch).await.expect("annotated");
}

async fn is_gone(client: &Client, tenant: &str) {
    eventually(SOON, "the tenant is gone", async || {
        match get(client, "tenantry.dev/v1alpha1", "Tenant", None, tenant).await {
            None => Ok(()),
            Some(found) => Err(found["status"].to_string()),
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn what_does_not_consent_is_refused_and_left_alone() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("victim")).await;
    objects::create(&client, &namespace("silent", &json!({}))).await.expect("created");
    annotate(&client, "victim-dev", "tenantry.dev/adoptable-by", "greedy").await;
    for (target, condition, words) in [
        ("kube-system", "Accepted", "is protected"),
        ("default", "Accepted", "is protected"),
        ("tenantry-system", "Accepted", "is protected"),
        ("victim-dev", "Applied", "it belongs to tenant victim"),
        ("victim", "Applied", "it belongs to tenant victim"),
        ("silent", "Applied", "kubectl annotate namespace silent tenantry.dev/adoptable-by=greedy"),
    ] {
        let before = get(&client, "v1", "Namespace", None, target).await.expect("exists");
        objects::apply(&client, &adopting("greedy", target)).await.expect("applied");
        is(&client, "greedy", condition, "False", |found| {
            found["message"].as_str().is_some_and(|text| text.contains(words) && text.contains(target))
        })
        .await;
        let after = get(&client, "v1", "Namespace", None, target).await.expect("exists");
        assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"], "{target}");
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "{target}");
        let policy = child(&client, &tenantry_core::resources::NETWORK_POLICY, target, "tenantry-default-deny").await;
        let marked = policy.is_some_and(|policy| policy.to_string().contains("tenants//greedy"));
        assert!(!marked, "{target}");
    }
    // Consent, given while the Tenant waits for it, is enough.
    annotate(&client, "silent", "tenantry.dev/adoptable-by", "greedy").await;
    ready(&client, "greedy").await;
}

#[tokio::test]
async fn with_consent_it_is_taken_over_and_what_runs_there_stays() {
    let client = stage().await.client().await.expect("client");
    let consent = json!({ "tenantry.dev/adoptable-by": "foster", "theirs": "stays" });
    let before = objects::create(&client, &namespace("orphan", &consent)).await.expect("created");
    let data = objects::create(&client, &config("orphan")).await.expect("created");
    objects::create(&client, &deployment("orphan")).await.expect("created");
    let pods_before = pods(&client, "orphan").await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "theirs", "namespace": "orphan" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "somebody" }],
    });
    objects::create(&client, &binding).await.expect("created");

    let found = onboard(&client, &adopting("foster", "orphan")).await;
    let status = &found["status"]["environments"][0];
    assert_eq!(status["namespace"], "orphan", "{status}");
    assert_eq!(status["uid"], before["metadata"]["uid"], "{status}");
    let after = get(&client, "v1", "Namespace", None, "orphan").await.expect("exists");
    assert_eq!(after["metadata"]["labels"]["tenantry.dev/tenant"], "foster");
    assert_eq!(after["metadata"]["labels"]["team"], "theirs");
    assert_eq!(after["metadata"]["annotations"]["theirs"], "stays");
    assert!(after["metadata"]["annotations"]["tenantry.dev/adoptable-by"].is_null(), "consent holds once: {after}");
    assert_eq!(pods(&client, "orphan").await, pods_before);
    let kept = get(&client, "v1", "ConfigMap", Some("orphan"), "data").await.expect("exists");
    assert_eq!(kept["metadata"]["resourceVersion"], data["metadata"]["resourceVersion"]);
    for title in [
        "NetworkPolicy orphan/tenantry-default-deny",
        "ResourceQuota orphan/tenantry",
        "RoleBinding orphan/tenantry-admin",
    ] {
        assert!(scene::children(&client, "foster").await.contains_key(title), "{title}");
    }
    assert!(get(&client, "v1", "Namespace", None, "foster-dev").await.is_none(), "it has one namespace only");
    let theirs = get(&client, "rbac.authorization.k8s.io/v1", "RoleBinding", Some("orphan"), "theirs").await;
    assert!(theirs.is_some(), "what others may do there is told, not taken");

    // It does not move, and nothing of it is lost by asking.
    objects::create(&client, &namespace("elsewhere", &json!({ "tenantry.dev/adoptable-by": "foster" })))
        .await
        .expect("created");
    objects::apply(&client, &adopting("foster", "elsewhere")).await.expect("applied");
    is(&client, "foster", "Accepted", "False", |found| {
        found["message"].as_str().is_some_and(|text| text.contains("does not move"))
    })
    .await;
    let untouched = get(&client, "v1", "Namespace", None, "elsewhere").await.expect("exists");
    assert!(untouched["metadata"]["labels"]["tenantry.dev/tenant"].is_null(), "{untouched}");
    assert!(scene::children(&client, "foster").await.contains_key("RoleBinding orphan/tenantry-admin"));

    // Removed from the spec it is retained like any other.
    onboard(&client, &tenant("foster", json!({}))).await;
    let retained = get(&client, "v1", "Namespace", None, "orphan").await.expect("exists");
    assert_eq!(retained["metadata"]["labels"]["tenantry.dev/retained-from"], "foster");
    assert_eq!(pods(&client, "orphan").await, pods_before);
}

/// What was there before and the tenant could not make again.
fn misfits(namespace: &str) -> Vec<Value> {
    let metadata = |name: &str| json!({ "name": name, "namespace": namespace });
    let mut foreign = deployment(namespace);
    foreign["metadata"] = metadata("foreign");
    foreign["spec"]["replicas"] = 0.into();
    foreign["spec"]["template"]["spec"]["containers"][0]["image"] = "elsewhere.example/app".into();
    vec![
        foreign,
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("wide"),
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "namespaceSelector": {} }] }] },
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata("theirs"),
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry:viewer" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "somebody" }],
        }),
        // The operator may not look at it; whoever plans may.
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata("outside"),
            "spec": { "type": "NodePort", "ports": [{ "port": 80 }] },
        }),
    ]
}

/// `rule Kind/name` of each.
fn named(conflicts: &Value, kind: &str, name: &str) -> Vec<String> {
    let all = conflicts.as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = all
        .map(|one| {
            format!(
                "{} {}/{}",
                text(&one["rule"]),
                text(one.pointer(kind).unwrap_or_default()),
                text(one.pointer(name).unwrap_or_default())
            )
        })
        .collect();
    all.sort();
    all
}

async fn planned(cluster: &Cluster, tenant: &Value) -> Vec<String> {
    let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    std::fs::write(file.path(), tenant.to_string()).expect("written");
    let path = file.path().display().to_string();
    let (_, told, err) = tenantry(&["plan", "-f", &path, "--output", "json"], Some(cluster.kubeconfig_path())).await;
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told} {err}"));
    named(&report["resources"][0]["conflicts"], "/object/kind", "/object/name")
}

#[tokio::test]
async fn what_could_not_be_made_again_is_listed_and_left_alone_until_it_is_mended() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let consent = json!({ "tenantry.dev/adoptable-by": "host" });
    objects::create(&client, &namespace("crowded", &consent)).await.expect("created");
    objects::create(&client, &deployment("crowded")).await.expect("created");
    let (pods_before, mut before) = (pods(&client, "crowded").await, Vec::new());
    for misfit in misfits("crowded") {
        before.push(objects::create(&client, &misfit).await.expect("created"));
    }
    let mut host = adopting("host", "crowded");
    host["spec"]["images"] = json!({ "registries": ["registry.example/"] });
    host["spec"]["environments"][0]["quota"] = json!({ "max": { "pods": "1" } });

    // The whole list before anything happens, by the rights of whoever asks.
    let seen_by_all = [
        "binding-subjects RoleBinding/theirs",
        "image-registry Deployment/foreign",
        "network-ingress NetworkPolicy/wide",
        "quota ResourceQuota/tenantry",
        "service-type Service/outside",
    ];
    assert_eq!(planned(cluster, &host).await, seen_by_all);

    // What the operator may know, once it has happened.
    onboard(&client, &host).await;
    let told = |found: &Value| found["status"]["environments"][0]["conflicts"].clone();
    let listed = async |wanted: &[&str]| {
        eventually(SOON, "the conflicts are told", async || {
            let found = get(&client, "tenantry.dev/v1alpha1", "Tenant", None, "host").await.ok_or("none")?;
            let first = named(&told(&found)["first"], "/kind", "/name");
            if first == wanted && told(&found)["total"] == wanted.len() {
                Ok(found)
            } else {
                Err(found["status"].to_string())
            }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"))
    };
    let found = listed(&seen_by_all[..4]).await;
    let ready = objects::condition(&found, "Ready").cloned().unwrap_or_default();
    assert!(ready["message"].as_str().is_some_and(|text| text.contains("4 in crowded")), "{ready}");
    assert_eq!(planned(cluster, &host).await, seen_by_all);
    assert_eq!(pods(&client, "crowded").await, pods_before);
    for one in &before {
        let version = one["apiVersion"].as_str().expect("text");
        let kind = one["kind"].as_str().expect("text");
        let now = get(&client, version, kind, Some("crowded"), objects::name(one)).await.expect("stays");
        assert_eq!(now["spec"], one["spec"], "{kind}");
        assert_eq!(now["metadata"]["uid"], one["metadata"]["uid"], "{kind}");
    }

    // Each goes from the list when it is mended, and none comes back.
    let right = Patch::Merge(
        json!({ "spec": { "template": { "spec": { "containers": deployment("crowded")["spec"]["template"]["spec"]["containers"] } } } }),
    );
    objects::collection(&client, &before[0]).patch("foreign", &PatchParams::default(), &right).await.expect("patched");
    listed(&[seen_by_all[0], seen_by_all[2], seen_by_all[3]]).await;
    for misfit in &before[1..3] {
        objects::delete(&client, misfit).await.expect("deleted");
    }
    listed(&[seen_by_all[3]]).await;
    let one = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
    objects::collection(&client, &deployment("crowded"))
        .patch("web", &PatchParams::default(), &one)
        .await
        .expect("scaled");
    listed(&[]).await;
    assert_eq!(planned(cluster, &host).await, seen_by_all[4..]);
}

/// A Tenant renamed in Git is a new object, and the old one is gone.
#[tokio::test]
async fn a_renamed_tenant_takes_over_what_the_old_one_left() {
    let client = stage().await.client().await.expect("client");
    let mut old = plain_tenant("maiden");
    old["spec"]["network"] = json!({ "betweenEnvironments": "Allow" });
    onboard(&client, &old).await;
    let before = child(&client, &NAMESPACE, "", "maiden-dev").await.expect("exists");
    let data = objects::create(&client, &config("maiden-dev")).await.expect("created");
    objects::create(&client, &deployment("maiden-dev")).await.expect("created");
    let pods_before = pods(&client, "maiden-dev").await;

    // The new one comes first, as Git applies before it prunes.
    objects::apply(&client, &adopting("married", "maiden-dev")).await.expect("applied");
    is(&client, "married", "Ready", "False", |found| found["reason"] == "NotOwned").await;
    objects::delete(&client, &old).await.expect("deleted");
    is_gone(&client, "maiden").await;
    is(&client, "married", "Ready", "False", |found| {
        found["message"].as_str().is_some_and(|text| text.contains("does not consent"))
    })
    .await;
    annotate(&client, "maiden-dev", "tenantry.dev/adoptable-by", "married").await;
    ready(&client, "married").await;

    let after = child(&client, &NAMESPACE, "", "maiden-dev").await.expect("exists");
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let text = after["metadata"].to_string();
    assert!(text.contains("tenants//married/"), "{text}");
    let stale = ["tenants//maiden/", "retained-from", "adoptable-by"];
    assert!(!stale.iter().any(|mark| text.contains(mark)), "{text}");
    assert_eq!(pods(&client, "maiden-dev").await, pods_before);
    let kept = get(&client, "v1", "ConfigMap", Some("maiden-dev"), "data").await.expect("exists");
    assert_eq!(kept["metadata"]["uid"], data["metadata"]["uid"]);
    // Nothing there is the old one's any more: not the policies, nor the limits that the new one does not have.
    eventually(SOON, "the old marks are gone", async || {
        let old: Vec<String> = scene::children(&client, "maiden").await.into_keys().collect();
        let left: Vec<&String> = old.iter().filter(|title| title.contains("maiden-dev")).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let home = child(&client, &NAMESPACE, "", "maiden").await.expect("the old home stays");
    assert_eq!(home["metadata"]["labels"]["tenantry.dev/retained-from"], "maiden");
}
