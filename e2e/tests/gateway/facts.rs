//! What Traefik really does with each thing that Gateway API can say, and what it says about it. Its word, `Accepted=True`, proves little:
//! each thing is asked for by a route of its own and then looked for in what is answered. `facts.json` has what came out; the
//! operator's table of what a gateway may be trusted with is held against it.
//!
//! `UPDATE_GOLDEN=1` writes that file anew, after another version of Traefik.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use tenantry_e2e::gateway::{CLASS, CONTROLLER, VERSION};
use tenantry_e2e::{eventually, objects, skip};

use crate::asked::{self, Fact};
use crate::judged::judge;
use crate::prepared::prepare;
use crate::stage::{SOON, Stage, TEAM, backend, entered, route, route_of, under};

/// What became of what a route asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Does {
    /// It is done.
    Honoured,
    /// The request is answered as if nothing had been asked for: **it fails open**.
    Ignored,
    /// Every request on this route is answered with an error of the gateway's own.
    Fails(u16),
    /// The API server has dropped the field, without a word, as it is not in the standard channel.
    Pruned,
}

/// One line of the table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// Name of the feature in `GatewayClass.status.supportedFeatures`, if it has one.
    feature: Option<&'static str>,
    /// Whether the class names it there.
    advertised: bool,
    /// The route's conditions, `status/reason`.
    accepted: String,
    resolved_refs: String,
    does: Does,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_traefik_does_is_what_is_written_down() {
    let programs = match entered("facts::what_traefik_does_is_what_is_written_down").await {
        Ok(Some(programs)) => programs,
        Ok(None) => return,
        Err(reason) => skip!("{reason}"),
    };
    let mut stage = Stage::start(&programs).await;
    stage.workload("stable", 1).await;
    stage.workload("canary", 1).await;
    prepare(&stage).await;
    let facts = asked::facts();
    for fact in &facts {
        // By POST, as the operator does: an apply would refuse fields that the server's definition lacks.
        objects::create(&stage.client, &route_for(fact)).await.unwrap_or_else(|error| panic!("{error}"));
    }
    // Traefik takes the whole of a configuration on at once: what came before the last route is there when that one is.
    stage.apply(&route("last", json!([{ "matches": [under("/last")], "backendRefs": [backend("stable")] }]))).await;
    stage.until("answers", "/last", |answer| answer.status == 200).await;
    middlewares_are_known(&stage).await;

    let advertised = advertised(&stage).await;
    let mut found = BTreeMap::new();
    for fact in &facts {
        let written = told(&stage, fact).await;
        let says = |type_: &str| {
            let conditions = written["status"]["parents"][0]["conditions"].as_array().cloned().unwrap_or_default();
            let one = conditions.into_iter().find(|one| one["type"] == type_).unwrap_or_default();
            format!("{}/{}", one["status"].as_str().unwrap_or("-"), one["reason"].as_str().unwrap_or("-"))
        };
        let is_kept = fact.kept.is_empty() || !written["spec"].pointer(fact.kept).unwrap_or(&Value::Null).is_null();
        let does = if is_kept { judge(&stage, fact.name).await } else { Does::Pruned };
        let line = Found {
            feature: fact.feature,
            advertised: fact.feature.is_some_and(|feature| advertised.iter().any(|one| one == feature)),
            accepted: says("Accepted"),
            resolved_refs: says("ResolvedRefs"),
            does,
        };
        println!("{:32} {:?}", fact.name, line);
        found.insert(fact.name, line);
    }
    stage.gateway.check_alive().expect("it runs");
    // Whatever its conditions say: the class's list of features is the truth, both ways.
    for (name, line) in found.iter().filter(|(_, line)| line.feature.is_some()) {
        assert_eq!(line.advertised, line.does == Does::Honoured, "{name}: {line:?}");
    }
    let found = json!({ "controllerName": CONTROLLER, "version": VERSION, "facts": found });
    hold(&found);
}

/// They come by way of another provider than routes do, and before they are there every route that names one is answered 404.
async fn middlewares_are_known(stage: &Stage) {
    let own = stage.gateway.own();
    eventually(SOON, "Traefik knows all middlewares", async || {
        let answer =
            own.get("localhost", "/api/http/middlewares?per_page=1000").await.map_err(|error| error.to_string())?;
        let known = answer.text();
        let missing = asked::BY_MIDDLEWARE.iter().filter(|name| **name != asked::NEVER_KNOWN);
        let missing: Vec<_> = missing.filter(|name| !known.contains(&format!("{TEAM}_{name}@kubernetescrd"))).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("without {missing:?}: {known}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// The file is what was found, or becomes it.
fn hold(found: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/facts.json");
    let text = format!("{}\n", serde_json::to_string_pretty(found).expect("JSON"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("written");
        return;
    }
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("read")).expect("JSON");
    let facts = |all: &Value| all["facts"].as_object().cloned().unwrap_or_default();
    let (now, before) = (facts(found), facts(&written));
    for name in now.keys().chain(before.keys()) {
        assert_eq!(now.get(name), before.get(name), "{name}: found, and what facts.json says");
    }
    assert_eq!(*found, written);
}

fn route_for(fact: &Fact) -> Value {
    let mut rule = fact.rule.clone();
    if rule["matches"].is_null() {
        rule["matches"] = json!([under(&format!("/{}", fact.name))]);
    }
    if rule["backendRefs"].is_null() && !fact.is_redirect {
        rule["backendRefs"] = json!([backend("stable")]);
    }
    route_of(fact.kind, fact.name, json!([rule]))
}

/// The route once Traefik has said something about this version of it.
async fn told(stage: &Stage, fact: &Fact) -> Value {
    let route = route_for(fact);
    eventually(SOON, &format!("something is said about {}", fact.name), async || {
        let found = stage.read(&route).await;
        let generation = &found["metadata"]["generation"];
        let is_told = found["status"]["parents"][0]["conditions"][0]["observedGeneration"] == *generation;
        if is_told { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

async fn advertised(stage: &Stage) -> Vec<String> {
    let class =
        json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": { "name": CLASS } });
    let class = stage.read(&class).await;
    let features = class["status"]["supportedFeatures"].as_array().cloned().unwrap_or_default();
    features.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
}
