//! Definitions of Gateway API as clusters come to have them: none at first, then those of the standard channel, then those of the
//! experimental one, then of a bundle that is newer than any we know; and none again. The operator is never started anew, what it has
//! written stays, and a field that the server fills in is no drift to be fought.

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::audit::{Audit, Request};
use tenantry_e2e::gateway::definitions_of_gateway_api;
use tenantry_e2e::operator::USER;
use tenantry_e2e::packages::NotInstalled;
use tenantry_e2e::{Cluster, Options, eventually, objects, skip};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant};
use crate::workloads::workload;

const ROUTES: (&str, &str) = ("gateway.networking.k8s.io/v1", "HTTPRoute");
const NAMESPACE: &str = "channels-dev";

/// Those of the two channels, by the names of their folders.
fn definitions() -> Result<[Vec<Value>; 2], NotInstalled> {
    let standard = definitions_of_gateway_api()?;
    let experimental = standard.with_file_name("experimental");
    Ok([standard, experimental].map(|folder| {
        let mut all = objects::read_folder(&folder).expect("definitions");
        // The policies beside them keep newer ones from being replaced by older ones, which is not what is tried.
        all.retain(|object| object["kind"] == "CustomResourceDefinition");
        all
    }))
}

/// As a release to come might have them: another name for the bundle, and in each route's spec a field that the server fills in.
fn newer(definitions: &[Value]) -> Vec<Value> {
    let mut newer = definitions.to_vec();
    for definition in &mut newer {
        definition["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"] = "v99.0.0".into();
        let is_route = definition["spec"]["names"]["kind"] == "HTTPRoute";
        for version in definition["spec"]["versions"].as_array_mut().into_iter().flatten().filter(|_| is_route) {
            version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["fairness"] =
                json!({ "type": "string", "default": "Even" });
        }
    }
    newer
}

struct Scene {
    cluster: Cluster,
    client: Client,
}

impl Scene {
    async fn apply(&self, object: &Value) {
        objects::apply(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// A controller that does nothing but say that it has taken what is its own.
    async fn play_gateway(&self) {
        let class = json!({
            "apiVersion": ROUTES.0, "kind": "GatewayClass", "metadata": { "name": "played" },
            "spec": { "controllerName": "example.com/played" },
        });
        let gateway = json!({
            "apiVersion": ROUTES.0, "kind": "Gateway", "metadata": { "name": "played", "namespace": "default" },
            "spec": { "gatewayClassName": "played", "listeners": [{ "name": "web", "port": 80, "protocol": "HTTP",
                "allowedRoutes": { "namespaces": { "from": "All" } } }] },
        });
        let features = ["HTTPRoutePathRewrite"].map(|name| json!({ "name": name }));
        for (object, type_) in [(&class, "Accepted"), (&gateway, "Programmed")] {
            eventually(SOON, "it is served", async || {
                objects::apply(&self.client, object).await.map_err(|error| error.to_string())
            })
            .await
            .unwrap_or_else(|late| panic!("{late}"));
            let condition = json!({
                "type": type_, "status": "True", "reason": "Played", "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            });
            let mut status = json!({ "conditions": [condition] });
            if type_ == "Accepted" {
                status["supportedFeatures"] = json!(features);
            }
            objects::say(&self.client, object, &status).await.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// A route at this path, which is written. Answers what is written.
    async fn publishes(&self, path: &str) -> Value {
        let spec = json!({ "backend": { "applicationRef": { "name": "web" } }, "basePath": path });
        self.apply(&workload("ServiceRoute", NAMESPACE, "web", &spec)).await;
        self.written(|route| route["spec"]["rules"][0]["matches"][0]["path"]["value"] == path).await
    }

    async fn written(&self, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(SOON, "the route is written so", async || {
            let found =
                get(&self.client, ROUTES.0, ROUTES.1, Some(NAMESPACE), "web-route").await.ok_or("there is none")?;
            if holds(&found) { Ok(found) } else { Err("it is another") }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"))
    }

    /// Applies these, and answers what the operator wrote to routes until it asked nothing any more.
    async fn changed_to(&self, definitions: &[Value]) -> Vec<Request> {
        let log = self.cluster.audit_log().expect("asked for");
        let audit = Audit::from_now(&log).expect("readable");
        for definition in definitions {
            self.apply(definition).await;
        }
        scene::told_all(&log).await;
        let mut requests = audit.requests_of(USER).expect("readable");
        requests.retain(|one| one.is_write() && one.resource.starts_with("httproutes"));
        requests
    }

    async fn told(&self, type_: &str, fits: impl Fn(&Value) -> bool) {
        eventually(SOON, &format!("{type_} tells it"), async || {
            let found = get(&self.client, "tenantry.dev/v1alpha1", "ServiceRoute", Some(NAMESPACE), "web").await;
            let found = found.ok_or("there is none")?;
            let condition = objects::condition(&found, type_).cloned().unwrap_or_default();
            if fits(&condition) { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}

#[tokio::test]
async fn definitions_of_gateway_api_come_and_change_and_go() {
    let [standard, experimental] = match tokio::task::spawn_blocking(definitions).await.expect("joined") {
        Ok(definitions) => definitions,
        Err(reason) => skip!("{reason}"),
    };
    let cluster = Cluster::start(Options::with_nodes(1).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    let scene = Scene { cluster, client };
    onboard(&scene.client, &plain_tenant("channels")).await;
    let profile =
        json!({ "name": "all", "hosts": ["infra-proxy"], "gatewayRef": { "namespace": "default", "name": "played" } });
    scene
        .apply(&json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
            "spec": { "gateways": [profile] },
        }))
        .await;
    let web = json!({ "image": "registry.example/web:1", "ports": [{ "name": "http", "port": 8080 }] });
    scene.apply(&workload("Application", NAMESPACE, "web", &web)).await;

    // None.
    let spec = json!({ "backend": { "applicationRef": { "name": "web" } }, "basePath": "/web" });
    scene.apply(&workload("ServiceRoute", NAMESPACE, "web", &spec)).await;
    let says_so = |condition: &Value| {
        condition["reason"] == "ProviderMissing"
            && condition["message"].as_str().is_some_and(|text| text.contains("does not serve the Gateway API"))
    };
    scene.told("Ready", says_so).await;

    // They come.
    scene.changed_to(&standard).await;
    scene.play_gateway().await;
    let first = scene.publishes("/web").await;

    // The other channel's: nothing is written for it, and what changes is written as before.
    let writes = scene.changed_to(&experimental).await;
    assert!(writes.is_empty(), "{writes:?}");
    let kept = scene.written(|_| true).await;
    assert_eq!((&kept["metadata"]["uid"], &kept["spec"]), (&first["metadata"]["uid"], &first["spec"]));
    let second = scene.publishes("/second").await;

    // A newer bundle's: the field is filled in, taken for what it is, and not fought.
    let writes = scene.changed_to(&newer(&experimental)).await;
    assert!(writes.len() <= 1, "{writes:?}");
    let filled = scene.written(|route| route["spec"]["fairness"] == "Even").await;
    assert_eq!(filled["metadata"]["uid"], second["metadata"]["uid"]);
    let third = scene.publishes("/third").await;
    assert_eq!(third["spec"]["fairness"], "Even");

    // Gone, with all routes; and there again.
    for definition in &experimental {
        objects::delete(&scene.client, definition).await.expect("deleted");
    }
    scene.told("Ready", says_so).await;
    scene.changed_to(&standard).await;
    scene.play_gateway().await;
    let again = scene.publishes("/third").await;
    assert_ne!(again["metadata"]["uid"], third["metadata"]["uid"]);
    assert!(again["spec"]["fairness"].is_null());
}
