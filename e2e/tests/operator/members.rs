//! Who may do what, asked by real requests with their own certificates and tokens; and until when.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tenantry_e2e::{Cluster, Identity, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, member, onboard, plain_tenant, ready, stage, tenant};

/// What the server says to somebody who tries: the code, and its words.
async fn tries(client: &Client, object: &Value) -> Result<(), (u16, String)> {
    match objects::create(client, object).await {
        Ok(_) => Ok(()),
        Err(objects::ObjectError::Server { source, .. }) => match *source {
            kube::Error::Api(status) => Err((status.code, status.message.clone())),
            other => panic!("{other}"),
        },
        Err(other) => panic!("{other}"),
    }
}

fn map(name: &str, namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace } })
}

fn binding(name: &str, namespace: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": name, "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "friend" }],
    })
}

async fn may_read(client: &Client, namespace: &str) -> bool {
    Api::<ConfigMap>::namespaced(client.clone(), namespace).list(&ListParams::default()).await.is_ok()
}

async fn may_read_secrets(client: &Client, namespace: &str) -> bool {
    Api::<Secret>::namespaced(client.clone(), namespace).list(&ListParams::default()).await.is_ok()
}

async fn client_of(identity: &Identity) -> Client {
    identity.client().await.expect("client")
}

#[tokio::test]
async fn members_may_do_what_their_role_says_and_nothing_elsewhere() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    onboard(&admin, &plain_tenant("ours")).await;
    onboard(&admin, &plain_tenant("theirs")).await;
    let [lead, developer, viewer] = ["ours-admins", "ours-developers", "ours-viewers"]
        .map(|group| cluster.user(&format!("somebody of {group}"), &[group]).expect("issued"));
    let (lead, developer, viewer) = (client_of(&lead).await, client_of(&developer).await, client_of(&viewer).await);
    // RBAC's own caches follow a moment later.
    for client in [&lead, &developer, &viewer] {
        eventually(SOON, "the member may read", async || may_read(client, "ours-dev").await.then_some(()))
            .await
            .expect("in time");
    }

    tries(&lead, &map("by-lead", "ours-dev")).await.expect("an admin may write");
    tries(&developer, &map("by-developer", "ours-dev")).await.expect("a developer may write");
    let (code, words) = tries(&viewer, &map("by-viewer", "ours-dev")).await.expect_err("a viewer may not");
    assert_eq!(code, 403, "{words}");
    assert!(may_read_secrets(&developer, "ours-dev").await && !may_read_secrets(&viewer, "ours-dev").await);
    assert!(may_read(&viewer, "ours").await, "the home namespace is theirs, too");

    // Identities of programs are the admins' to make; rights are nobody's to give: they would outlive the membership.
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "ours-dev" } });
    tries(&lead, &account("robot")).await.expect("an admin may make a ServiceAccount");
    assert_eq!(tries(&developer, &account("robot-2")).await.expect_err("may not").0, 403);
    for role in ["tenantry:viewer", "cluster-admin"] {
        for client in [&lead, &developer] {
            assert_eq!(tries(client, &binding("friend", "ours-dev", role)).await.expect_err("may not").0, 403);
        }
    }

    for client in [&lead, &developer, &viewer] {
        for namespace in ["theirs-dev", "theirs", "default", "kube-system", "tenantry-system"] {
            assert!(!may_read(client, namespace).await, "{namespace} is not theirs");
            assert!(!may_read_secrets(client, namespace).await, "{namespace} is not theirs");
            assert_eq!(tries(client, &map("intruder", namespace)).await.expect_err("not theirs").0, 403);
        }
        // What isolates and bounds them is not theirs to change, nor to look past.
        for (version, kind, name) in [
            ("networking.k8s.io/v1", "NetworkPolicy", "tenantry-default-deny"),
            ("v1", "ResourceQuota", "tenantry"),
            ("v1", "LimitRange", "tenantry"),
        ] {
            let object =
                json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": "ours-dev" } });
            let refused = objects::delete(client, &object).await.expect_err("not theirs to remove");
            // By their roles, or, where those let them make their own of the kind, by the policies.
            let words = refused.to_string();
            let by_policy = kind == "NetworkPolicy" && words.contains("[rule managed-objects");
            assert!(by_policy || words.contains("cannot delete resource"), "{refused}");
        }
        for (version, kind) in [("v1", "Namespace"), ("v1", "Node"), ("tenantry.dev/v1alpha1", "Tenant"), ("v1", "Pod")]
        {
            let all: Api<DynamicObject> = objects::collection_of(client, version, kind, None);
            let refused = all.list(&ListParams::default()).await.expect_err("not theirs to list");
            assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{kind}: {refused}");
        }
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ours-own" } });
        assert_eq!(tries(client, &namespace).await.expect_err("not theirs to make").0, 403);
    }
}

#[tokio::test]
async fn rights_are_where_the_spec_says_in_at_most_three_bindings() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    let some = |name: &str, role: &str, environments: Value| {
        let mut entry = member(name, role, &format!("placed-{name}"));
        entry["environments"] = environments;
        entry
    };
    let mut members: Vec<Value> = (0..40)
        .map(|n| member(&format!("crowd-{n}"), ["Admin", "Developer", "Viewer"][n % 3], &format!("crowd-{n}")))
        .collect();
    members.push(some("dev-only", "Developer", json!(["dev"])));
    let mut machine = some("machine", "Admin", json!(["prod"]));
    machine["subjects"] = json!([{ "kind": "ServiceAccount", "name": "default", "namespace": "placed-dev" }]);
    members.push(machine);
    let spec =
        json!({ "environments": [{ "name": "dev" }, { "name": "prod", "stage": "Production" }], "members": members });
    onboard(&admin, &tenant("placed", spec)).await;
    let children = scene::children(&admin, "placed").await;
    for namespace in ["placed", "placed-dev", "placed-prod"] {
        let bindings = children.keys().filter(|title| title.starts_with(&format!("RoleBinding {namespace}/"))).count();
        assert_eq!(bindings, 3, "{namespace}");
    }
    let developer = cluster.user("d", &["placed-dev-only"]).expect("issued");
    let developer = client_of(&developer).await;
    eventually(SOON, "the developer may read", async || may_read(&developer, "placed-dev").await.then_some(()))
        .await
        .expect("in time");
    assert!(!may_read(&developer, "placed-prod").await && !may_read(&developer, "placed").await);
    let machine = cluster.service_account("placed-dev", "default").await.expect("issued");
    let machine = client_of(&machine).await;
    eventually(SOON, "the machine may read", async || may_read(&machine, "placed-prod").await.then_some(()))
        .await
        .expect("in time");
    assert!(!may_read(&machine, "placed-dev").await, "named for prod only");

    // Who is taken from the spec loses what they had.
    onboard(
        &admin,
        &tenant("placed", json!({ "environments": [{ "name": "dev" }, { "name": "prod", "stage": "Production" }] })),
    )
    .await;
    let children = scene::children(&admin, "placed").await;
    assert!(!children.keys().any(|title| title.starts_with("RoleBinding")), "{:?}", children.keys());
    eventually(SOON, "the machine may not read any more", async || {
        (!may_read(&machine, "placed-prod").await).then_some(())
    })
    .await
    .expect("in time");
}

/// The time as the server writes it, this many seconds from now.
fn from_now(seconds: u64) -> (std::time::SystemTime, String) {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let when = std::time::UNIX_EPOCH + Duration::from_secs(now + seconds);
    (when, jiff::Timestamp::try_from(when).expect("a time").to_string())
}

async fn has_binding(client: &Client, namespace: &str, role: &str) -> bool {
    get(client, "rbac.authorization.k8s.io/v1", "RoleBinding", Some(namespace), role).await.is_some()
}

/// Waits until a binding is gone; answers how much later than `when` that was seen, in seconds.
async fn gone_after(client: &Client, namespace: &str, role: &str, when: std::time::SystemTime) -> f64 {
    loop {
        let late = match when.elapsed() {
            Ok(late) => late.as_secs_f64(),
            Err(early) => -early.duration().as_secs_f64(),
        };
        if !has_binding(client, namespace, role).await {
            return late;
        }
        assert!(late < 30.0, "the binding is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn on_call(name: &str, until: &str) -> Value {
    let mut entry = member("on-call", "Admin", "firefighters");
    entry["until"] = until.into();
    entry["reason"] = "until the migration ends".into();
    tenant(name, json!({ "environments": [{ "name": "dev" }], "members": [entry, member("dev", "Developer", "d")] }))
}

#[tokio::test]
async fn an_expiry_is_kept_to_the_second() {
    let client = stage().await.client().await.expect("client");
    let (when, until) = from_now(6);
    let found = onboard(&client, &on_call("brief", &until)).await;
    assert_eq!(found["status"]["environments"][0]["members"], 2);
    assert!(has_binding(&client, "brief-dev", "tenantry-admin").await);
    let late = gone_after(&client, "brief-dev", "tenantry-admin", when).await;
    assert!((-0.05..1.0).contains(&late), "gone {late:.2} s after its end");
    gone_after(&client, "brief", "tenantry-admin", when).await;
    assert!(has_binding(&client, "brief-dev", "tenantry-developer").await, "others keep theirs");
    let found = ready(&client, "brief").await;
    eventually(SOON, "the status counts one member", async || {
        let found = ready(&client, "brief").await;
        (found["status"]["environments"][0]["members"] == 1).then_some(())
    })
    .await
    .expect("in time");
    assert_eq!(found["metadata"]["generation"], 1);
}

#[tokio::test]
async fn an_expiry_holds_while_the_operator_is_away_and_when_it_comes_back() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    let (missed, until) = from_now(9);
    onboard(&client, &on_call("missed", &until)).await;
    // It gives its lease back, so that the next need not wait until that expires.
    operator.terminate().await;
    let (met, until) = from_now(25);
    objects::apply(&client, &on_call("met", &until)).await.expect("applied");
    // One end passes while nobody is there, the other comes with a process that was not told of it.
    tokio::time::sleep(
        missed
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .expect("later")
            .saturating_sub(std::time::UNIX_EPOCH.elapsed().expect("after 1970"))
            + Duration::from_millis(100),
    )
    .await;
    assert!(has_binding(&client, "missed-dev", "tenantry-admin").await, "nobody was there");
    let began = std::time::Instant::now();
    let operator = Operator::start(&cluster).await;
    eventually(SOON, "the late end is made good", async || {
        (!has_binding(&client, "missed-dev", "tenantry-admin").await).then_some(())
    })
    .await
    .expect("in time");
    println!("made good {:.1} s after the new process was started", began.elapsed().as_secs_f64());
    ready(&client, "met").await;
    assert!(has_binding(&client, "met-dev", "tenantry-admin").await, "its time has not come");
    let late = gone_after(&client, "met-dev", "tenantry-admin", met).await;
    assert!((-0.05..1.0).contains(&late), "gone {late:.2} s after its end");
    operator.kill();
}
