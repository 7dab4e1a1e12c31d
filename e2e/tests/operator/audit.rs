//! The API server with the audit policy that `tenantry audit-policy` prints: each tenant's writes are there at the level it asks
//! for, none of another's among them, and no secret ever.

use std::path::Path;

use serde_json::{Value, json};
use tenantry_core::meta;
use tenantry_e2e::{Cluster, Identity, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, member, onboard, tenant};
use crate::view::tenantry;

/// What nobody may ever read in a log, and how a Secret carries it.
const SECRET: &str = "open-sesame-4711";
const SECRET_IN_BASE64: &str = "b3Blbi1zZXNhbWUtNDcxMQ==";

fn asking(name: &str, level: &str) -> Value {
    let members =
        [member("admins", "Admin", &format!("{name}-admins")), member("viewers", "Viewer", &format!("{name}-viewers"))];
    tenant(name, json!({ "environments": [{ "name": "dev" }], "members": members, "audit": { "level": level } }))
}

/// Every event that is in the log by now.
fn events(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).expect("readable");
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Those of one tenant, as `docs/audit.md` finds them: by its namespaces.
fn of_tenant<'a>(events: &'a [Value], namespaces: &[String]) -> Vec<&'a Value> {
    let is_there =
        |event: &&Value| namespaces.iter().any(|namespace| event["objectRef"]["namespace"] == namespace.as_str());
    events.iter().filter(is_there).collect()
}

/// Those of one tenant by what the admission policies note on each event that they are asked about.
fn noted_for<'a>(events: &'a [Value], tenant: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| noted_tenants(event).any(|noted| noted == tenant)).collect()
}

/// `tenantry-pods/tenant` and so on.
fn noted_tenants(event: &Value) -> impl Iterator<Item = &str> {
    let annotations = event["annotations"].as_object().into_iter().flatten();
    annotations
        .filter(|(key, _)| key.starts_with("tenantry-") && key.ends_with("/tenant"))
        .filter_map(|(_, value)| value.as_str())
}

/// What the policies say of a refusal, rule and Tenant included.
fn noted_refusal(event: &Value) -> &str {
    event["annotations"]["validation.policy.admission.k8s.io/validation_failure"].as_str().unwrap_or_default()
}

async fn namespaces_of(cluster: &Cluster, tenant: &str) -> Vec<String> {
    let client = cluster.client().await.expect("client");
    let label = format!("{}={tenant}", meta::TENANT);
    let found = objects::list(&client, "v1", "Namespace", None, &label).await.expect("listed");
    found.iter().map(|namespace| objects::name(namespace).to_owned()).collect()
}

/// Waits until this request of somebody is in the log; answers its event.
async fn recorded(log: &Path, who: &str, verb: &str, resource: &str) -> Value {
    eventually(SOON, &format!("{who}'s {verb} of {resource} is in the log"), async || {
        events(log).into_iter().find(|event| {
            event["user"]["username"] == who
                && event["verb"] == verb
                && event["objectRef"]["resource"] == resource
                && event["stage"] == "ResponseComplete"
        })
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

/// A member does what members do. Each name is the member's own, so that it is found wherever it should not be.
async fn act(who: &Identity, tenant: &str) {
    let namespace = format!("{tenant}-dev");
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("{tenant}-map"), "namespace": namespace },
        "data": { "said": format!("word of {tenant}") },
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("{tenant}-secret"), "namespace": namespace },
        "stringData": { "key": SECRET },
    });
    for object in [map, secret] {
        let text = object.to_string();
        eventually(SOON, "the member may write", async || {
            let created = who.kubectl_with_input(&["create", "--validate=false", "-f", "-"], &text).await;
            match created {
                Err(error) if !error.to_string().contains("AlreadyExists") => Err(error.to_string()),
                _ => Ok(()),
            }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("{tenant}-service"), "namespace": namespace },
        "spec": { "type": "NodePort", "ports": [{ "port": 80 }] },
    });
    let refused = who.kubectl_with_input(&["create", "--validate=false", "-f", "-"], &service.to_string()).await;
    let refused = refused.expect_err("not granted").to_string();
    assert!(refused.contains("rule service-type"), "{refused}");
    who.kubectl(&["create", "token", "default", "-n", &namespace]).await.expect("a token");
    who.kubectl(&["get", "configmaps", "-n", &namespace]).await.expect("reads");
}

#[tokio::test]
async fn each_tenants_writes_are_kept_as_it_asks_and_apart() {
    let tenants = [
        asking("lynx", "RequestResponse"),
        asking("heron", "Request"),
        asking("otter", "Metadata"),
        asking("stoat", "None"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tenants.json");
    let mut given = vec![scene::class(scene::CLASS, &json!({}))];
    given.extend(tenants.clone());
    std::fs::write(&file, json!({ "apiVersion": "v1", "kind": "List", "items": given }).to_string()).expect("written");
    let (code, policy, err) = tenantry(&["audit-policy", "-f", &file.display().to_string()], None).await;
    assert_eq!((code, err.as_str()), (0, ""), "{policy}");

    let cluster = Cluster::start(Options::default().with_audit_policy(policy.clone())).await.expect("starts");
    let (client, log) = (cluster.client().await.expect("client"), cluster.audit_log().expect("asked for"));
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    for tenant in &tenants {
        onboard(&client, tenant).await;
    }
    // What the cluster says is what the files said.
    for arguments in [["audit-policy"].as_slice(), &["install", "--audit-policy"]] {
        let (code, live, err) = tenantry(arguments, Some(cluster.kubeconfig_path())).await;
        assert_eq!((code, live.as_str(), err.as_str()), (0, policy.as_str(), ""));
    }
    for name in ["stoat", "otter", "heron", "lynx"] {
        let who = cluster.user(&format!("{name}-person"), &[&format!("{name}-admins")]).expect("issued");
        act(&who, name).await;
    }
    // A refusal is a part of the story. Last of all, so that everything before it is in the log once it is.
    let viewer = cluster.user("lynx-viewer", &["lynx-viewers"]).expect("issued");
    viewer.kubectl(&["create", "configmap", "no", "-n", "lynx-dev"]).await.expect_err("viewers only look");
    let refused = recorded(&log, "lynx-viewer", "create", "configmaps").await;
    assert_eq!(refused["responseStatus"]["code"], 403, "{refused}");

    let all = events(&log);
    let silent = of_tenant(&all, &namespaces_of(&cluster, "stoat").await);
    assert!(silent.is_empty(), "it asks for nothing: {silent:?}");
    let names = ["lynx", "heron", "otter", "stoat"];
    for (name, level, sent, answered) in [
        ("lynx", "RequestResponse", true, true),
        ("heron", "Request", true, false),
        ("otter", "Metadata", false, false),
    ] {
        let namespaces = namespaces_of(&cluster, name).await;
        let (mine, noted) = (of_tenant(&all, &namespaces), noted_for(&all, name));
        let others: Vec<&str> = names.into_iter().filter(|other| *other != name).collect();
        let person = format!("{name}-person");
        let done: Vec<&&Value> = mine.iter().filter(|event| event["user"]["username"] == person.as_str()).collect();
        let seen = |resource: &str| {
            done.iter().find(|event| event["objectRef"]["resource"] == resource && event["verb"] == "create")
        };
        for resource in ["configmaps", "secrets", "serviceaccounts"] {
            assert!(seen(resource).is_some(), "{name}: {resource} in {done:?}");
        }
        assert!(
            done.iter().all(|event| event["verb"] != "list" && event["verb"] != "get"),
            "{name}: reads are not writes"
        );
        let map = seen("configmaps").expect("there");
        let has_body = map["requestObject"]["data"]["said"] == format!("word of {name}").as_str();
        assert_eq!(
            (map["level"] == level, has_body, map["responseObject"].is_object()),
            (true, sent, answered),
            "{map}"
        );
        for resource in ["secrets", "serviceaccounts"] {
            let event = seen(resource).expect("there");
            assert_eq!(
                (&event["level"], &event["requestObject"], &event["responseObject"]),
                (&"Metadata".into(), &Value::Null, &Value::Null)
            );
        }
        for event in &mine {
            let text = event.to_string();
            assert!(others.iter().all(|other| !text.contains(other)), "{name} is told of another: {text}");
        }
        // The policies' notes find the same at every level: all that a member wrote or was refused by a rule, and none of another's.
        for event in &done {
            let was_judged = event["responseStatus"]["code"].as_i64().is_some_and(|code| code < 300);
            let is_noted = noted.iter().any(|noted| noted["auditID"] == event["auditID"]);
            assert!(is_noted || !was_judged, "{name}: {event}");
        }
        let refused = noted.iter().find(|event| event["objectRef"]["resource"] == "services").expect("there");
        let why = noted_refusal(refused);
        assert!(why.contains("rule service-type") && why.contains(&format!("Tenant {name}")), "{level}: {refused}");
        for event in &noted {
            let at = &event["objectRef"];
            let place = if at["resource"] == "namespaces" { &at["name"] } else { &at["namespace"] };
            assert!(namespaces.iter().any(|namespace| place == namespace.as_str()), "{name}: {event}");
            assert!(noted_tenants(event).all(|noted| noted == name), "{name}: {event}");
        }
    }
    assert!(noted_for(&all, "stoat").iter().all(|event| event["objectRef"]["resource"] == "namespaces"));
    // Who gave and changed the Tenants is there; the operator's rights and the cluster's own work are not taken for anybody's.
    let onboards =
        all.iter().filter(|event| event["objectRef"]["resource"] == "tenants" && event["requestObject"].is_object());
    assert!(onboards.count() >= tenants.len());
    let text = std::fs::read_to_string(&log).expect("readable");
    assert!(!text.contains(SECRET) && !text.contains(SECRET_IN_BASE64), "a secret is in the log");
    let own = |event: &&Value| {
        let groups = event["user"]["groups"].as_array().into_iter().flatten();
        groups.into_iter().any(|group| group == "system:serviceaccounts:kube-system" || group == "system:nodes")
    };
    assert_eq!(all.iter().find(own), None, "the cluster's own work is left out");
}
