//! Certificates of listeners, made by a real cert-manager for a platform whose profiles name a ClusterIssuer: on a Gateway of an
//! environment's own and on listeners in the platform's. What is said while cert-manager, its rights or the issuer is missing; that HTTPS
//! is answered with what the issuer has signed; a certificate that is made anew; and what is left when HTTPS is asked for no more.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::ByteString;
use kube::api::{Patch, PatchParams};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tenantry_e2e::certificates::{self, ACCOUNT, CertManager};
use tenantry_e2e::gateway::{CLASS, Gateway, NAMESPACE, Programs, Settings, WEB_PORT, WEBSECURE_PORT};
use tenantry_e2e::pki::Authority;
use tenantry_e2e::{eventually, objects, skip};

use super::scene::{STAGES, Scene, ours, route};
use crate::program::Operator;
use crate::stage::{SOON, entered_with, until};

const TENANT: &str = "acme";
const ENVIRONMENT: &str = "acme-dev";
/// The ClusterIssuer that the profiles name.
const ISSUER: &str = "platform";

/// A profile, where its Certificate and Secret are, and at which host its route is called.
struct Way {
    profile: &'static str,
    namespace: &'static str,
    exposure: &'static str,
    host: &'static str,
}

const OWN: Way = Way { profile: "own", namespace: ENVIRONMENT, exposure: "Tenant", host: "own.acme.example" };
const MANAGED: Way = Way { profile: "managed", namespace: TENANT, exposure: "Public", host: "shop.acme.example" };
const WAYS: [Way; 2] = [OWN, MANAGED];

impl Way {
    /// The Certificate, and what is called after it.
    fn name(&self) -> String {
        format!("tenantry-{}", self.profile)
    }

    fn certificate(&self) -> Value {
        certificate(self.namespace, &self.name())
    }

    fn secret(&self) -> Value {
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": self.namespace, "name": self.name() } })
    }

    fn urls(&self, schemes: &[&str]) -> Value {
        json!(schemes.iter().map(|scheme| format!("{scheme}://{}/", self.host)).collect::<Vec<_>>())
    }
}

/// All that runs: the tenant's own Gateway has a Traefik of its own.
struct Story {
    scene: Scene,
    own: Gateway,
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_come_from_cert_manager() {
    let entered = entered_with("tenants::certificates::certificates_come_from_cert_manager", certificates::programs);
    let (programs, cert_manager) = match entered.await {
        Ok(Some(programs)) => programs,
        Ok(None) => return,
        Err(reason) => skip!("{reason}"),
    };
    let story = Story::start(&programs).await;
    without_cert_manager_there_is_no_https(&story).await;
    its_definitions_come_while_the_operator_runs(&story, &cert_manager).await;
    let mut running = CertManager::start(&story.scene.cluster, &cert_manager).await.expect("starts");
    without_an_exemption_it_may_write_nothing(&story, &running).await;
    without_the_issuer_nothing_is_issued(&story).await;
    let authority = the_issuer_comes(&story).await;
    over_https(&story, &authority).await;
    a_lost_secret_is_made_anew(&story, &authority).await;
    hosts_that_are_added_are_certified(&story).await;
    https_that_is_no_more_leaves_no_certificate(&story).await;
    running.check_alive().expect("it runs");
    story.scene.stop();
}

impl Story {
    async fn start(programs: &Programs) -> Self {
        let mut scene = Scene::prepared(programs, &STAGES[..1]).await;
        let own = started(&scene, programs).await;
        let consent = json!({ "metadata": { "annotations": { "tenantry.dev/managed-listeners": "true" } } });
        change(&scene, &shared_gateway(), consent).await;
        scene.apply(&platform(&json!({ "port": WEBSECURE_PORT, "issuerRef": { "name": ISSUER } }))).await;
        scene.apply(&ours("TenantClass", None, "wide", json!({ "bounds": { "podSecurity": ["Restricted"] } }))).await;
        scene.operator = Some(Operator::start(&scene.cluster).await);
        scene.apply(&tenant(&["*.acme.example"])).await;
        let story = Self { scene, own };
        // It has what it needs but certificates.
        story.says("cert-manager, which this cluster does not have").await;
        story.scene.application(ENVIRONMENT, "shop", 1).await;
        for way in WAYS {
            let spec = json!({
                "backend": { "applicationRef": { "name": "shop" } }, "basePath": "/", "exposure": way.exposure, "hostnames": [way.host],
            });
            story.scene.apply(&route(ENVIRONMENT, way.profile, spec)).await;
        }
        story
    }

    fn gateway(&self, way: &Way) -> &Gateway {
        if way.profile == OWN.profile { &self.own } else { self.scene.gateway(STAGES[0].0) }
    }

    /// Waits until the Tenant says so.
    async fn says(&self, part: &str) {
        let tenant = tenant(&[]);
        eventually(SOON, &format!("the Tenant says {part:?}"), async || {
            let found = self.read(&tenant).await;
            let applied = objects::condition(&found, "Applied").cloned().unwrap_or_default();
            let is_of_now = applied["observedGeneration"] == found["metadata"]["generation"];
            let says = applied["message"].as_str().is_some_and(|text| text.contains(part));
            let is_ready = objects::condition(&found, "Ready").is_some_and(|ready| ready["status"] == "True");
            if is_of_now && says && !is_ready { Ok(()) } else { Err(applied.to_string()) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }

    /// Waits until both routes are called by these schemes and no other, and are answered over HTTP.
    async fn are_called_by(&self, schemes: &[&str]) {
        for way in WAYS {
            let route = route(ENVIRONMENT, way.profile, json!({}));
            eventually(SOON, &format!("{} is called by {schemes:?}", way.host), async || {
                let found = self.read(&route).await;
                if found["status"]["urls"] == way.urls(schemes) { Ok(()) } else { Err(found["status"].to_string()) }
            })
            .await
            .unwrap_or_else(|late| panic!("{late}"));
            let plain = self.gateway(&way).caller();
            let answer = until(&plain, way.host, "is answered", "/orders", |answer| answer.status == 200).await;
            assert!(answer.backend().starts_with("acme-dev/shop-app-"), "{}", answer.text());
        }
    }

    async fn read(&self, object: &Value) -> Value {
        self.find(object).await.unwrap_or_else(|| panic!("{} is there", objects::title(object)))
    }

    async fn find(&self, object: &Value) -> Option<Value> {
        let found = objects::collection(&self.scene.client, object).get_opt(objects::name(object)).await.expect("read");
        found.map(|found| serde_json::to_value(found).expect("JSON"))
    }

    /// The conditions of a Gateway's listeners of HTTPS.
    async fn https(&self, way: &Way) -> Vec<Value> {
        let gateway = if way.profile == OWN.profile { own_gateway() } else { shared_gateway() };
        let found = self.read(&gateway).await;
        let secure = found["spec"]["listeners"].as_array().into_iter().flatten();
        let secure: Vec<&Value> = secure.filter(|one| one["protocol"] == "HTTPS").map(|one| &one["name"]).collect();
        let all = found["status"]["listeners"].as_array().into_iter().flatten();
        all.filter(|one| secure.contains(&&one["name"])).cloned().collect()
    }
}

async fn without_cert_manager_there_is_no_https(story: &Story) {
    story.are_called_by(&["http"]).await;
    nobody_is_told_that_https_works(story).await;
    let operator = story.scene.operator.as_ref().expect("runs");
    let (code, text) = operator.get("/readyz").await.expect("answers");
    assert!(code == 200 && text.starts_with("reconciling"), "what is not served is not waited for: {code} {text}");
}

/// The listener says that it does not work, and nothing answers there.
async fn nobody_is_told_that_https_works(story: &Story) {
    for way in WAYS {
        eventually(SOON, &format!("the listener of {} does not work", way.host), async || {
            let listeners = story.https(&way).await;
            let is_down = |one: &Value| {
                let told = one["conditions"].as_array().into_iter().flatten();
                told.into_iter().any(|one| one["type"] == "ResolvedRefs" && one["status"] == "False")
            };
            if !listeners.is_empty() && listeners.iter().all(is_down) {
                Ok(())
            } else {
                Err(json!(listeners).to_string())
            }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}

async fn its_definitions_come_while_the_operator_runs(story: &Story, programs: &certificates::Programs) {
    certificates::install(&story.scene.client, programs).await.expect("served");
    for way in WAYS {
        let certificate = way.certificate();
        let what = format!("{} is made", objects::title(&certificate));
        let found = eventually(SOON, &what, async || story.find(&certificate).await).await;
        let found = found.unwrap_or_else(|late| panic!("{late}"));
        let issuer = json!({ "group": "cert-manager.io", "kind": "ClusterIssuer", "name": ISSUER });
        assert_eq!(found["spec"]["issuerRef"], issuer);
    }
    story.says("cert-manager has not looked at it yet").await;
}

/// What is Tenantry's binds cert-manager, too, until the platform says otherwise, and the status says how.
async fn without_an_exemption_it_may_write_nothing(story: &Story, running: &CertManager) {
    eventually(SOON, "cert-manager is refused", async || {
        let log = running.log_tail();
        if log.contains("[rule managed-objects") { Ok(()) } else { Err(log) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    story.says("ClusterRole tenantry:exempt").await;
    story
        .scene
        .apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "cert-manager-exempt" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry:exempt" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": certificates::NAMESPACE, "name": ACCOUNT }],
        }))
        .await;
}

async fn without_the_issuer_nothing_is_issued(story: &Story) {
    story.says(&format!("by ClusterIssuer {ISSUER}: cert-manager says Ready=False: DoesNotExist")).await;
    for way in WAYS {
        assert_eq!(story.find(&way.secret()).await, None, "nobody else makes it");
    }
    nobody_is_told_that_https_works(story).await;
    story.are_called_by(&["http"]).await;
}

/// An authority that has signed itself, and an issuer that signs by it. Answers its certificate.
async fn the_issuer_comes(story: &Story) -> String {
    let issuer = |name: &str, spec: Value| json!({ "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": { "name": name }, "spec": spec });
    let mut root = certificate(certificates::NAMESPACE, "root");
    root["spec"] = json!({
        "isCA": true, "commonName": "platform-root", "secretName": "root",
        "privateKey": { "algorithm": "ECDSA", "size": 256 },
        "issuerRef": { "group": "cert-manager.io", "kind": "ClusterIssuer", "name": "itself" },
    });
    story.scene.apply(&issuer("itself", json!({ "selfSigned": {} }))).await;
    story.scene.apply(&root).await;
    issued(story, &root).await;
    story.scene.apply(&issuer(ISSUER, json!({ "ca": { "secretName": "root" } }))).await;
    for way in WAYS {
        issued(story, &way.certificate()).await;
    }
    story.scene.condition_of(&tenant(&[]), "Ready", "True").await;
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": certificates::NAMESPACE, "name": "root" } });
    text(&story.read(&secret).await, "tls.crt")
}

async fn over_https(story: &Story, authority: &str) {
    story.are_called_by(&["http", "https"]).await;
    for way in WAYS {
        let caller = story.gateway(&way).secure_caller(authority).expect("a caller");
        let answer = until(&caller, way.host, "is answered", "/orders", |answer| answer.status == 200).await;
        assert!(answer.backend().starts_with("acme-dev/shop-app-"), "{}", answer.text());
        assert_eq!(answer.json()["headers"]["x-forwarded-proto"], "https");
        shows_what_is_in_its_secret(story, &way, authority).await;
        let strangers = Authority::new("somebody-else").expect("made");
        let stranger = story.gateway(&way).secure_caller(&strangers.pem().certificate).expect("a caller");
        let refused = stranger.get(way.host, "/orders").await.expect_err("nobody vouches for it").to_string();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
        // Neither keeps undoing what the other writes.
        assert_eq!(story.read(&way.certificate()).await["metadata"]["generation"], 1);
    }
}

/// Over HTTP every request is answered meanwhile, over HTTPS with the new certificate as soon as it is there.
async fn a_lost_secret_is_made_anew(story: &Story, authority: &str) {
    for way in WAYS {
        let before = story.read(&way.secret()).await;
        story.scene.delete(&way.secret()).await;
        let plain = story.gateway(&way).caller();
        eventually(SOON, &format!("{} has another certificate", way.host), async || {
            let answer = plain.get(way.host, "/orders").await.expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let found = story.find(&way.secret()).await;
            found.filter(|found| text(found, "tls.crt") != text(&before, "tls.crt"))
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
        issued(story, &way.certificate()).await;
        shows_what_is_in_its_secret(story, &way, authority).await;
        let caller = story.gateway(&way).secure_caller(authority).expect("a caller");
        until(&caller, way.host, "is answered", "/orders", |answer| answer.status == 200).await;
    }
    story.are_called_by(&["http", "https"]).await;
    story.scene.condition_of(&tenant(&[]), "Ready", "True").await;
}

async fn shows_what_is_in_its_secret(story: &Story, way: &Way, authority: &str) {
    let caller = story.gateway(way).secure_caller(authority).expect("a caller");
    eventually(SOON, &format!("{} shows the certificate of its Secret", way.host), async || {
        let shown = caller.certificate(way.host).await.map_err(|error| error.to_string())?;
        let held = text(&story.read(&way.secret()).await, "tls.crt");
        let held = CertificateDer::from_pem_slice(held.as_bytes()).map_err(|error| error.to_string())?;
        if shown == held.as_ref() { Ok(()) } else { Err("it shows another one".to_owned()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// That the Tenant is not Ready before cert-manager has looked is for a golden case to hold: here that may be quicker than the operator.
async fn hosts_that_are_added_are_certified(story: &Story) {
    story.scene.apply(&tenant(&["*.acme.example", "acme.test"])).await;
    story.scene.condition_of(&tenant(&[]), "Ready", "True").await;
    for way in WAYS {
        let found = story.read(&way.certificate()).await;
        let names = found["spec"]["dnsNames"].as_array().cloned().unwrap_or_default();
        assert!(names.contains(&json!("acme.test")), "{names:?}");
        let held = text(&story.read(&way.secret()).await, "tls.crt");
        let held = CertificateDer::from_pem_slice(held.as_bytes()).expect("a certificate");
        assert!(held.windows(9).any(|part| part == b"acme.test"), "it was issued anew");
    }
}

/// Secrets are cert-manager's, which leaves them.
async fn https_that_is_no_more_leaves_no_certificate(story: &Story) {
    story.scene.apply(&platform(&Value::Null)).await;
    for way in WAYS {
        let certificate = way.certificate();
        eventually(SOON, &format!("{} is gone", objects::title(&certificate)), async || {
            match story.find(&certificate).await {
                None => Ok(()),
                Some(found) => Err(found["metadata"].to_string()),
            }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
    story.are_called_by(&["http"]).await;
    for way in WAYS {
        assert_eq!(story.https(&way).await, Vec::<Value>::new());
        story.read(&way.secret()).await;
    }
    story.scene.condition_of(&tenant(&[]), "Ready", "True").await;
}

/// Waits until a Certificate is Ready for its newest spec.
async fn issued(story: &Story, certificate: &Value) {
    story.scene.condition_of(certificate, "Ready", "True").await;
}

/// A data plane for the environment's own Gateway alone.
async fn started(scene: &Scene, programs: &Programs) -> Gateway {
    let only = |field: &str, value: &str| format!("--providers.kubernetesgateway.gateways[0].{field}={value}");
    let settings = Settings {
        name: "traefik-own".to_owned(),
        address: Ipv4Addr::new(10, 200, 0, 6),
        arguments: vec![only("namespace", ENVIRONMENT), only("name", &OWN.name())],
    };
    Gateway::start_with(&scene.cluster, programs, settings).await.expect("starts")
}

/// Null: no HTTPS.
fn platform(https: &Value) -> Value {
    let mut listeners = json!({ "http": WEB_PORT });
    if !https.is_null() {
        listeners["https"] = https.clone();
    }
    let [(environment, stage), ..] = STAGES;
    let profiles = json!([
        {
            "name": OWN.profile, "stages": [stage], "exposures": [OWN.exposure], "mode": "GatewayPerEnvironment",
            "gatewayClassName": CLASS, "dataPlane": { "namespaceLabels": { "kubernetes.io/metadata.name": NAMESPACE } },
            "listeners": listeners,
        },
        {
            "name": MANAGED.profile, "stages": [stage], "exposures": [MANAGED.exposure], "mode": "ManagedListener",
            "gatewayRef": { "namespace": NAMESPACE, "name": environment }, "listeners": listeners,
        },
    ]);
    ours("TenantryPlatform", None, "default", json!({ "gateways": profiles }))
}

fn tenant(hostnames: &[&str]) -> Value {
    let spec = json!({
        "className": "wide", "deletionPolicy": "Delete", "hostnames": hostnames, "quota": { "pods": "20" },
        "classes": { "gateway": { "allowed": [CLASS] } }, "environments": [{ "name": STAGES[0].0, "stage": STAGES[0].1 }],
    });
    ours("Tenant", None, TENANT, spec)
}

fn certificate(namespace: &str, name: &str) -> Value {
    let metadata = json!({ "namespace": namespace, "name": name });
    json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata })
}

fn own_gateway() -> Value {
    let metadata = json!({ "namespace": ENVIRONMENT, "name": OWN.name() });
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata })
}

fn shared_gateway() -> Value {
    let metadata = json!({ "namespace": NAMESPACE, "name": STAGES[0].0 });
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata })
}

/// A field of a Secret.
fn text(secret: &Value, field: &str) -> String {
    let data: BTreeMap<String, ByteString> = serde_json::from_value(secret["data"].clone()).unwrap_or_default();
    data.get(field).map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).unwrap_or_default()
}

async fn change(scene: &Scene, object: &Value, patch: Value) {
    let collection = objects::collection(&scene.client, object);
    let changed = collection.patch(objects::name(object), &PatchParams::default(), &Patch::Merge(patch)).await;
    changed.expect("changed");
}
