//! Images from scratch: one static program and nothing else, written as a docker archive, which every container tool loads. Nothing is
//! pulled, and no container engine is needed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// One image of an archive.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its name, such as `registry.example/platform/tenantry-bridge:1.0.0`.
    pub tag: String,
    /// What it runs.
    pub entrypoint: Vec<String>,
}

/// Writes an archive of images that have the same layer: `program` at `/name`, and an empty `/tmp`. `folder` is for what is made on
/// the way. The error says in words what failed.
pub fn write(program: &Path, name: &str, images: &[Image], folder: &Path, archive: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let root = folder.join("root");
    fs::create_dir_all(root.join("tmp")).map_err(failed)?;
    fs::copy(program, root.join(name)).map_err(failed)?;
    let layer = folder.join("layer.tar");
    run(Command::new("tar").args(["--owner=0", "--group=0", "-C"]).arg(&root).arg("-cf").arg(&layer).arg("."))?;
    let hash = digest(&SHA256, &fs::read(&layer).map_err(failed)?);
    let hash = hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Into a String, which takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let mut manifest = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let configuration = format!("{index}.json");
        fs::write(folder.join(&configuration), config(image, &hash).to_string()).map_err(failed)?;
        manifest.push(json!({ "Config": configuration, "RepoTags": [image.tag], "Layers": ["layer.tar"] }));
    }
    fs::write(folder.join("manifest.json"), Value::from(manifest).to_string()).map_err(failed)?;
    fs::remove_dir_all(&root).map_err(failed)?;
    run(Command::new("tar").arg("-C").arg(folder).arg("-cf").arg(archive).arg("."))
}

/// Not root, as restricted pods ask.
fn config(image: &Image, layer: &str) -> Value {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    json!({
        "architecture": architecture, "os": "linux",
        "config": { "User": "65532:65532", "Entrypoint": image.entrypoint, "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
