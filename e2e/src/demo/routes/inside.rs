//! The same on a real node from inside: pods of each tenant ask for the other's service by the one name that all gateways have, and find
//! what answers by no other way.

use serde_json::Value;
use tenantry_e2e::eventually;
use tenantry_e2e::node::pods::{Place, ask_from};
use tenantry_e2e::objects;

use super::{ASKED, EXPOSES, WRITES, answered};
use crate::commands::CommandError;
use crate::demo::Show;
use crate::demo::called::{self, ANSWERED_WITHIN};
use crate::demo::gateways::{self, HOST, STAGES, ours};
use crate::demo::prepare::Stage;
use crate::terminal::count;

/// What is called beside the shop, in the environment where the examples run.
const BESIDE: (&str, &str) = ("Agent", "helper");

/// All of it.
pub(super) async fn run(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    show.terminal
        .line(&format!("pods ask, too: a pod of each tenant for the other's, as http://{HOST}/ in every environment"));
    let mut rows = Vec::new();
    for (environment, ..) in STAGES {
        for (asks, owner) in [(EXPOSES, WRITES), (WRITES, EXPOSES)] {
            show.terminal.progress(&format!("asking from inside, in {environment}"));
            rows.push(ask(stage, environment, asks.0, owner).await?);
        }
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|(row, _)| row.clone()).collect();
    show.terminal.table(&["ASKED BY A POD OF", "URL", "STATUS", "ANSWERED BY", "PATH THAT IT SAW"], &cells);
    let wrong: Vec<String> = rows.iter().filter(|(_, right)| !right).map(|(row, _)| row.join(" ")).collect();
    let number = count(rows.len(), "request");
    let claim =
        format!("{number} from inside answered, each by a pod of the other tenant in the asker's own environment");
    show.checks.claim(&mut show.terminal, wrong.is_empty(), &claim, &wrong.join("; "));
    no_other_way(show, stage).await
}

/// A row of the table, and whether it is as it should be.
async fn ask(
    stage: &Stage,
    environment: &str,
    tenant: &str,
    (owner, api): (&str, &str),
) -> Result<(Vec<String>, bool), CommandError> {
    let (home, namespace) = (format!("{tenant}-{environment}"), format!("{owner}-{environment}"));
    let pod = called::pod(stage, &shop(&home)).await?;
    let url = format!("http://{HOST}/api/v1/{api}{ASKED}");
    let said = first(stage, (&home, objects::name(&pod)), &url).await?;
    let status = said["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let (cells, right) = answered(status, &said["body"], &namespace);
    Ok(([home, url].into_iter().chain(cells).collect(), right))
}

/// Whatever is answered first, if it is not that a name or a policy is not there yet.
async fn first(stage: &Stage, from: Place<'_>, url: &str) -> Result<Value, CommandError> {
    let what = format!("{}/{} is answered at {url}", from.0, from.1);
    let said = eventually(ANSWERED_WITHIN, &what, async || {
        let said = ask_from(&stage.cluster, from, url).await?;
        if said["status"].is_u64() { Ok(said) } else { Err(said.to_string()) }
    });
    Ok(said.await?)
}

/// What the gateway leads to, the asker's own packets do not reach.
async fn no_other_way(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    let (owner, stranger) = (format!("{}-dev", WRITES.0), format!("{}-dev", EXPOSES.0));
    show.terminal.progress(&format!("trying other ways from {stranger} to {owner}"));
    let found = gateways::condition(&stage.client, &shop(&owner), "Ready", "True").await?;
    let published = called::find(stage, &found).await?;
    let beside = called::pod(stage, &ours(BESIDE.0, &owner, BESIDE.1, Value::Null)).await?;
    let far = called::pod(stage, &shop(&stranger)).await?;
    let (near, far) = ((owner.as_str(), objects::name(&beside)), (stranger.as_str(), objects::name(&far)));
    let seen = published.answers_one_alone(&stage.cluster, near, far).await;
    let claim = format!(
        "no way but the gateway: the pod of {stranger} does not reach that of {owner} by pod, Service, or name; a pod beside that does"
    );
    show.checks.claim(&mut show.terminal, seen.is_ok(), &claim, &seen.err().unwrap_or_default());
    Ok(())
}

fn shop(namespace: &str) -> Value {
    ours("Application", namespace, "shop", Value::Null)
}

/// What to type in another terminal.
pub(crate) fn invitation() -> String {
    format!(
        "kubectl -n {}-dev exec deploy/shop-app -- /programs ask http://{HOST}/api/v1/{}{ASKED}",
        EXPOSES.0, WRITES.1
    )
}
