//! This machine as a Kubernetes node, for tests that need pods to run: kubelet, kube-proxy, containerd, an enforcer of network policies, DNS
//! and metrics, all inside a [`room`] without a way out. Linux with root; everywhere else it says why not.

mod addons;
mod config;
pub mod images;
pub mod pods;
pub mod programs;
pub mod room;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Api;

use crate::cluster::{Cluster, ClusterError};
use crate::control_plane::is_usable;
use crate::identity::IdentityError;
use crate::kubeconfig::KubeconfigFileError;
use crate::netns::ADDRESS;
use crate::objects::ObjectError;
use crate::options::Options;
use crate::process::{Process, ProcessError};
use crate::wait::{NotInTime, eventually};

use self::programs::Programs;

/// Its name.
pub const NAME: &str = "node1";
/// Addresses of its pods.
pub const POD_NETWORK: &str = "10.244.0.0/24";
/// A machine that compiles something else meanwhile may be slow.
const START_LIMIT: Duration = Duration::from_mins(3);

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its files could not be written.
    #[error("preparing a node: {doing}: {source}")]
    Files {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// An image could not be made or given to containerd.
    #[error("making images: {0}")]
    Images(String),
    /// A process could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A process ended.
    #[error("{name} ended by itself ({status}); the end of its log:\n{tail}")]
    Ended {
        /// Which one.
        name: String,
        /// How.
        status: String,
        /// The end of its log.
        tail: String,
    },
    /// Somebody it needs could not be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The cluster it should belong to.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its client.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
    /// What runs beside it.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It did not become ready.
    #[error("{source}; the logs are in {}", logs.display())]
    NotReady {
        /// What was waited for.
        source: NotInTime,
        /// Where the logs are.
        logs: PathBuf,
    },
}

/// What a control plane must be started with to have this node.
pub fn options() -> Options {
    Options { scheduler: true, address: ADDRESS, ..Options::default() }
}

/// The processes of a node. They end with the [`room`] at the latest.
#[derive(Debug)]
pub struct Node {
    programs: Programs,
    folder: PathBuf,
    logs: PathBuf,
    processes: Vec<(&'static str, Process)>,
}

impl Node {
    /// Starts one and waits until it is Ready and names, Services, policies and metrics work. Only inside a room, with a cluster of [`options`].
    pub async fn start(cluster: &Cluster, programs: Programs, folder: &Path) -> Result<Self, NodeError> {
        let plane = cluster.control_plane()?;
        let mut node =
            Self { programs, folder: folder.to_owned(), logs: plane.logs().to_owned(), processes: Vec::new() };
        config::write(&node.programs, folder, plane.folder())?;
        node.run("containerd", |command| {
            command.arg("--config").arg(folder.join("containerd.toml"));
        })?;
        images::import(&node).await?;

        // Judges before there is anything to judge.
        node.run("network-policies", |command| {
            command.arg(format!("--kubeconfig={}", cluster.kubeconfig_path().display()));
        })?;
        let proxy = cluster.user("system:kube-proxy", &[])?;
        let proxy_config = folder.join("kube-proxy.yaml");
        config::write_proxy(&proxy_config, proxy.kubeconfig_path())?;
        node.run("kube-proxy", |command| {
            command.arg(format!("--config={}", proxy_config.display())).arg(format!("--hostname-override={NAME}"));
        })?;
        let kubelet = cluster.user(&format!("system:node:{NAME}"), &["system:nodes"])?;
        node.run("kubelet", |command| {
            command
                .arg(format!("--config={}", folder.join("kubelet.yaml").display()))
                .arg(format!("--kubeconfig={}", kubelet.kubeconfig_path().display()))
                .arg(format!("--hostname-override={NAME}"))
                .arg(format!("--node-ip={ADDRESS}"))
                .arg(format!("--root-dir={}", folder.join("kubelet").display()))
                .arg(format!("--cert-dir={}", folder.join("kubelet-certificates").display()))
                // An autoscaler's test would wait for ten seconds each time.
                .arg("--housekeeping-interval=1s");
        })?;
        let nodes: Api<NodeObject> = Api::all(cluster.client().await?);
        node.wait("the node is Ready", async || match nodes.get(NAME).await {
            Ok(found) if is_usable(&found) => Ok(()),
            Ok(found) => Err(format!("{:?}", found.status.and_then(|status| status.conditions).unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        })
        .await?;
        addons::start(&mut node, cluster).await?;
        Ok(node)
    }

    /// Starts one of its programs, with its log where the control plane's are.
    fn run(&mut self, name: &'static str, with: impl FnOnce(&mut Command)) -> Result<(), NodeError> {
        let mut command = self.programs.command(name);
        with(&mut command);
        let log = self.logs.join(format!("{name}.log"));
        self.processes.push((name, Process::start(name, command, &log)?));
        Ok(())
    }

    /// Like [`eventually`], but ends at once when a process does.
    async fn wait(&mut self, what: &str, mut look: impl AsyncFnMut() -> Result<(), String>) -> Result<(), NodeError> {
        let processes = &mut self.processes;
        let waited = eventually(START_LIMIT, what, async || match alive(processes) {
            Ok(()) => look().await.map(Ok),
            Err(ended) => Ok(Err(ended)),
        });
        waited.await.map_err(|source| NodeError::NotReady { source, logs: self.logs.clone() })?
    }

    /// Fails if one of its processes has ended by itself.
    pub fn check_alive(&mut self) -> Result<(), NodeError> {
        alive(&mut self.processes)
    }

    /// Runs `ctr` on its containerd; answers stdout. Blocks.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String, NodeError> {
        let mut command = self.programs.command("ctr");
        command.arg(format!("--address={}", config::socket(&self.folder).display())).args(["--namespace=k8s.io"]);
        answer(command.args(arguments)).map_err(NodeError::Images)
    }

    /// The rules in force, as nft prints them. Blocks.
    pub fn rules(&self) -> Result<String, NodeError> {
        answer(self.programs.command("nft").args(["list", "table", "inet", "tenantry"])).map_err(NodeError::Images)
    }
}

fn alive(processes: &mut [(&'static str, Process)]) -> Result<(), NodeError> {
    for (name, process) in processes {
        if let Some(status) = process.exited()? {
            let name = (*name).to_owned();
            return Err(NodeError::Ended { name, status: status.to_string(), tail: process.log_tail() });
        }
    }
    Ok(())
}

/// What a command prints, or why it failed.
fn answer(command: &mut Command) -> Result<String, String> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
