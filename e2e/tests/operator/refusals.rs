//! Bad input: refused by the server in words that help, or not accepted with the field and the fix; and nothing that existed
//! before is lost or loosened by it.

use std::path::{Path, PathBuf};

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::objects;

use crate::scene::{self, class, environment, get, is, member, onboard, plain_tenant, ready, stage, tenant, versions};

/// YAML files of one folder of a kind.
fn cases(kind: &str, folder: &str) -> Vec<PathBuf> {
    let snake: String = kind
        .char_indices()
        .flat_map(|(at, letter)| {
            (at > 0 && letter.is_uppercase()).then_some('_').into_iter().chain(letter.to_lowercase())
        })
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/tenantry-core/src/kinds");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(snake).join(folder))
        .map(|entries| entries.map(|entry| entry.expect("readable").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

/// What the server says to this object, with unknown fields refused as kubectl has it; nothing is stored. Created, and applied:
/// lists with keys are judged by different code.
async fn dry_run(client: &Client, object: &Value) -> [Result<(), String>; 2] {
    let words = |result: Result<Value, kube::Error>| match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(error) => panic!("{error}"),
    };
    let url = objects::collection(client, object).resource_url().to_owned();
    let request = |method: &str, path: String, content_type: &str| {
        http::Request::builder()
            .method(method)
            .uri(format!("{path}?dryRun=All&fieldValidation=Strict&fieldManager=case"))
            .header("Content-Type", content_type)
            .body(object.to_string().into_bytes())
            .expect("a request")
    };
    let create = request("POST", url.clone(), "application/json");
    let apply = request("PATCH", format!("{url}/{}", objects::name(object)), "application/apply-patch+yaml");
    [words(client.request(create).await), words(client.request(apply).await)]
}

#[tokio::test]
async fn the_server_judges_every_case_as_the_offline_check_does() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let place = cluster.unique_name("cases");
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": place } });
    objects::create(&client, &namespace).await.expect("created");
    // Cases are written as they are met: in a namespace that is not here, of an object that is there already.
    let read = |file: &Path| {
        let text = std::fs::read_to_string(file).expect("readable");
        let mut object: Value = serde_saphyr::from_str(&text).expect("YAML");
        if !object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!(place);
        }
        object["metadata"].as_object_mut().expect("has metadata").remove("uid");
        (text, object)
    };
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for kind in KINDS.iter().map(|kind| kind.resource.kind) {
        for file in cases(kind, "accept") {
            let (_, object) = read(&file);
            accepted += 1;
            for words in dry_run(&client, &object).await.into_iter().filter_map(Result::err) {
                wrong.push(format!("{} is refused: {words}", file.display()));
            }
        }
        for file in cases(kind, "reject") {
            let (text, object) = read(&file);
            let expected = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("begins with the words");
            refused += 1;
            match dry_run(&client, &object).await {
                [Err(words), Err(_)] if words.contains(expected) => {}
                [Err(words), Err(_)] => wrong.push(format!("{}: expected {expected:?} in {words:?}", file.display())),
                other => wrong.push(format!("{} is accepted: {other:?}", file.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted >= 5 && refused >= 50, "{accepted} accepted, {refused} refused");
}

/// One change for the worse of a good tenant, the field that must be named, and what must be said of it.
fn bad_changes() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let service_account = |namespace: &str| {
        json!({ "members": [{ "name": "m", "role": "Admin", "subjects": [
            { "kind": "ServiceAccount", "name": "default", "namespace": namespace },
        ] }] })
    };
    let expired = json!({ "members": [{ "name": "m", "role": "Admin", "until": "2020-01-01T00:00:00Z", "subjects": [{ "kind": "Group", "name": "g" }] }] });
    let quota = |max: Value| json!({ "environments": [{ "name": "dev", "quota": { "max": max } }] });
    vec![
        ("stranger", service_account("default"), "spec.members[m]", "not this tenant's"),
        ("neighbour", service_account("kube-system"), "spec.members[m]", "not this tenant's"),
        ("expired", expired, "spec.members[m].until", "past"),
        (
            "unknown-environment",
            json!({ "members": [{ "name": "m", "role": "Admin", "environments": ["nowhere"], "subjects": [{ "kind": "Group", "name": "g" }] }] }),
            "spec.members[m].environments",
            "nowhere",
        ),
        (
            "over-total",
            json!({ "quota": { "pods": "5" }, "environments": [{ "name": "dev", "quota": { "guaranteed": { "pods": "6" } } }] }),
            "spec.quota[pods]",
            "lower",
        ),
        ("no-such-resource", quota(json!({ "bananas": "1" })), "spec.environments[dev].quota", "bananas"),
        ("half-a-pod", quota(json!({ "pods": "0.5" })), "spec.environments[dev].quota", "whole number"),
        (
            "limits-upside-down",
            json!({ "limits": { "min": { "cpu": "4" }, "max": { "cpu": "1" } } }),
            "spec.limits",
            "cpu",
        ),
        (
            "default-over-max",
            json!({ "limits": { "default": { "memory": "4Gi" }, "max": { "memory": "1Gi" } } }),
            "spec.limits",
            "memory",
        ),
        (
            "metadata-service",
            json!({ "network": { "egress": [{ "name": "e", "to": { "cidr": "169.254.169.254/32" }, "ports": [{ "port": 80 }] }] } }),
            "spec.network.egress[e]",
            "credentials",
        ),
        (
            "except-outside",
            json!({ "network": { "egress": [{ "name": "e", "to": { "cidr": "203.0.113.0/24", "except": ["198.51.100.0/28"] }, "ports": [{ "port": 80 }] }] } }),
            "spec.network.egress[e]",
            "198.51.100.0/28",
        ),
        (
            "host-bits",
            json!({ "network": { "egress": [{ "name": "e", "to": { "cidr": "203.0.113.7/24" }, "ports": [{ "port": 80 }] }] } }),
            "spec.network.egress[e]",
            "203.0.113",
        ),
        (
            "api-server-nowhere",
            json!({ "network": { "apiServer": "Allow" } }),
            "spec.network.apiServer",
            "TenantryPlatform",
        ),
        (
            "reserved-label",
            json!({ "metadata": { "labels": { "tenantry.dev/tenant": "other" } } }),
            "spec.metadata.labels[tenantry.dev/tenant]",
            "remove it",
        ),
        (
            "security-label",
            json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } }),
            "pod-security.kubernetes.io/enforce",
            "remove it",
        ),
        (
            "bad-label-value",
            json!({ "metadata": { "labels": { "a": "ünï cødé" } } }),
            "spec.metadata.labels[a]",
            "not a valid label value",
        ),
    ]
}

#[tokio::test]
async fn a_bad_change_is_not_accepted_and_loosens_nothing() {
    let client = stage().await.client().await.expect("client");
    let good = |name: &str| {
        let mut good = plain_tenant(name);
        good["spec"]["network"] =
            json!({ "egress": [{ "name": "e", "to": { "cidr": "192.0.2.0/24" }, "ports": [{ "port": 443 }] }] });
        good["spec"]["metadata"] = json!({ "labels": { "cost-centre": "1" } });
        good
    };
    for (name, _, _, _) in bad_changes() {
        objects::apply(&client, &good(&format!("bad-{name}"))).await.expect("applied");
    }
    for (name, change, field, words) in bad_changes() {
        let name = format!("bad-{name}");
        ready(&client, &name).await;
        let before = scene::children(&client, &name).await;
        let mut bad = good(&name);
        for (key, value) in change.as_object().expect("fields") {
            bad["spec"][key] = value.clone();
        }
        objects::apply(&client, &bad).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = is(&client, &name, "Accepted", "False", |_| true).await;
        let condition = objects::condition(&found, "Accepted").expect("there");
        let message = condition["message"].as_str().unwrap_or_default();
        assert!(message.contains(field) && message.contains(words), "{name}: {field:?} and {words:?} in {message:?}");
        is(&client, &name, "Ready", "False", |_| true).await;
        // Members may lose rights that a bad entry no longer gives, and are told that something was refused; nothing else
        // changes, and nobody gains any.
        let after = scene::children(&client, &name).await;
        for (title, object) in &before {
            if title.starts_with("RoleBinding") || title.starts_with("TenantView") {
                continue;
            }
            let now = after.get(title).unwrap_or_else(|| panic!("{name}: {title} is lost"));
            assert_eq!(now["spec"], object["spec"], "{name}: {title}");
            assert_eq!(now["metadata"]["labels"], object["metadata"]["labels"], "{name}: {title}");
        }
        for (title, object) in &after {
            assert!(before.contains_key(title), "{name}: {title} is new");
            if title.starts_with("RoleBinding") {
                let known: Vec<&Value> = before[title]["subjects"].as_array().expect("a list").iter().collect();
                let subjects = object["subjects"].as_array().expect("a list");
                assert!(
                    subjects.iter().all(|subject| known.contains(&subject) || subject["name"] == "g"),
                    "{name}: {object}"
                );
            }
        }
    }
    // Taken back, all is as before.
    for (name, _, _, _) in bad_changes() {
        let name = format!("bad-{name}");
        onboard(&client, &good(&name)).await;
    }
}

#[tokio::test]
async fn a_new_tenant_that_is_not_accepted_gets_nothing_open() {
    let client = stage().await.client().await.expect("client");
    for (name, change, _, _) in bad_changes() {
        let name = format!("new-{name}");
        let mut bad = plain_tenant(&name);
        for (key, value) in change.as_object().expect("fields") {
            bad["spec"][key] = value.clone();
        }
        objects::apply(&client, &bad).await.expect("applied");
        is(&client, &name, "Accepted", "False", |_| true).await;
        let children = scene::children(&client, &name).await;
        // Whoever has rights somewhere has them behind closed doors only.
        for binding in children.values().filter(|child| child["kind"] == "RoleBinding") {
            let namespace = binding["metadata"]["namespace"].as_str().expect("text");
            let deny = format!("NetworkPolicy {namespace}/tenantry-default-deny");
            assert!(children.contains_key(&deny), "{name}: rights in {namespace} without {deny}");
            let quota = children.get(&format!("ResourceQuota {namespace}/tenantry"));
            assert!(
                quota.is_some_and(|quota| quota["status"]["hard"].is_object()),
                "{name}: rights in {namespace} without a quota in force"
            );
            for subject in binding["subjects"].as_array().expect("a list") {
                assert!(subject["kind"] != "ServiceAccount", "{name}: {binding}");
            }
        }
    }
}

#[tokio::test]
async fn a_class_bounds_its_tenants_and_a_change_of_it_loosens_nothing() {
    let client = stage().await.client().await.expect("client");
    let mut narrow = class(
        "narrow",
        &json!({ "quota": { "pods": "20" }, "environments": [{ "stage": "Development", "quota": { "max": { "pods": "5" } } }] }),
    );
    narrow["spec"]["bounds"] = json!({ "quota": { "pods": "20" }, "environments": 2, "podSecurity": ["Restricted"], "deletionPolicies": ["Retain"] });
    objects::apply(&client, &narrow).await.expect("applied");
    let of_class = |spec: Value| {
        let mut tenant = tenant("bounded", spec);
        tenant["spec"]["className"] = "narrow".into();
        tenant
    };
    let found = onboard(&client, &of_class(json!({ "environments": [{ "name": "dev" }] }))).await;
    assert_eq!(found["status"]["effective"]["quota"]["pods"], "20", "{}", found["status"]);
    let before = scene::children(&client, "bounded").await;
    assert_eq!(before["ResourceQuota bounded-dev/tenantry"]["spec"]["hard"], json!({ "pods": "5" }));
    for (spec, field, words) in [
        (json!({ "environments": [{ "name": "dev" }], "quota": { "pods": "21" } }), "spec.quota[pods]", "20"),
        (
            json!({ "environments": [{ "name": "dev", "podSecurity": "Baseline" }] }),
            "spec.environments[dev].podSecurity",
            "stricter",
        ),
        (json!({ "environments": [{ "name": "dev" }], "deletionPolicy": "Delete" }), "spec.deletionPolicy", "Retain"),
        (json!({ "environments": [{ "name": "dev" }, { "name": "b" }, { "name": "c" }] }), "spec.environments", "2"),
        (
            json!({ "environments": [{ "name": "dev" }], "network": { "internet": "Allow" } }),
            "spec.network.internet",
            "Deny",
        ),
        (
            json!({ "environments": [{ "name": "dev" }], "network": { "egress": [{ "name": "e", "to": { "cidr": "203.0.113.0/24" }, "ports": [{ "port": 1 }] }] } }),
            "spec.network.egress[e]",
            "narrow",
        ),
    ] {
        objects::apply(&client, &of_class(spec)).await.expect("applied");
        let found = is(&client, "bounded", "Accepted", "False", |condition| {
            condition["message"].as_str().unwrap_or_default().contains(field)
        })
        .await;
        let message = objects::condition(&found, "Accepted").expect("there")["message"].to_string();
        assert!(message.contains(words), "{field}: {words:?} in {message}");
        let now = scene::children(&client, "bounded").await;
        // The view says that something was refused.
        for (title, version) in versions(&before).into_iter().filter(|(title, _)| !title.starts_with("TenantView")) {
            assert_eq!(versions(&now).get(title), Some(&version), "{field}: {title}");
        }
    }
    onboard(&client, &of_class(json!({ "environments": [{ "name": "dev" }] }))).await;

    // Without its class a tenant stays as it was.
    objects::delete(&client, &narrow).await.expect("deleted");
    let found = is(&client, "bounded", "ResolvedRefs", "False", |condition| condition["reason"] == "RefNotFound").await;
    assert!(found["status"]["conditions"].to_string().contains("narrow"));
    let now = scene::children(&client, "bounded").await;
    for (title, version) in versions(&before).into_iter().filter(|(title, _)| !title.starts_with("TenantView")) {
        assert_eq!(versions(&now).get(title), Some(&version), "without its class: {title}");
    }
    let view = "TenantView bounded/bounded";
    assert_eq!(now[view]["spec"], before[view]["spec"], "without its class");
    objects::apply(&client, &narrow).await.expect("applied");
    ready(&client, "bounded").await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_at_the_door() {
    let client = stage().await.client().await.expect("client");
    let many: Vec<Value> = (0..10_000).map(|number| environment(&format!("e{number}"))).collect();
    let refused =
        objects::apply(&client, &tenant("many", json!({ "environments": many }))).await.expect_err("too many");
    assert!(
        refused.to_string().contains("spec.environments: Too many: 10000: must have at most 64 items"),
        "{refused}"
    );
    let crowd: Vec<Value> = (0..129).map(|number| member(&format!("m{number}"), "Viewer", "g")).collect();
    let refused = objects::apply(&client, &tenant("many", json!({ "members": crowd }))).await.expect_err("too many");
    assert!(refused.to_string().contains("spec.members"), "{refused}");
    assert!(get(&client, "tenantry.dev/v1alpha1", "Tenant", None, "many").await.is_none());
    // As much as is allowed is possible.
    let most: Vec<Value> = (0..64).map(|number| json!({ "name": format!("e{number}") })).collect();
    onboard(&client, &tenant("most", json!({ "environments": most }))).await;
}
