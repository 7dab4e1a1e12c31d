//! Pods that are called: where they are found, and who is answered there. For a real node, on which pods answer.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tenantry_e2e::node::pods::{self, Place, address};
use tenantry_e2e::{Cluster, eventually, objects};

use super::prepare::Stage;
use crate::commands::CommandError;

pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_mins(1);

/// A workload of which there are pods to be called.
pub(crate) struct Called<'a> {
    pub(crate) title: String,
    pub(crate) namespace: &'a str,
    pub(crate) pod: Value,
    /// Of a pod, of the Service, by name.
    pub(crate) ways: [String; 3],
}

impl Called<'_> {
    /// Its pod, as one that asks.
    pub(crate) fn place(&self) -> Place<'_> {
        (self.namespace, objects::name(&self.pod))
    }

    /// Whether it answers `near` in all ways, and gives `far` no answer in any; else what was seen. What the one is answered at the other is not:
    /// it is not for want of somebody there.
    pub(crate) async fn answers_one_alone(
        &self,
        cluster: &Cluster,
        near: Place<'_>,
        far: Place<'_>,
    ) -> Result<(), String> {
        let seen = join_all(self.ways.iter().map(|way| differ(cluster, near, far, way))).await;
        let wrong: Vec<String> = seen.into_iter().filter_map(Result::err).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

async fn differ(cluster: &Cluster, near: Place<'_>, far: Place<'_>, way: &str) -> Result<(), String> {
    pods::reaches(cluster, near, way, ANSWERED_WITHIN).await.map_err(|late| late.to_string())?;
    pods::does_not_reach(cluster, far, way, ANSWERED_WITHIN).await.map_err(|late| late.to_string())
}

/// A workload's pod, once it is Ready, and its Service.
pub(crate) async fn find<'a>(stage: &Stage, workload: &'a Value) -> Result<Called<'a>, CommandError> {
    let title = objects::title(workload);
    let text = |value: &'a Value, what: &str| value.as_str().ok_or_else(|| format!("{title} has no {what}"));
    let namespace = text(&workload["metadata"]["namespace"], "namespace")?;
    // The path is that of the protocol; all of these programs answer at one more.
    let url = text(&workload["status"]["url"], "address")?;
    let (host, port) = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .and_then(|place| place.split_once(':'))
        .ok_or_else(|| format!("{title} is called at {url}, which names no port"))?;
    let service = objects::collection_of(&stage.client, "v1", "Service", Some(namespace));
    let service = service.get(host.split('.').next().unwrap_or_default()).await?;
    let pod = pod(stage, workload).await?;
    let places = [address(&pod), service.data["spec"]["clusterIP"].as_str().unwrap_or_default(), host];
    let ways = places.map(|place| format!("http://{place}:{port}/healthz"));
    Ok(Called { title, namespace, pod, ways })
}

/// A pod of a workload, once all of them are Ready.
pub(crate) async fn pod(stage: &Stage, workload: &Value) -> Result<Value, CommandError> {
    Ok(pods(stage, workload).await?.swap_remove(0))
}

/// All pods of a workload, once they are Ready; there is one at least.
pub(crate) async fn pods(stage: &Stage, workload: &Value) -> Result<Vec<Value>, CommandError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = format!("tenantry.dev/kind={},tenantry.dev/name={}", text(&workload["kind"]), objects::name(workload));
    let namespace = text(&workload["metadata"]["namespace"]);
    let what = format!("the pods of {} are Ready", objects::title(workload));
    let ready = eventually(ANSWERED_WITHIN, &what, async || pods::ready(&stage.client, &namespace, &labels).await);
    Ok(ready.await?)
}
