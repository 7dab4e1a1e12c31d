//! The demo on a real node (`--node`): this machine runs the pods. It enters the room where that leaves nothing behind, and gives the pods
//! of the examples something to run. Linux with root.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::Future;
use std::time::Instant;

use serde_json::{Value, json};
use tenantry_e2e::image::Image;
use tenantry_e2e::netns::Entered;
use tenantry_e2e::node::images::image;
use tenantry_e2e::node::programs::Programs;
use tenantry_e2e::node::{Node, room};
use tenantry_e2e::{Cluster, objects, operator};
use tokio::task::spawn_blocking;

use super::isolation::SHOP;
use super::{Show, gateways, grants};
use crate::commands::CommandError;
use crate::commands::demo::NO_GATEWAYS;
use crate::terminal::count;

/// Runs this very command again in a room, and answers as it does; without gateways where they are wanted but cannot be had. When `ended`
/// completes, those inside are told.
pub(crate) async fn enter(wants_gateways: bool, ended: impl Future<Output = ()>) -> Result<(), CommandError> {
    if let Some(reason) = room::impossible() {
        return Err(format!("--node: {reason}; without it the demo runs anywhere").into());
    }
    // In the room there is no way to fetch anything.
    spawn_blocking(Programs::get).await?.map_err(|missing| format!("--node: {missing}"))?;
    spawn_blocking(|| operator::build(false)).await??;
    let goes_without = wants_gateways && !gateways::are_possible().await?;
    let entered = super::enter_until(ended, move |arguments, told| {
        let without = goes_without.then(|| NO_GATEWAYS.into());
        let arguments: Vec<OsString> = arguments.iter().cloned().chain(without).collect();
        room::enter_again("the demo", &arguments, told)
    });
    let entered = entered.await?;
    match entered {
        Entered::Passed => Ok(()),
        Entered::Failed(words) => Err(words.into()),
        Entered::Impossible(reason) => Err(format!("--node: {reason}").into()),
        Entered::Inside => Err("--node: it is in a room already".into()),
    }
}

/// Starts the node with the images of the examples.
pub(crate) async fn start(show: &mut Show, cluster: &Cluster, examples: &[Value]) -> Result<Node, CommandError> {
    show.terminal.heading("Node");
    show.terminal.progress("starting containerd, kubelet, kube-proxy, network policies, names, metrics");
    let started = Instant::now();
    let programs = spawn_blocking(Programs::get).await??;
    let folder = room::folder().ok_or("a node is started in a room only")?;
    let node = Node::start(cluster, programs, &folder).await?;
    show.terminal.done("this machine is a node, in a network without a way out", Some(started.elapsed()));
    let images = images(examples);
    node.import(&images)?;
    let names: Vec<&str> = images.iter().map(|image| image.tag.as_str()).collect();
    show.terminal.done(&format!("{} made, nothing is pulled", count(images.len(), "image")), None);
    show.terminal.note(&format!("    {}", names.join(", ")));
    Ok(node)
}

/// Under the names that the examples say, what is of their kind: an application, too, is something that asks its peers.
fn images(examples: &[Value]) -> Vec<Image> {
    let of = |example: &Value| {
        let (spec, name) = (&example["spec"], objects::name(example));
        let tag = spec["image"].as_str().or(spec["runtime"]["image"].as_str())?;
        let tools: Vec<&str> =
            spec["verification"]["requiredTools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        Some(match example["kind"].as_str()? {
            "Agent" | "Application" => image(tag, &["agent", "--name", name]),
            "McpServer" => image(tag, &["mcp-server", "--name", name, "--tools", &tools.join(",")]),
            "ModelDeployment" => image(tag, &["model", "--listen", "0.0.0.0:8000"]),
            _ => return None,
        })
    };
    let clerk = image(grants::CLERK, &["agent", "--name", "clerk"]);
    examples.iter().filter_map(of).chain([image(SHOP, &["echo"]), clerk]).collect()
}

/// The Secrets that the pods of the examples are started with, which on fake nodes nobody misses.
pub(crate) fn secrets(examples: &[&Value]) -> Vec<Value> {
    let references = examples.iter().flat_map(|example| {
        let variables = example["spec"]["env"].as_array().into_iter().flatten();
        variables.filter_map(|variable| {
            let reference = &variable["valueFrom"]["secretKeyRef"];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            Some((text(&example["metadata"]["namespace"])?, text(&reference["name"])?, text(&reference["key"])?))
        })
    });
    let secret = |(namespace, name, key): (String, String, String)| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
            "stringData": { key: "for the demo" },
        })
    };
    references.collect::<BTreeSet<_>>().into_iter().map(secret).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{images, secrets};

    #[test]
    fn examples_say_which_images_and_secrets_there_must_be() {
        let server = json!({
            "kind": "McpServer", "metadata": { "name": "tickets", "namespace": "a-dev" },
            "spec": {
                "image": "registry.example/tickets:1", "verification": { "requiredTools": ["search", "close"] },
                "env": [{ "name": "PLAIN", "value": "x" }, { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "tickets", "key": "token" } } }],
            },
        });
        let remote = json!({ "kind": "McpServer", "metadata": { "name": "weather" }, "spec": { "remote": {} } });
        let made = images(&[server.clone(), remote]);
        assert_eq!(made[0].tag, "registry.example/tickets:1");
        assert_eq!(made[0].entrypoint[1..], ["mcp-server", "--name", "tickets", "--tools", "search,close"]);
        assert_eq!(made.len(), 3, "and those of what is no example: the shop and the clerk");
        let secrets = secrets(&[&server]);
        assert_eq!(secrets.len(), 1);
        assert_eq!(secrets[0]["metadata"], json!({ "name": "tickets", "namespace": "a-dev" }));
        assert!(secrets[0]["stringData"]["token"].is_string());
    }
}
