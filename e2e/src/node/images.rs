//! Images from scratch: one static program, several names. Made by hand and given to containerd, so that nothing is pulled.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Node, NodeError, answer};
use crate::wait::eventually;

/// What holds a pod's namespaces.
pub(super) const PAUSE: &str = "registry.example/test/pause:1";
/// Each is `registry.example/test/NAME:1` and runs the subcommand of that name.
const NAMES: [&str; 5] = ["pause", "agent", "mcp-server", "model", "load"];

/// Waits until containerd answers, and gives it the images.
pub(super) async fn import(node: &Node) -> Result<(), NodeError> {
    let archive = node.folder.join("images.tar");
    build(node.programs.in_pods(), &node.folder.join("images"), &archive).map_err(NodeError::Images)?;
    eventually(Duration::from_mins(1), "containerd answers", async || node.ctr(&["version"]))
        .await
        .map_err(|source| NodeError::NotReady { source, logs: node.logs.clone() })?;
    node.ctr(&["images", "import", &archive.display().to_string()]).map(drop)
}

/// A docker archive: a layer, a configuration for each image, and a list of both.
fn build(program: &Path, folder: &Path, archive: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let root = folder.join("root");
    fs::create_dir_all(root.join("tmp")).map_err(failed)?;
    fs::copy(program, root.join("programs")).map_err(failed)?;
    let layer = folder.join("layer.tar");
    answer(Command::new("tar").args(["--owner=0", "--group=0", "-C"]).arg(&root).arg("-cf").arg(&layer).arg("."))?;
    let hash = digest(&SHA256, &fs::read(&layer).map_err(failed)?);
    let hash = hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Into a String, which takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let mut images = Vec::new();
    for name in NAMES {
        let configuration = format!("{name}.json");
        fs::write(folder.join(&configuration), config(name, &hash).to_string()).map_err(failed)?;
        images.push(json!({
            "Config": configuration, "RepoTags": [format!("registry.example/test/{name}:1")], "Layers": ["layer.tar"],
        }));
    }
    fs::write(folder.join("manifest.json"), Value::from(images).to_string()).map_err(failed)?;
    fs::remove_dir_all(&root).map_err(failed)?;
    answer(Command::new("tar").arg("-C").arg(folder).arg("-cf").arg(archive).arg(".")).map(drop)
}

/// Not root, as restricted pods ask.
fn config(name: &str, layer: &str) -> Value {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    json!({
        "architecture": architecture, "os": "linux",
        "config": { "User": "65532:65532", "Entrypoint": ["/programs", name], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
    })
}
