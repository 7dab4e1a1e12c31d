//! Part four: somebody with the right to do so breaks a tenant's isolation, and the operator mends it. It measures from the
//! outside, by asking the API server.

use std::time::{Duration, Instant};

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::objects;
use tokio::time::sleep;

use super::Show;
use super::figures::DriftFigures;
use super::onboard::Onboarded;
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::duration;

const REPAIRED_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks; also how exact the times are.
const PAUSE: Duration = Duration::from_millis(2);
const MANAGED: &str = "app.kubernetes.io/managed-by=tenantry";
const POLICY: (&str, &str) = ("networking.k8s.io/v1", "NetworkPolicy");
const QUOTA: (&str, &str) = ("v1", "ResourceQuota");

/// Deletes a policy, opens a policy, raises a quota.
pub(crate) async fn run(show: &mut Show, stage: &Stage, onboarded: &Onboarded) -> Result<(), CommandError> {
    show.terminal.heading("As cluster-admin, breaking things");
    let client = &stage.client;
    let (_, namespace) = onboarded.first();
    for (version, kind) in [POLICY, QUOTA] {
        let there = first(client, (version, kind), &namespace).await?.is_some();
        if !there {
            show.checks.claim(&mut show.terminal, false, &format!("there is a {kind} in {namespace} to break"), "none");
        }
    }
    if let Some(policy) = first(client, POLICY, &namespace).await? {
        objects::delete(client, &policy).await?;
        let broken = Instant::now();
        repaired(show, client, &policy, "deleted", broken).await?;
    }
    if let Some(policy) = first(client, POLICY, &namespace).await? {
        let open = json!({ "spec": { "ingress": [{}], "egress": [{}] } });
        let broken = change(client, &policy, &open).await?;
        repaired(show, client, &policy, "opened to everybody", broken).await?;
    }
    if let Some(quota) = first(client, QUOTA, &namespace).await? {
        let raised = json!({ "spec": { "hard": { "pods": "10000" } } });
        let broken = change(client, &quota, &raised).await?;
        repaired(show, client, &quota, "raised to 10,000 pods", broken).await?;
    }
    Ok(())
}

async fn first(client: &Client, (version, kind): (&str, &str), namespace: &str) -> Result<Option<Value>, CommandError> {
    let all = objects::list(client, version, kind, Some(namespace), MANAGED).await?;
    Ok(all.into_iter().next().map(|mut object| {
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        object
    }))
}

async fn change(client: &Client, object: &Value, patch: &Value) -> Result<Instant, CommandError> {
    let api = objects::collection(client, object);
    api.patch(objects::name(object), &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(Instant::now())
}

async fn repaired(
    show: &mut Show,
    client: &Client,
    object: &Value,
    what: &str,
    broken: Instant,
) -> Result<(), CommandError> {
    let api = objects::collection(client, object);
    let title = objects::title(object);
    let time = loop {
        let found = api.get_opt(objects::name(object)).await?;
        let elapsed = broken.elapsed();
        if found.is_some_and(|found| found.data["spec"] == object["spec"]) {
            break Some(elapsed);
        }
        if elapsed > REPAIRED_WITHIN {
            break None;
        }
        sleep(PAUSE).await;
    };
    let back = time.map_or_else(
        || format!("not back after {} s", REPAIRED_WITHIN.as_secs()),
        |time| format!("as it was after {}", duration(time)),
    );
    show.figures.drift.push(DriftFigures {
        what: format!("{title} {what}"),
        milliseconds: time.map(|time| time.as_secs_f64() * 1000.0),
    });
    if time.is_some() {
        show.terminal.done(&format!("{title} {what}: {back}"), None);
    } else {
        show.terminal.failed(&format!("{title} {what}: {back}"));
    }
    show.checks.note(time.is_some(), &format!("{title} {what} is mended"), &back);
    Ok(())
}
