//! Runs kubectl and reads what it prints on stdout; stderr is for people, and may warn about version skew. It never uses the
//! user's own kubeconfig.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::components::Programs;
use crate::toolchain::{ToolchainError, control_plane};

/// Longer than any single request may take.
const LIMIT: Duration = Duration::from_secs(90);

/// Why a kubectl command did not answer.
#[derive(Debug, thiserror::Error)]
pub enum KubectlError {
    /// There is no kubectl to run.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// It could not be run.
    #[error("running kubectl {arguments}: {source}")]
    Run {
        /// What followed `kubectl`.
        arguments: String,
        /// What the system said.
        source: io::Error,
    },
    /// It said no.
    #[error("kubectl {arguments} failed: {stderr}")]
    Failed {
        /// What followed `kubectl`.
        arguments: String,
        /// What it printed for people.
        stderr: String,
        /// What it printed for programs.
        stdout: String,
    },
    /// It did not end.
    #[error("kubectl {arguments} did not end in {} s", LIMIT.as_secs())]
    Hung {
        /// What followed `kubectl`.
        arguments: String,
    },
    /// Its output is not JSON.
    #[error("kubectl {arguments} printed no JSON: {source}")]
    NotJson {
        /// What followed `kubectl`.
        arguments: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// `kubectl <arguments>` against the cluster of `kubeconfig`, with `input` on stdin; answers its stdout.
pub async fn kubectl(kubeconfig: &Path, arguments: &[&str], input: &str) -> Result<String, KubectlError> {
    let text = arguments.join(" ");
    let run_error = |source| KubectlError::Run { arguments: text.clone(), source };
    let mut command = Command::from(kubectl_program()?.command("kubectl"));
    let mut child = command
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(run_error)?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = &mut stdin {
            // A command that reads nothing closes its end; its exit code tells the story.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin.take());
    };
    let finished = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = timeout(LIMIT, finished)
        .await
        .map_err(|_| KubectlError::Hung { arguments: text.clone() })?
        .map_err(run_error)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(stdout)
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(KubectlError::Failed { arguments: text, stderr, stdout })
    }
}

/// Like [`kubectl`], with `-o json` added and the answer parsed.
pub async fn kubectl_json(kubeconfig: &Path, arguments: &[&str]) -> Result<Value, KubectlError> {
    let with_format = [arguments, &["-o", "json"]].concat();
    let stdout = kubectl(kubeconfig, &with_format, "").await?;
    serde_json::from_str(&stdout).map_err(|source| KubectlError::NotJson { arguments: with_format.join(" "), source })
}

/// The kubectl that people can call by path: a link beside the test control plane.
pub fn kubectl_path() -> Result<PathBuf, ToolchainError> {
    Ok(control_plane()?.with_file_name("kubectl"))
}

fn kubectl_program() -> Result<Programs, ToolchainError> {
    Ok(Programs::new(control_plane()?))
}
