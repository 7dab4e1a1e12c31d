//! Pods on the node, found and asked to ask: what one pod gets from another is what it says itself. What of it should be so, callers decide.

use std::time::Duration;

use kube::Client;
use serde_json::Value;
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::objects;
use crate::wait::{NotInTime, eventually};

/// Long enough for an answer on a busy machine, as the control beside each refusal shows.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// On a machine that hardly gets its turn a call into a pod may hang. That says nothing about who reaches whom: it is made again.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// A pod, by namespace and name.
pub type Place<'a> = (&'a str, &'a str);

/// Address of a pod that is Ready.
pub fn address(pod: &Value) -> &str {
    pod["status"]["podIP"].as_str().unwrap_or_default()
}

/// The pods with these labels, if there are any and all of them are Ready; else how many there are.
pub async fn ready(client: &Client, namespace: &str, labels: &str) -> Result<Vec<Value>, String> {
    let found = objects::list(client, "v1", "Pod", Some(namespace), labels).await;
    let mut found = found.map_err(|error| error.to_string())?;
    found.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let is_ready = |pod: &Value| objects::condition(pod, "Ready").is_some_and(|seen| seen["status"] == "True");
    if !found.is_empty() && found.iter().all(is_ready) { Ok(found) } else { Err(format!("{} exist", found.len())) }
}

/// What a program in a pod answers that asks this URL once: `status` and `body`, or `error`. `Err` if there was no such program.
pub async fn ask_from(cluster: &Cluster, from: Place<'_>, url: &str) -> Result<Value, String> {
    ask_within(cluster, from, url, PATIENCE).await
}

/// The same, with another patience than [`PATIENCE`].
pub async fn ask_within(cluster: &Cluster, from: Place<'_>, url: &str, patience: Duration) -> Result<Value, String> {
    let patience = patience.as_millis().to_string();
    let arguments = ["exec", "-n", from.0, from.1, "--", "/programs", "ask", url, "--patience", &patience];
    let said = timeout(CALL_LIMIT, cluster.kubectl(&arguments)).await;
    let said = said.map_err(|_| "the call into the pod hangs")?.map_err(|error| error.to_string())?;
    serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))
}

/// Waits until the pod is answered, and answers with what.
pub async fn reaches(cluster: &Cluster, from: Place<'_>, url: &str, within: Duration) -> Result<Value, NotInTime> {
    let what = format!("{}/{} reaches {url}", from.0, from.1);
    eventually(within, &what, async || {
        let said = ask_from(cluster, from, url).await?;
        if said["status"] == 200 { Ok(said["body"].clone()) } else { Err(said.to_string()) }
    })
    .await
}

/// Waits until the pod gets no answer. A name that is unknown, or a connection that is refused, is another fault and none of these.
pub async fn does_not_reach(cluster: &Cluster, from: Place<'_>, url: &str, within: Duration) -> Result<(), NotInTime> {
    let what = format!("{}/{} does not reach {url}", from.0, from.1);
    eventually(within, &what, async || {
        let said = ask_from(cluster, from, url).await?;
        if said["error"] == "no answer in time" { Ok(()) } else { Err(said.to_string()) }
    })
    .await
}
