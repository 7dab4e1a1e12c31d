//! The part with gateways: two tenants publish a service in each of their environments, somebody asks, a neighbour wants the same path,
//! and a limit bites. What answers says itself who it is and what it was asked.

mod inside;

use std::time::Instant;

use serde_json::{Value, json};
use tenantry_e2e::objects;

use super::Show;
use super::gateways::{self, Gateways, HOST, PORT, STAGES, ours};
use super::isolation::SHOP;
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::{count, duration};
pub(crate) use inside::invitation as invitation_inside;

/// By a ServiceRoute beside the Application.
const WRITES: (&str, &str) = ("support-bots", "SUPPORT");
/// By `expose` in the Application.
const EXPOSES: (&str, &str) = ("payments", "PAYMENTS");
/// What is asked for beneath each API.
const ASKED: &str = "/orders/7";
/// A developer of the tenant that exposes.
const NEIGHBOUR: (&str, &str) = ("tomas", "payments-developers");
const ALLOWED: usize = 5;
const REQUESTS: usize = 8;

/// All of it.
pub(crate) async fn run(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    let Some(gateways) = &stage.gateways else { return Ok(()) };
    show.terminal.heading("Routes, with real requests");
    let (tenant, other) = (WRITES.0, EXPOSES.0);
    show.terminal.line(&format!(
        "{tenant} writes ServiceRoutes, {other} writes `expose` in its Applications, in three environments each"
    ));
    let started = Instant::now();
    for (environment, ..) in STAGES {
        show.terminal.progress(&format!("publishing in {environment}"));
        publish(stage, environment).await?;
    }
    let published = started.elapsed();
    let mut rows = Vec::new();
    for (environment, ..) in STAGES {
        for (tenant, api) in [WRITES, EXPOSES] {
            rows.push(ask(show, gateways, stage, &format!("{tenant}-{environment}"), environment, api).await?);
        }
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|(row, _)| row.clone()).collect();
    show.terminal.table(&["ENVIRONMENT", "URL", "STATUS", "ANSWERED BY", "PATH THAT IT SAW"], &cells);
    let claim = format!(
        "{} answered, each by a pod of its own tenant and environment, without the prefix",
        count(rows.len(), "request")
    );
    let wrong: Vec<String> = rows.iter().filter(|(_, right)| !right).map(|(row, _)| row.join(" ")).collect();
    show.checks.claim(&mut show.terminal, wrong.is_empty(), &claim, &wrong.join("; "));
    show.terminal.note(&format!("    all of it Ready within {}", duration(published)));
    if stage.node.is_some() {
        inside::run(show, stage).await?;
    }
    neighbour_wants_the_path(show, gateways, stage).await?;
    member_tries_by_hand(show, gateways, stage).await?;
    limit_bites(show, gateways, stage).await
}

/// The Applications of both tenants in one environment, and their routes; waits until both are served.
async fn publish(stage: &Stage, environment: &str) -> Result<(), CommandError> {
    let (writes, exposes) = (format!("{}-{environment}", WRITES.0), format!("{}-{environment}", EXPOSES.0));
    let plain = ours("Application", &writes, "shop", application());
    let route = to_shop(&writes, "shop", WRITES.1);
    let mut exposed = ours("Application", &exposes, "shop", application());
    exposed["spec"]["expose"] = json!({ "api": { "name": EXPOSES.1, "version": "v1" } });
    for object in [&plain, &route, &exposed] {
        objects::apply(&stage.client, object).await?;
    }
    for object in [&plain, &route, &exposed] {
        gateways::condition(&stage.client, object, "Ready", "True").await?;
    }
    Ok(())
}

/// What runs in its pods says who it is, as far as it has been told.
fn application() -> Value {
    let told = |name: &str, field: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": field } } });
    json!({
        "image": SHOP, "ports": [{ "name": "http", "port": PORT }],
        "env": [told("POD_NAMESPACE", "metadata.namespace"), told("POD_NAME", "metadata.name")],
        "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
    })
}

fn to_shop(namespace: &str, name: &str, api: &str) -> Value {
    let backend = json!({ "applicationRef": { "name": "shop" } });
    ours("ServiceRoute", namespace, name, json!({ "backend": backend, "api": { "name": api, "version": "v1" } }))
}

/// A row of the table, and whether it is as it should be.
async fn ask(
    show: &mut Show,
    gateways: &Gateways,
    stage: &Stage,
    namespace: &str,
    environment: &str,
    api: &str,
) -> Result<(Vec<String>, bool), CommandError> {
    let routes = objects::list(&stage.client, "tenantry.dev/v1alpha1", "ServiceRoute", Some(namespace), "").await?;
    let mut urls = routes.iter().filter_map(|route| route["status"]["urls"][0].as_str());
    let url = urls.find(|url| url.ends_with(&format!("/{api}/"))).unwrap_or_default().to_owned();
    let url = url.trim_end_matches('/').to_owned() + ASKED;
    // After the host, and the port of a listener that is not HTTP's own.
    let path = url.find("/api/").map_or(String::new(), |start| url[start..].to_owned());
    show.terminal.progress(&format!("asking {HOST}{path} in {environment}"));
    let answer = gateways.first(environment, &path).await?;
    let (cells, right) = answered(answer.status, &answer.json(), namespace);
    Ok(([environment.to_owned(), url].into_iter().chain(cells).collect(), right))
}

/// Status, who answered, and the path that it saw; and whether it was the shop of this namespace, asked without the prefix.
fn answered(status: u16, said: &Value, namespace: &str) -> ([String; 3], bool) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (backend, seen) = (text(&said["backend"]), text(&said["path"]));
    let right = status == 200 && backend.starts_with(&format!("{namespace}/shop-app-")) && seen == ASKED;
    ([status.to_string(), backend, seen], right)
}

/// The other tenant asks for a path that is served already.
async fn neighbour_wants_the_path(show: &mut Show, gateways: &Gateways, stage: &Stage) -> Result<(), CommandError> {
    let namespace = format!("{}-dev", EXPOSES.0);
    show.terminal.line(&format!("{} asks for /api/v1/{}, which {} has", EXPOSES.0, WRITES.1, WRITES.0));
    let wanted = to_shop(&namespace, "takes-over", WRITES.1);
    objects::apply(&stage.client, &wanted).await?;
    let refused = gateways::condition(&stage.client, &wanted, "Accepted", "False").await?;
    let accepted = objects::condition(&refused, "Accepted").cloned().unwrap_or_default();
    let message = accepted["message"].as_str().unwrap_or_default().to_owned();
    show.terminal.note(&format!("    {}: {message}", accepted["reason"].as_str().unwrap_or_default()));
    let passed = accepted["reason"] == "Conflicted";
    show.checks.claim(&mut show.terminal, passed, "it is refused, and told why", &accepted.to_string());
    unharmed(show, gateways).await
}

/// And what was served is served still.
async fn unharmed(show: &mut Show, gateways: &Gateways) -> Result<(), CommandError> {
    let answer = gateways.get("dev", &format!("/api/v1/{}{ASKED}", WRITES.1)).await?;
    let passed = answer.backend().starts_with(&format!("{}-dev/", WRITES.0));
    let claim = format!("/api/v1/{} is still answered by {}", WRITES.1, WRITES.0);
    show.checks.claim(&mut show.terminal, passed, &claim, &format!("{} {}", answer.status, answer.text()));
    Ok(())
}

/// A member makes the gateway's own kind of route, past ours: a longer path would take its part out of the shorter.
async fn member_tries_by_hand(show: &mut Show, gateways: &Gateways, stage: &Stage) -> Result<(), CommandError> {
    let (name, group) = NEIGHBOUR;
    show.terminal.line(&format!("{name}, of {group}, makes an HTTPRoute for a part of it by hand"));
    let path = format!("/api/v1/{}/orders", WRITES.1);
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": format!("{}-dev", EXPOSES.0), "name": "by-hand" },
        "spec": {
            "parentRefs": [{ "namespace": "ingress", "name": "development" }], "hostnames": [HOST],
            "rules": [{
                "matches": [{ "path": { "type": "PathPrefix", "value": path } }],
                "backendRefs": [{ "name": "shop-app", "port": PORT }],
            }],
        },
    });
    let member = stage.cluster.user(name, &[group])?.client().await?;
    let answer = objects::apply(&member, &route).await;
    let words = answer.as_ref().err().map_or_else(|| "it was allowed".to_owned(), ToString::to_string);
    // Any other refusal proves nothing.
    let passed = words.contains("route-parents") || words.contains("route-hostnames");
    show.terminal.note(&format!("    {words}"));
    show.checks.claim(&mut show.terminal, passed, "the API server refuses it, by a rule about routes", &words);
    unharmed(show, gateways).await
}

/// A route with so many requests an hour, asked some times more.
async fn limit_bites(show: &mut Show, gateways: &Gateways, stage: &Stage) -> Result<(), CommandError> {
    let namespace = format!("{}-dev", WRITES.0);
    let mut route = to_shop(&namespace, "limited", "LIMITED");
    route["spec"]["policies"] = json!({ "rateLimit": { "requests": ALLOWED, "per": "Hour" } });
    objects::apply(&stage.client, &route).await?;
    gateways::condition(&stage.client, &route, "Ready", "True").await?;
    let path = "/api/v1/LIMITED/";
    let mut codes = vec![gateways.first("dev", path).await?.status];
    while codes.len() < REQUESTS {
        codes.push(gateways.get("dev", path).await?.status);
    }
    let wanted: Vec<u16> = (0..REQUESTS).map(|number| if number < ALLOWED { 200 } else { 429 }).collect();
    let told: Vec<String> = codes.iter().map(u16::to_string).collect();
    show.terminal.line(&format!("{} to a route of {ALLOWED} an hour: {}", count(REQUESTS, "request"), told.join(" ")));
    show.checks.claim(&mut show.terminal, codes == wanted, "the limit bites, at the gateway", &told.join(" "));
    Ok(())
}
