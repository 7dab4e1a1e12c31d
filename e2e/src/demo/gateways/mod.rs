//! Gateways of the demo: one for each stage, and somebody who asks through them. They are processes before fake nodes, pods on a real one;
//! once they run, nobody who asks needs to know which.

mod pods;
mod processes;

use std::net::SocketAddr;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, Caller, programs};
use tenantry_e2e::node::Node;
use tenantry_e2e::{Cluster, eventually, objects};
use tokio::task::spawn_blocking;

use super::Show;
use crate::commands::CommandError;
use crate::terminal::Terminal;
pub(crate) use processes::enter;

/// Environments of the examples, their stages, and the Gateways that the platform has for them.
pub(crate) const STAGES: [(&str, &str, &str); 3] =
    [("dev", "Development", "development"), ("stage", "Staging", "staging"), ("prod", "Production", "production")];
/// What tenants call the gateway of every environment, as the platform of the examples says.
pub(crate) const HOST: &str = "infra-proxy";
/// Where all pods of the demo answer.
pub(crate) const PORT: u16 = 8080;
/// Where the Gateways are, as the platform of the examples says.
const NAMESPACE: &str = "ingress";
/// Pods may have to start, on a machine that is busy with something else.
const SOON: Duration = Duration::from_mins(2);
/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of a gateway that has taken on a route, but does not serve it yet: not found, or a backend that it does not know, does not
/// reach or does not hear.
const NOT_YET: [u16; 4] = [404, 502, 503, 504];

/// Three gateways.
pub(crate) struct Gateways {
    /// Where each listens, in the order of [`STAGES`].
    all: Vec<SocketAddr>,
    /// What ends when this is dropped. Pods end with their node.
    _alive: Option<processes::Alive>,
}

/// Whether what gateways need is there, installing what is missing; says it if not. Where the demo goes then is no way to fetch anything.
pub(crate) async fn are_possible() -> Result<bool, CommandError> {
    Terminal::stdout().progress("installing what the gateways need");
    Ok(match spawn_blocking(programs).await? {
        Ok(_) => true,
        Err(missing) => do_without(&missing.to_string()),
    })
}

fn do_without(reason: &str) -> bool {
    Terminal::stdout().note(&format!("There will be no gateways, and no requests through them: {reason}"));
    false
}

/// The platform of the examples has a gateway for one stage; here it gets one for each.
pub(crate) fn add_profiles(examples: &mut [Value], are_pods: bool) {
    let profiles = STAGES.map(|(_, stage, name)| {
        let mut profile = if are_pods { pods::profile(name) } else { processes::profile(name) };
        profile["name"] = name.into();
        profile["stages"] = json!([stage]);
        profile["hosts"] = json!([HOST]);
        profile
    });
    for platform in examples.iter_mut().filter(|example| example["kind"] == "TenantryPlatform") {
        platform["spec"]["gateways"] = json!(profiles);
    }
}

/// Starts a gateway for each stage, where pods run as pods, and waits until each has taken on its Gateway.
pub(crate) async fn start(show: &mut Show, cluster: &Cluster, node: Option<&Node>) -> Result<Gateways, CommandError> {
    show.terminal.heading("Gateways");
    match node {
        Some(node) => pods::start(show, cluster, node).await,
        None => processes::start(show, cluster).await,
    }
}

/// What was started, in words.
fn started() -> String {
    format!("three of Traefik, as Gateways {NAMESPACE}/development, staging and production, all known as {HOST}")
}

async fn programmed(client: &Client, name: &str) -> Result<(), CommandError> {
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": NAMESPACE, "name": name },
    });
    condition(client, &gateway, "Programmed", "True").await.map(drop)
}

impl Gateways {
    /// One request to the gateway of an environment.
    pub(crate) async fn get(&self, environment: &str, path: &str) -> Result<Answer, CommandError> {
        Ok(Caller::http(self.of(environment)?).get(HOST, path).await?)
    }

    /// The first answer of a route: a gateway says that it has taken one some moments before it serves it, and hears of endpoints by another
    /// way.
    pub(crate) async fn first(&self, environment: &str, path: &str) -> Result<Answer, CommandError> {
        let caller = Caller::http(self.of(environment)?).within(PATIENCE);
        let what = format!("{HOST}{path} is served in {environment}");
        let answered = eventually(SOON, &what, async || match caller.get(HOST, path).await {
            Ok(answer) if !NOT_YET.contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
            Err(error) => Err(error.to_string()),
        });
        Ok(answered.await?)
    }

    /// What to type in another terminal.
    pub(crate) fn invitation(&self) -> Vec<String> {
        let way_in = super::way_in().unwrap_or_default();
        let ask = |at: &SocketAddr| {
            let (address, port) = (at.ip(), at.port());
            format!("{way_in} curl --resolve {HOST}:{port}:{address} http://{HOST}:{port}/api/v1/SUPPORT/orders")
        };
        let listed = "kubectl get serviceroutes,servicegrants,httproutes -A".to_owned();
        [listed].into_iter().chain(self.all.first().map(ask)).collect()
    }

    fn of(&self, environment: &str) -> Result<SocketAddr, CommandError> {
        let found = STAGES.iter().zip(&self.all).find(|((name, ..), _)| *name == environment);
        found.map(|(_, at)| *at).ok_or_else(|| format!("no gateway for environment {environment}").into())
    }
}

/// Waits until a condition has this status for the newest spec, and answers the object.
pub(crate) async fn condition(
    client: &Client,
    object: &Value,
    type_: &str,
    status: &str,
) -> Result<Value, CommandError> {
    let title = objects::title(object);
    let api = objects::collection(client, object);
    let what = format!("{title} is {type_}={status}");
    let seen = eventually(SOON, &what, async || {
        let found = api.get(objects::name(object)).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        let is = objects::condition(&found, type_).is_some_and(|condition| {
            condition["status"] == status && condition["observedGeneration"] == found["metadata"]["generation"]
        });
        if is { Ok(found) } else { Err(found["status"]["conditions"].to_string()) }
    });
    Ok(seen.await?)
}

/// A resource of ours in a namespace.
pub(crate) fn ours(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({ "namespace": namespace, "name": name });
    let mut object = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": metadata });
    object["spec"] = spec;
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::add_profiles;

    #[test]
    fn every_stage_has_a_gateway_and_pods_are_told_apart() {
        for are_pods in [false, true] {
            let platform = json!({ "kind": "TenantryPlatform", "spec": { "dns": {} } });
            let mut examples = [json!({ "kind": "Tenant" }), platform];
            add_profiles(&mut examples, are_pods);
            assert_eq!(examples[0], json!({ "kind": "Tenant" }));
            let gateways = examples[1]["spec"]["gateways"].as_array().cloned().unwrap_or_default();
            let names: Vec<_> = gateways.iter().map(|profile| profile["gatewayRef"]["name"].clone()).collect();
            assert_eq!(names, ["development", "staging", "production"]);
            let labels: Vec<_> =
                gateways.iter().map(|profile| profile["dataPlane"]["podLabels"]["app"].clone()).collect();
            assert_eq!(labels == names, are_pods, "a stage's pods let in its own gateway alone");
            assert_eq!(examples[1]["spec"]["dns"], json!({}), "the rest stays");
        }
    }
}
