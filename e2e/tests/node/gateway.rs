//! Two tenants behind one gateway, everybody a pod: each is found by the one name and from outside, and by no way but the gateway, which
//! itself reaches what is published and nothing else.

use serde_json::{Value, json};
use tenantry_e2e::gateway::{Caller, Programs, in_pod};
use tenantry_e2e::node::pods::{Place, address, ask_from};
use tenantry_e2e::objects;

use crate::room::{is_inside, programs};
use crate::stage::{Stage, wait};
use crate::team::{OTHERS, TEAM, ours};

/// The gateway's pod, as one that asks.
const GATEWAY: Place = (in_pod::NAMESPACE, in_pod::NAME);

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_behind_a_gateway() {
    let programs = match programs() {
        Ok(programs) => programs,
        Err(reason) => tenantry_e2e::skip!("{reason}"),
    };
    let gateway = match tenantry_e2e::gateway::programs() {
        Ok(gateway) => gateway,
        Err(missing) => tenantry_e2e::skip!("{missing}"),
    };
    if !is_inside("gateway::two_tenants_behind_a_gateway") {
        return;
    }
    let mut stage = Stage::start(programs).await;
    stage.a_gateway_runs_in_a_pod(&gateway).await;
    let mut operator = stage.operator().await;

    stage.the_platform_names_its_gateway().await;
    stage.two_tenants().await;
    let teams = stage.each_publishes_a_desk().await;
    stage.the_one_name_leads_to_each(&teams).await;
    stage.so_does_the_gateway_from_outside(&teams).await;
    stage.there_is_no_other_way(&teams).await;
    stage.the_gateway_reaches_what_is_published_alone(&teams).await;
    stage.what_is_published_no_more_is_closed(&teams).await;
    assert!(!operator.has_ended(), "{}", operator.log());
    stage.node.check_alive().expect("all of the node runs");
    stage.print_times();
}

/// What one tenant runs: a desk that it publishes, with a port beside the one it is published at, and a pod that it does not publish.
struct Team {
    name: &'static str,
    namespace: &'static str,
    api: &'static str,
    desk: Pod,
    inner: Pod,
}

struct Pod {
    name: String,
    address: String,
}

impl Team {
    fn desk(name: &str, namespace: &str) -> Value {
        let spec = json!({
            "image": "registry.example/test/model:1",
            "args": ["--name", name, "--listen", "0.0.0.0:8080", "--listen", "0.0.0.0:8081"],
            "ports": [{ "name": "http", "port": 8080 }, { "name": "aside", "port": 8081 }],
        });
        ours("Application", Some(namespace), "desk", spec)
    }

    fn inner(namespace: &str) -> Value {
        let spec = json!({ "image": "registry.example/test/model:1", "ports": [{ "name": "http", "port": 8080 }] });
        ours("Application", Some(namespace), "inner", spec)
    }

    fn route(namespace: &str, api: &str) -> Value {
        let spec =
            json!({ "backend": { "applicationRef": { "name": "desk" } }, "api": { "name": api, "version": "v1" } });
        ours("ServiceRoute", Some(namespace), "desk", spec)
    }

    /// As one that asks.
    fn asks(&self) -> Place<'_> {
        (self.namespace, &self.inner.name)
    }

    fn path(&self) -> String {
        format!("/api/v1/{}/v1/models", self.api)
    }

    /// The published port and the other one of its desk, and its inner pod.
    fn doors(&self) -> [String; 3] {
        let door = |pod: &Pod, port: u16| format!("http://{}:{port}/healthz", pod.address);
        [door(&self.desk, 8080), door(&self.desk, 8081), door(&self.inner, 8080)]
    }
}

/// Who answered.
fn answerer(models: &Value) -> &str {
    models["data"][0]["id"].as_str().unwrap_or_default()
}

impl Stage {
    async fn a_gateway_runs_in_a_pod(&mut self, programs: &Programs) {
        in_pod::import(&self.node, programs).expect("imported");
        self.took("Traefik's image is made and imported");
        in_pod::apply(&self.client, programs).await.expect("applied");
        self.holds(&in_pod::pod(), "Ready").await;
        self.holds(&in_pod::gateway(), "Programmed").await;
        self.took("Traefik runs in a pod and has taken on its Gateway");
    }

    async fn the_platform_names_its_gateway(&self) {
        let profile = json!({
            "name": "everybody", "hosts": ["infra-proxy"],
            "gatewayRef": { "namespace": in_pod::NAMESPACE, "name": in_pod::NAME },
            "dataPlane": {
                "namespaceLabels": { "kubernetes.io/metadata.name": in_pod::NAMESPACE },
                "podLabels": { "app": in_pod::NAME },
            },
            "inside": { "address": in_pod::ADDRESS, "ports": [in_pod::PORT] },
        });
        self.apply(&ours("TenantryPlatform", None, "default", json!({ "gateways": [profile] }))).await;
    }

    async fn each_publishes_a_desk(&mut self) -> [Team; 2] {
        let teams = [("acme", TEAM, "ACME_DESK"), ("globex", OTHERS, "GLOBEX_DESK")];
        for (name, namespace, api) in teams {
            for object in [Team::desk(name, namespace), Team::inner(namespace), Team::route(namespace, api)] {
                self.apply(&object).await;
            }
        }
        for (name, namespace, api) in teams {
            for object in [Team::desk(name, namespace), Team::inner(namespace), Team::route(namespace, api)] {
                self.holds(&object, "Ready").await;
            }
        }
        let pod = async |namespace: &str, name: &str| {
            let labels = format!("tenantry.dev/kind=Application,tenantry.dev/name={name}");
            let found = self.pods(namespace, &labels).await;
            Pod { name: objects::name(&found[0]).to_owned(), address: address(&found[0]).to_owned() }
        };
        let mut made = Vec::new();
        for (name, namespace, api) in teams {
            let (desk, inner) = (pod(namespace, "desk").await, pod(namespace, "inner").await);
            made.push(Team { name, namespace, api, desk, inner });
        }
        self.took("each tenant's desk and its route are Ready");
        made.try_into().unwrap_or_else(|_| panic!("as many as there were"))
    }

    /// Pods of both tenants get the answer of the right one's pod, also where the route's status says that it is.
    async fn the_one_name_leads_to_each(&mut self, teams: &[Team; 2]) {
        for called in teams {
            let told = self.holds(&Team::route(called.namespace, called.api), "Ready").await;
            let said = format!("http://infra-proxy:{}/api/v1/{}/", in_pod::PORT, called.api);
            assert_eq!(told["status"]["urls"], json!([said]), "{told}");
            for caller in teams {
                for url in [format!("http://infra-proxy{}", called.path()), format!("{said}v1/models")] {
                    let models = self.reaches(caller.asks(), &url).await;
                    assert_eq!(answerer(&models), called.name, "{} asks {url}: {models}", caller.name);
                }
            }
        }
        self.took("a pod of each tenant was answered by both, by the one name and by what status.urls says");
    }

    async fn so_does_the_gateway_from_outside(&mut self, teams: &[Team; 2]) {
        let pod = self.holds(&in_pod::pod(), "Ready").await;
        let service = self.see(&in_pod::service(), "exists", |_| true).await;
        let service = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        for at in [format!("{}:{}", address(&pod), in_pod::PORT), format!("{service}:80")] {
            let caller = Caller::http(at.parse().expect("an address and a port"));
            for team in teams {
                let answer = caller.get("infra-proxy", &team.path()).await.expect("answered");
                assert_eq!((answer.status, answerer(&answer.json())), (200, team.name), "{at}: {}", answer.text());
            }
            let answer = caller.get("infra-proxy", "/api/v1/NOBODY/").await.expect("answered");
            assert_eq!(answer.status, 404, "what nobody publishes is not there: {}", answer.text());
        }
        self.took("from outside, by the gateway's pod and by its Service, each was answered by its own");
    }

    /// A tenant's pods reach the other's neither by pod, Service nor name, and of the gateway its port for requests alone.
    async fn there_is_no_other_way(&mut self, teams: &[Team; 2]) {
        let [acme, globex] = teams;
        for (stranger, team) in [(acme, globex), (globex, acme)] {
            let service = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "desk-app", "namespace": team.namespace },
            });
            let service = self.see(&service, "exists", |_| true).await;
            let service = service["spec"]["clusterIP"].as_str().expect("has an address");
            let [published, _, inner] = team.doors();
            let ways = [
                published,
                inner,
                format!("http://{service}:8080/healthz"),
                format!("http://desk-app.{}.svc.cluster.local:8080/healthz", team.namespace),
            ];
            for way in &ways {
                self.reaches((team.namespace, &team.desk.name), way).await;
                self.does_not_reach(stranger.asks(), way).await;
            }
        }
        let gateway = self.holds(&in_pod::pod(), "Ready").await;
        let own = format!("http://{}:{}/ping", address(&gateway), in_pod::OWN_PORT);
        // Somebody whom no policy binds.
        self.reaches(("kube-system", "dns"), &own).await;
        self.does_not_reach(acme.asks(), &own).await;
        self.took(
            "pods reached the other tenant by no way but the gateway, and of that nothing but its port for requests",
        );
    }

    async fn the_gateway_reaches_what_is_published_alone(&mut self, teams: &[Team; 2]) {
        for team in teams {
            let [published, aside, inner] = team.doors();
            self.reaches(GATEWAY, &published).await;
            // All pods of one environment reach each other.
            for (neighbour, closed) in [(&team.inner, &aside), (&team.desk, &inner)] {
                self.reaches((team.namespace, &neighbour.name), closed).await;
                self.does_not_reach(GATEWAY, closed).await;
            }
        }
        self.took("the gateway's pod reached the published port of each tenant, and no other port or pod");
    }

    async fn what_is_published_no_more_is_closed(&mut self, teams: &[Team; 2]) {
        let [acme, globex] = teams;
        self.gone(&Team::route(acme.namespace, acme.api)).await;
        let [published, ..] = acme.doors();
        self.reaches(acme.asks(), &published).await;
        self.does_not_reach(GATEWAY, &published).await;
        let url = format!("http://infra-proxy{}", acme.path());
        wait("its path is nobody's", async || {
            let said = ask_from(&self.cluster, globex.asks(), &url).await?;
            if said["status"] == 404 { Ok(()) } else { Err(said.to_string()) }
        })
        .await;
        let models = self.reaches(acme.asks(), &format!("http://infra-proxy{}", globex.path())).await;
        assert_eq!(answerer(&models), globex.name, "the other is still there: {models}");
        self.took(
            "a route was deleted: the gateway's pod does not reach what it led to, and the other tenant is as before",
        );
    }
}
