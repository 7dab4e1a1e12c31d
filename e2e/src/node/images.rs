//! The images of the node's pods: one static program, several names, given to containerd. Nothing is pulled.

use std::path::Path;
use std::time::Duration;

use super::{Node, NodeError};
use crate::image::{self, Image};
use crate::wait::eventually;

/// What holds a pod's namespaces.
pub(super) const PAUSE: &str = "registry.example/test/pause:1";
/// Each is `registry.example/test/NAME:1` and runs the subcommand of that name.
const NAMES: [&str; 6] = ["pause", "agent", "mcp-server", "model", "load", "fail"];

/// Waits until containerd answers, and gives it the images that every node has.
pub(super) async fn import(node: &Node) -> Result<(), NodeError> {
    eventually(Duration::from_mins(1), "containerd answers", async || node.ctr(&["version"]))
        .await
        .map_err(|source| NodeError::NotReady { source, logs: node.logs.clone() })?;
    node.import(&NAMES.map(|name| image(&format!("registry.example/test/{name}:1"), &[name])))
}

/// An image of this name that runs a subcommand of `programs`.
pub fn image(tag: &str, arguments: &[&str]) -> Image {
    let entrypoint = ["/programs"].iter().chain(arguments).map(|&argument| argument.to_owned());
    Image { tag: tag.to_owned(), entrypoint: entrypoint.collect() }
}

impl Node {
    /// Gives containerd images whose only layer is `programs`. Blocks.
    pub fn import(&self, images: &[Image]) -> Result<(), NodeError> {
        self.import_program(self.programs.in_pods(), "programs", images)
    }

    /// Gives containerd images whose only layer is `program`, at `/name`. Blocks.
    pub fn import_program(&self, program: &Path, name: &str, images: &[Image]) -> Result<(), NodeError> {
        let files = |source| NodeError::Files { doing: "making a folder for images".to_owned(), source };
        let folder = tempfile::tempdir_in(&self.folder).map_err(files)?;
        let archive = folder.path().join("images.tar");
        image::write(program, name, images, &folder.path().join("images"), &archive).map_err(NodeError::Images)?;
        self.ctr(&["images", "import", &archive.display().to_string()]).map(drop)
    }
}
