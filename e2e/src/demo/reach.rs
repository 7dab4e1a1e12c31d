//! Part three on a real node: the pods ask each other, and a pod of another tenant tries the same. What is shown is what they say
//! themselves; the operator plays no part.

use serde_json::{Value, json};
use tenantry_e2e::node::pods;
use tenantry_e2e::{Cluster, eventually, objects};

use super::Show;
use super::called::{ANSWERED_WITHIN, Called, find};
use super::prepare::Stage;
use crate::commands::CommandError;

/// A closed neighbour, and nobody's example.
const NEIGHBOUR: Neighbour = Neighbour { namespace: "payments-dev", name: "neighbour" };

struct Neighbour {
    namespace: &'static str,
    name: &'static str,
}

/// Shows who is answered by whom, and that the neighbour is not.
pub(crate) async fn run(show: &mut Show, stage: &Stage, workloads: &[Value]) -> Result<(), CommandError> {
    show.terminal.heading("Real requests, from inside the pods");
    let mut called = Vec::new();
    for workload in workloads.iter().filter(|one| one["spec"]["remote"].is_null()) {
        called.push(find(stage, workload).await?);
    }
    for one in called.iter().filter(|one| one.title.starts_with("Ag") || one.title.starts_with("App")) {
        ask_bindings(show, &stage.cluster, one).await;
    }
    show.terminal.line(&format!("and Application {} of another tenant, in {}", NEIGHBOUR.name, NEIGHBOUR.namespace));
    let neighbour = neighbour(stage).await?;
    let from = neighbour.place();
    let home = pods::reaches(&stage.cluster, from, &neighbour.ways[2], ANSWERED_WITHIN).await;
    let (passed, seen) = (home.is_ok(), home.err().map(|late| late.to_string()).unwrap_or_default());
    show.checks.claim(&mut show.terminal, passed, "it finds names, and is answered at home", &seen);
    for one in &called {
        // What a pod beside it is answered at is what the neighbour is not: it is not for want of somebody there.
        let beside = called.iter().find(|other| other.namespace == one.namespace && other.title != one.title);
        let beside = beside.map_or(one.place(), Called::place);
        let seen = one.answers_one_alone(&stage.cluster, beside, from).await;
        let claim = format!("it does not reach {}, by pod, Service, or name; a pod beside that does", one.title);
        show.checks.claim(&mut show.terminal, seen.is_ok(), &claim, &seen.err().unwrap_or_default());
    }
    Ok(())
}

/// The neighbour in another terminal.
pub(crate) fn invitation() -> String {
    let Neighbour { namespace, name } = NEIGHBOUR;
    format!(
        "kubectl -n {namespace} exec deploy/{name}-app -- /programs ask http://helper-agent.support-bots-dev.svc:8080/healthz"
    )
}

/// What the program in a pod says that was told its bindings and uses each.
async fn ask_bindings(show: &mut Show, cluster: &Cluster, caller: &Called<'_>) {
    let told = match pods::reaches(cluster, caller.place(), "http://localhost:8080/ask", ANSWERED_WITHIN).await {
        Ok(told) => told,
        Err(late) => {
            let claim = format!("{} uses what it is bound to", caller.title);
            return show.checks.claim(&mut show.terminal, false, &claim, &late.to_string());
        }
    };
    for (kind, of_kind) in [("model", "models"), ("MCP server", "tools"), ("agent", "peers")] {
        for (name, said) in told[of_kind].as_object().into_iter().flatten() {
            let claim = match said["answer"].as_str() {
                Some(answer) => format!("{} calls {kind} {name}: {answer}", caller.title),
                None => format!("{} calls {kind} {name}", caller.title),
            };
            show.checks.claim(&mut show.terminal, said["answer"].is_string(), &claim, &said.to_string());
        }
    }
}

/// Makes it, and waits until it is Ready.
async fn neighbour(stage: &Stage) -> Result<Called<'static>, CommandError> {
    let Neighbour { namespace, name } = NEIGHBOUR;
    let application = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Application", "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "image": "registry.example/test/model:1", "ports": [{ "name": "http", "port": 8080 }],
            "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        },
    });
    objects::apply(&stage.client, &application).await?;
    let api = objects::collection(&stage.client, &application);
    let ready = eventually(ANSWERED_WITHIN, "the neighbour is Ready", async || {
        let found = api.get(name).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).unwrap_or_default();
        match objects::condition(&found, "Ready") {
            Some(seen) if seen["status"] == "True" => Ok(found),
            _ => Err(found["status"]["conditions"].to_string()),
        }
    });
    let ready = ready.await?;
    let Called { title, pod, ways, .. } = find(stage, &ready).await?;
    Ok(Called { title, namespace, pod, ways })
}
