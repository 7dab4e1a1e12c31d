//! Every field at the edges of its schema, on a real API server: accepted there, refused one beyond it, by the field's own path. Which these are is
//! made from the definitions (`operator/tenantry-core/tests/edges`); nothing is stored.

use futures::StreamExt as _;
use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::cases::{Edge, TRIED, edges};
use crate::scene::stage;

/// Requests at once. Admission takes the time, not the way there.
const IN_FLIGHT: usize = 16;

#[tokio::test]
async fn the_server_draws_every_edge_where_the_schema_says() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let place = cluster.unique_name("edges");
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": place } });
    objects::create(&client, &namespace).await.expect("created");
    // Making them takes a while: not on the thread that answers others.
    let all = tokio::task::spawn_blocking(|| TRIED.iter().flat_map(|kind| edges(kind).0).collect::<Vec<Edge>>());
    let all = all.await.expect("made");
    let judged = futures::stream::iter(&all).map(|edge| judge(&client, &place, edge)).buffer_unordered(IN_FLIGHT);
    let wrong: Vec<String> = judged.filter_map(async |wrong| wrong).collect().await;
    let beyond = all.iter().filter(|edge| edge.refused_at.is_some()).count();
    println!("{} accepted, {beyond} refused", all.len() - beyond);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the server should not have said.
async fn judge(client: &Client, place: &str, edge: &Edge) -> Option<String> {
    let mut object: Value = edge.cr.clone();
    object["metadata"] = json!({ "name": "web", "namespace": place });
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("{}?dryRun=All&fieldValidation=Strict", objects::collection(client, &object).resource_url()))
        .header("Content-Type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
    let Edge { title, refused_at, .. } = edge;
    match (client.request::<Value>(request).await, refused_at) {
        (Ok(_), None) => None,
        (Ok(_), Some(path)) => Some(format!("{title}: accepted; {path} should be refused")),
        (Err(kube::Error::Api(status)), Some(path)) if status.message.contains(path.as_str()) => None,
        (Err(error), refused_at) => Some(format!("{title}: {refused_at:?}: {error}")),
    }
}
