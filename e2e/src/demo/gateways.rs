//! Gateways of the demo: a network of its own, in which pods of fake nodes can answer, one gateway for each stage, and
//! somebody who asks through them. Linux.

use std::future::Future;
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, Gateway, PodServer, WEB_PORT, programs};
use tenantry_e2e::netns::{self, Entered};
use tenantry_e2e::{Cluster, eventually, objects, operator};
use tokio::task::spawn_blocking;

use super::Show;
use crate::commands::CommandError;
use crate::terminal::Terminal;

/// Environments of the examples, their stages, and the Gateways that the platform has for them.
pub(crate) const STAGES: [(&str, &str, &str); 3] =
    [("dev", "Development", "development"), ("stage", "Staging", "staging"), ("prod", "Production", "production")];
/// What tenants call the gateway of every environment, as the platform of the examples says.
pub(crate) const HOST: &str = "infra-proxy";
/// Where all pods of the demo answer.
pub(crate) const PORT: u16 = 8080;
/// Where the Gateways are, as the platform of the examples says.
const NAMESPACE: &str = "ingress";
const SOON: Duration = Duration::from_secs(30);

/// Three gateways, and the pods behind them. They end when this is dropped.
pub(crate) struct Gateways {
    all: Vec<Gateway>,
    _pods: PodServer,
}

/// Runs this very command again in a network of its own, and answers as it does; or answers that it could not, and says why. When `ended`
/// completes, those inside are told.
pub(crate) async fn enter(ended: impl Future<Output = ()>) -> Result<bool, CommandError> {
    // In there is no way to fetch anything.
    Terminal::stdout().progress("installing what the gateways need, building tenantry");
    if let Err(missing) = spawn_blocking(programs).await? {
        return Ok(do_without(&missing.to_string()));
    }
    spawn_blocking(|| operator::build(false)).await??;
    match super::enter_until(ended, netns::enter_again).await? {
        Entered::Passed => Ok(true),
        Entered::Failed(words) => Err(words.into()),
        Entered::Impossible(reason) => Ok(do_without(&reason)),
        Entered::Inside => Err("it is in a network of its own already".into()),
    }
}

fn do_without(reason: &str) -> bool {
    Terminal::stdout().note(&format!("There will be no gateways, and no requests through them: {reason}"));
    false
}

/// The platform of the examples has a gateway for one stage; here it gets one for each.
pub(crate) fn add_profiles(examples: &mut [Value]) {
    let profiles = STAGES.map(|(_, stage, name)| {
        let gateway = json!({ "namespace": NAMESPACE, "name": name });
        json!({ "name": name, "stages": [stage], "hosts": [HOST], "gatewayRef": gateway })
    });
    for platform in examples.iter_mut().filter(|example| example["kind"] == "TenantryPlatform") {
        platform["spec"]["gateways"] = json!(profiles);
    }
}

/// Starts a gateway for each stage, and lets all pods answer.
pub(crate) async fn start(show: &mut Show, cluster: &Cluster) -> Result<Gateways, CommandError> {
    show.terminal.heading("Gateways");
    show.terminal.progress("starting Traefik three times");
    let started = Instant::now();
    let (client, programs) = (cluster.client().await?, spawn_blocking(programs).await??);
    objects::apply(&client, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }))
        .await?;
    let mut all = Vec::new();
    for (number, (_, _, name)) in (2..).zip(STAGES) {
        all.push(Gateway::start_for(cluster, &programs, number, NAMESPACE, name).await?);
        let gateway = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": { "namespace": NAMESPACE, "name": name },
        });
        condition(&client, &gateway, "Programmed", "True").await?;
    }
    let pods = PodServer::start(client);
    pods.listen(PORT).await?;
    let text =
        format!("three of Traefik, as Gateways {NAMESPACE}/development, staging and production, all known as {HOST}");
    show.terminal.done(&text, Some(started.elapsed()));
    show.terminal.note("    pods of fake nodes run nothing: one program answers for all, at their addresses, and says which it stands for");
    Ok(Gateways { all, _pods: pods })
}

impl Gateways {
    /// One request to the gateway of an environment.
    pub(crate) async fn get(&self, environment: &str, path: &str) -> Result<Answer, CommandError> {
        Ok(self.of(environment)?.caller().get(HOST, path).await?)
    }

    /// The first answer of a route: a gateway says that it has taken one some moments before it serves it (404), and hears of endpoints by
    /// another way (503).
    pub(crate) async fn first(&self, environment: &str, path: &str) -> Result<Answer, CommandError> {
        let caller = self.of(environment)?.caller();
        let what = format!("{HOST}{path} is served in {environment}");
        let answered = eventually(SOON, &what, async || match caller.get(HOST, path).await {
            Ok(answer) if answer.status != 404 && answer.status != 503 => Ok(answer),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
            Err(error) => Err(error.to_string()),
        });
        Ok(answered.await?)
    }

    /// What to type in another terminal.
    pub(crate) fn invitation(&self) -> Vec<String> {
        let way_in = netns::way_in().unwrap_or_default();
        let ask = |gateway: &Gateway| {
            let address = gateway.address();
            format!("{way_in} curl --resolve {HOST}:{WEB_PORT}:{address} http://{HOST}/api/v1/SUPPORT/orders")
        };
        ["kubectl get serviceroutes,servicegrants,httproutes -A".to_owned()]
            .into_iter()
            .chain(self.all.first().map(ask))
            .collect()
    }

    fn of(&self, environment: &str) -> Result<&Gateway, CommandError> {
        let found = STAGES.iter().zip(&self.all).find(|((name, ..), _)| *name == environment);
        found.map(|(_, gateway)| gateway).ok_or_else(|| format!("no gateway for environment {environment}").into())
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
    fn every_stage_has_a_gateway() {
        let mut examples = [json!({ "kind": "Tenant" }), json!({ "kind": "TenantryPlatform", "spec": { "dns": {} } })];
        add_profiles(&mut examples);
        assert_eq!(examples[0], json!({ "kind": "Tenant" }));
        let gateways = examples[1]["spec"]["gateways"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = gateways.iter().map(|profile| profile["gatewayRef"]["name"].clone()).collect();
        assert_eq!(names, ["development", "staging", "production"]);
        assert_eq!(examples[1]["spec"]["dns"], json!({}), "the rest stays");
    }
}
