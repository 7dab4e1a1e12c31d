//! Policies of Envoy Gateway, with its own definitions: the server that has them, with all of their rules, says whether what is written
//! for a route is right, and the test plays the controller. What requests do is not seen here: nothing of Envoy runs.

use std::collections::BTreeMap;
use std::path::Path;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_core::content::hash_observed;
use tenantry_core::resources::{BACKEND_TRAFFIC_POLICY, Resource, SECURITY_POLICY};
use tenantry_e2e::gateway::{define, definitions_of_gateway_api};
use tenantry_e2e::packages::{self, NotInstalled};
use tenantry_e2e::{Cluster, Options, eventually, objects, skip};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant};
use crate::workloads::{is, workload};

const MODULE: (&str, &str) = ("github.com/envoyproxy/gateway", "v1.9.1");
const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";
const POLICIES: [&Resource; 2] = [&SECURITY_POLICY, &BACKEND_TRAFFIC_POLICY];

/// The definitions of the two projects, as they ship them.
fn definitions() -> Result<Vec<Value>, NotInstalled> {
    let standard = definitions_of_gateway_api()?;
    Ok(read(&standard, &packages::go_module(MODULE.0, MODULE.1)?))
}

fn read(standard: &Path, module: &Path) -> Vec<Value> {
    let mut all = objects::read_folder(standard).expect("definitions");
    all.retain(|object| object["kind"] == "CustomResourceDefinition");
    for kind in POLICIES {
        let file = format!("{}_{}.yaml", kind.group, kind.plural);
        let path = module.join("charts/gateway-helm/charts/crds/crds/generated").join(file);
        let text = std::fs::read_to_string(&path).expect("a definition");
        all.extend(objects::parse(&path.display().to_string(), &text).expect("YAML"));
    }
    all
}

/// A cluster that has them, or why there is none.
async fn cluster() -> Result<Cluster, NotInstalled> {
    let definitions = tokio::task::spawn_blocking(definitions).await.expect("joined")?;
    let cluster = Cluster::start(Options::with_nodes(1)).await.expect("starts");
    let client = cluster.client().await.expect("client");
    define(&client, &definitions).await.expect("the server takes the definitions");
    Ok(cluster)
}

/// Every policy that a golden case of ServiceRoutes wants, by case.
fn golden_policies() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/tenantry-core/src/kinds/service_route/golden");
    let mut found = Vec::new();
    for case in std::fs::read_dir(&folder).expect("golden cases") {
        let case = case.expect("a case");
        let name = case.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(case.path().join("plan.yaml")).expect("a plan");
        let plan: Value = serde_saphyr::from_str(&text).expect("YAML");
        let desired = plan["desired"].as_array().cloned().unwrap_or_default();
        let is_one = |object: &Value| POLICIES.iter().any(|kind| object["kind"] == kind.kind);
        found.extend(desired.into_iter().filter(is_one).map(|object| (name.clone(), object)));
    }
    found
}

#[tokio::test]
async fn its_own_definitions_take_every_policy_that_routes_want() {
    let cluster = match cluster().await {
        Ok(cluster) => cluster,
        Err(reason) => skip!("{reason}"),
    };
    let client = cluster.client().await.expect("client");
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "acme-dev" } });
    objects::apply(&client, &namespace).await.expect("applied");
    let policies = golden_policies();
    let parameters = PatchParams::apply("judge").dry_run().validation_strict();
    let judge = async |policy: &Value| {
        let collection = objects::collection(&client, policy);
        collection.patch(objects::name(policy), &parameters, &Patch::Apply(policy)).await
    };
    let mut fields: BTreeMap<String, usize> = BTreeMap::new();
    for (case, policy) in &policies {
        let taken = judge(policy).await.unwrap_or_else(|error| panic!("{case}: {}: {error}", objects::title(policy)));
        // What the server fills in would look like drift for ever.
        let taken = serde_json::to_value(taken).expect("JSON");
        let kind = POLICIES.into_iter().find(|kind| policy["kind"] == kind.kind).expect("one of them");
        let (sent, stored) = (&policy["spec"], &taken["spec"]);
        assert_eq!(hash_observed(kind, policy), hash_observed(kind, &taken), "{case}: {sent} is stored as {stored}");
        for field in sent.as_object().into_iter().flat_map(|spec| spec.keys()) {
            *fields.entry(field.clone()).or_default() += 1;
        }
    }
    // Each way of the adapter's has been before the judge.
    for field in [
        "apiKeyAuth",
        "authorization",
        "basicAuth",
        "cors",
        "extAuth",
        "jwt",
        "oidc",
        "rateLimit",
        "requestBuffer",
        "retry",
        "timeout",
    ] {
        assert!(fields.contains_key(field), "no golden case has {field}");
    }
    assert_eq!(fields["targetRefs"], policies.len());
    assert_eq!(fields["mergeType"], policies.len());
    // And it is a judge: it refuses what its rules forbid, and fields that it does not know.
    let (_, policy) = policies.iter().find(|(case, _)| case == "auth-jwt-envoy").expect("the case");
    let mut replacing = policy.clone();
    replacing["spec"]["mergeType"] = "Replace".into();
    let refused = judge(&replacing).await.expect_err("a rule forbids it").to_string();
    assert!(refused.contains("mergeType"), "{refused}");
    let mut misspelt = policy.clone();
    misspelt["spec"]["jwts"] = json!({});
    let refused = judge(&misspelt).await.expect_err("there is no such field").to_string();
    assert!(refused.contains("jwts"), "{refused}");
}

/// A gateway of Envoy Gateway's, as it would be if it ran, and the platform that names it.
async fn play_gateway(client: &Client) {
    let version = "gateway.networking.k8s.io/v1";
    let class = json!({
        "apiVersion": version, "kind": "GatewayClass", "metadata": { "name": "envoy" },
        "spec": { "controllerName": CONTROLLER },
    });
    let gateway = json!({
        "apiVersion": version, "kind": "Gateway", "metadata": { "name": "envoy", "namespace": "default" },
        "spec": { "gatewayClassName": "envoy", "listeners": [
            { "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } },
        ] },
    });
    for (object, condition) in [(&class, "Accepted"), (&gateway, "Programmed")] {
        objects::apply(client, object).await.expect("applied");
        say(client, object, &json!({ "conditions": [told(condition, "True", "as played", 1)] })).await;
    }
    let profile = json!({
        "name": "all", "hosts": ["infra-proxy"], "gatewayRef": { "namespace": "default", "name": "envoy" },
    });
    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "gateways": [profile] },
    });
    objects::apply(client, &platform).await.expect("applied");
}

fn told(type_: &str, status: &str, message: &str, generation: i64) -> Value {
    json!({
        "type": type_, "status": status, "reason": "Played", "message": message, "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

async fn say(client: &Client, object: &Value, status: &Value) {
    objects::say(client, object, status).await.unwrap_or_else(|error| panic!("{error}"));
}

/// What the controller says of a policy, for the generation that it has now.
async fn judge(client: &Client, policy: &Value, conditions: &[(&str, &str, &str)]) {
    let generation = policy["metadata"]["generation"].as_i64().expect("a generation");
    let conditions: Vec<Value> =
        conditions.iter().map(|(type_, status, message)| told(type_, status, message, generation)).collect();
    let gateway = json!({
        "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "default", "name": "envoy", "sectionName": "web",
    });
    let ancestor = json!({ "ancestorRef": gateway, "controllerName": CONTROLLER, "conditions": conditions });
    say(client, policy, &json!({ "ancestors": [ancestor] })).await;
}

async fn written(client: &Client, (version, kind): (&str, &str), name: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, &format!("{kind} {name} is as it should be"), async || {
        let found = get(client, version, kind, Some("guarded-dev"), name).await.ok_or("there is none")?;
        if holds(&found) { Ok(found) } else { Err(found["spec"].to_string()) }.map_err(|_| "it is not")
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

#[tokio::test]
async fn a_route_is_ready_when_its_policies_are_said_to_be_in_effect_and_not_before() {
    let cluster = match cluster().await {
        Ok(cluster) => cluster,
        Err(reason) => skip!("{reason}"),
    };
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    play_gateway(&client).await;
    onboard(&client, &plain_tenant("guarded")).await;
    let web = workload(
        "Application",
        "guarded-dev",
        "web",
        &json!({ "image": "registry.example/web:1", "ports": [{ "name": "http", "port": 8080 }] }),
    );
    objects::apply(&client, &web).await.expect("applied");
    let route = |requests: i64| {
        let policies = json!({
            "auth": { "type": "JWT", "jwt": { "issuer": "https://id.example", "jwksConfigMapRef": { "name": "keys" } } },
            "rateLimit": { "requests": requests },
        });
        let spec =
            json!({ "backend": { "applicationRef": { "name": "web" } }, "basePath": "/web", "policies": policies });
        workload("ServiceRoute", "guarded-dev", "web", &spec)
    };
    let version = SECURITY_POLICY.api_version();
    let (security, traffic) = ((version.as_str(), "SecurityPolicy"), (version.as_str(), "BackendTrafficPolicy"));
    objects::apply(&client, &route(5)).await.expect("applied");
    let guard = written(&client, security, "web-security", |_| true).await;
    let limit = written(&client, traffic, "web-traffic", |_| true).await;
    let published = written(&client, ("gateway.networking.k8s.io/v1", "HTTPRoute"), "web-route", |_| true).await;
    assert_eq!(guard["spec"]["targetRefs"][0]["name"], "web-route");
    let parent = json!({
        "parentRef": published["spec"]["parentRefs"][0], "controllerName": CONTROLLER,
        "conditions": [told("Accepted", "True", "as played", 1), told("ResolvedRefs", "True", "as played", 1)],
    });
    say(&client, &published, &json!({ "parents": [parent] })).await;

    // The route is taken, and of the policies nobody has said a word.
    is(&client, &route(5), "Programmed", "True", "").await;
    is(&client, &route(5), "PoliciesEnforced", "Unknown", "Pending").await;
    is(&client, &route(5), "Ready", "Unknown", "Pending").await;
    judge(&client, &guard, &[("Accepted", "True", "")]).await;
    judge(&client, &limit, &[("Accepted", "True", "")]).await;
    is(&client, &route(5), "PoliciesEnforced", "True", "").await;
    let ready = is(&client, &route(5), "Ready", "True", "").await;
    assert_eq!(ready["status"]["urls"], json!(["http://infra-proxy/web/"]));

    // Somebody stands above one of them.
    let over = "This policy is being overridden by other securityPolicies";
    judge(&client, &guard, &[("Accepted", "True", ""), ("Overridden", "True", over)]).await;
    let overridden = is(&client, &route(5), "PoliciesEnforced", "False", "PolicyNotEnforced").await;
    assert!(objects::condition(&overridden, "PoliciesEnforced").expect("there").to_string().contains(over));
    is(&client, &route(5), "Ready", "False", "PolicyNotEnforced").await;
    judge(&client, &guard, &[("Accepted", "False", "ConfigMap guarded-dev/keys not found")]).await;
    is(&client, &route(5), "PoliciesEnforced", "False", "PolicyNotEnforced").await;
    judge(&client, &guard, &[("Accepted", "True", "")]).await;
    // A status written by a merge keeps no list of before.
    is(&client, &route(5), "Ready", "True", "").await;

    // What was said of an earlier state counts no more.
    objects::apply(&client, &route(6)).await.expect("applied");
    let limit = written(&client, traffic, "web-traffic", |found| found.to_string().contains(r#""requests":6"#)).await;
    is(&client, &route(6), "PoliciesEnforced", "Unknown", "Pending").await;
    judge(&client, &limit, &[("Accepted", "True", "")]).await;
    is(&client, &route(6), "Ready", "True", "").await;

    // What is ours in a policy is kept, and what is not wanted any more goes.
    let collection = objects::collection(&client, &guard);
    let spoil = Patch::Merge(json!({ "spec": { "jwt": { "optional": true } } }));
    collection.patch("web-security", &PatchParams::default(), &spoil).await.expect("changed");
    written(&client, security, "web-security", |found| found["spec"]["jwt"]["optional"] == false).await;
    let mut open = route(6);
    open["spec"].as_object_mut().map(|spec| spec.remove("policies"));
    objects::apply(&client, &open).await.expect("applied");
    for (version, kind, name) in [(security.0, security.1, "web-security"), (traffic.0, traffic.1, "web-traffic")] {
        eventually(SOON, &format!("{kind} {name} is gone"), async || {
            get(&client, version, kind, Some("guarded-dev"), name).await.is_none().then_some(())
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}
