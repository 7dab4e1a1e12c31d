//! Somebody who is faster than the operator's caches.

use kube::Client;
use serde_json::json;
use tenantry_e2e::objects;

use crate::scene::{self, environment, stage, tenant};

/// Makes namespaces at the very moment at which tenants want them, until the operator was told by the server that a name is
/// taken. Answers how many it took. Whatever was first, nothing of somebody else's is changed.
pub async fn namespace_in_the_way(client: &Client) -> usize {
    let rounds = 12;
    for round in 0..rounds {
        let name = format!("race-{round}");
        let names: Vec<String> = (0..8).map(|number| format!("e{number}")).collect();
        let environments: Vec<_> = names.iter().map(|name| environment(name)).collect();
        let spec = tenant(&name, json!({ "environments": environments }));
        let rivals: Vec<_> = names
            .iter()
            .map(|environment| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("{name}-{environment}"), "labels": { "whose": "rival" } } }))
            .collect();
        objects::apply(client, &spec).await.expect("applied");
        let results = futures::future::join_all(rivals.iter().map(|rival| objects::create(client, rival))).await;
        let ours: Vec<_> =
            rivals.iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(rival, _)| rival).collect();
        scene::is(client, &name, "Ready", if ours.is_empty() { "True" } else { "False" }, |_| true).await;
        for rival in ours {
            let now = scene::get(client, "v1", "Namespace", None, objects::name(rival)).await.expect("exists");
            assert_eq!(now["metadata"]["labels"]["whose"], "rival");
            assert!(now["metadata"]["labels"]["tenantry.dev/tenant"].is_null(), "seized: {now}");
        }
    }
    rounds
}

#[tokio::test]
async fn of_two_who_want_a_name_at_once_the_first_has_it() {
    namespace_in_the_way(&stage().await.client().await.expect("client")).await;
}
