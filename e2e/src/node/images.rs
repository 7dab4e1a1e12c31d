//! The images of the node's pods: one static program, several names, given to containerd.

use std::time::Duration;

use super::{Node, NodeError};
use crate::image::{self, Image};
use crate::wait::eventually;

/// What holds a pod's namespaces.
pub(super) const PAUSE: &str = "registry.example/test/pause:1";
/// Each is `registry.example/test/NAME:1` and runs the subcommand of that name.
const NAMES: [&str; 5] = ["pause", "agent", "mcp-server", "model", "load"];

/// Waits until containerd answers, and gives it the images.
pub(super) async fn import(node: &Node) -> Result<(), NodeError> {
    let archive = node.folder.join("images.tar");
    let images = NAMES.map(|name| Image {
        tag: format!("registry.example/test/{name}:1"),
        entrypoint: vec!["/programs".to_owned(), name.to_owned()],
    });
    image::write(node.programs.in_pods(), "programs", &images, &node.folder.join("images"), &archive)
        .map_err(NodeError::Images)?;
    eventually(Duration::from_mins(1), "containerd answers", async || node.ctr(&["version"]))
        .await
        .map_err(|source| NodeError::NotReady { source, logs: node.logs.clone() })?;
    node.ctr(&["images", "import", &archive.display().to_string()]).map(drop)
}
