//! One control plane on loopback: starts its processes in the right order, waits until it is usable, and breaks and mends it for
//! tests. It never outlives this process.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::ListParams;
use kube::{Api, Client};
use rustix::process::Signal;

use crate::components::{Component, Layout, Ports, Programs};
use crate::folder::{Folder, FolderError};
use crate::kubeconfig::{self, KubeconfigFileError};
use crate::options::Options;
use crate::pki::{Authority, PkiError};
use crate::process::{Process, ProcessError};
use crate::toolchain::{self, ToolchainError};
use crate::wait::{NotInTime, eventually};

/// A machine that compiles something else meanwhile may be slow; one that hangs should say so within a minute.
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Why a control plane did not start, or did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// The programs could not be built.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The certificates could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A process could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A kubeconfig could not be written or used.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
    /// Its files could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is no free port.
    #[error("looking for free ports on 127.0.0.1: {0}")]
    Ports(io::Error),
    /// A process ended while the others waited for it.
    #[error("{component} ended while starting ({status}); its log is in {}, the end of it:\n{tail}", logs.display())]
    Ended {
        /// Which one.
        component: Component,
        /// How.
        status: String,
        /// Where the logs are.
        logs: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// It did not become ready.
    #[error("{source}; the logs are in {}", logs.display())]
    NotReady {
        /// What was waited for.
        source: NotInTime,
        /// Where the logs are.
        logs: PathBuf,
    },
    /// The test asked about a process that was not started.
    #[error("{component} is not running, so it cannot be {verb}")]
    NotRunning {
        /// Which one.
        component: Component,
        /// What was asked.
        verb: &'static str,
    },
    /// The test asked to start a process that runs.
    #[error("{component} is already running")]
    AlreadyRunning {
        /// Which one.
        component: Component,
    },
}

/// A control plane whose processes are our children.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    options: Options,
    ports: Ports,
    authority: Authority,
    processes: Mutex<BTreeMap<Component, Process>>,
    // Below the processes: they are gone before their folder is.
    folder: Folder,
}

impl ControlPlane {
    /// Starts one and waits until it is usable: the API answers, the `default` ServiceAccount exists, the nodes are Ready. Tries again
    /// with other ports when somebody took one meanwhile.
    pub async fn start(options: Options) -> Result<Self, ControlPlaneError> {
        let ours = run_blocking(toolchain::control_plane).await?;
        let mut attempt = 1;
        loop {
            let plane = Self::prepare(Programs::new(ours.clone()), options.clone())?;
            match plane.start_all().await {
                Ok(()) => return Ok(plane),
                Err(ControlPlaneError::Ended { tail, .. })
                    if tail.contains("address already in use") && attempt < 4 =>
                {
                    attempt += 1;
                }
                Err(error) => {
                    plane.keep_logs();
                    return Err(error);
                }
            }
        }
    }

    fn prepare(programs: Programs, options: Options) -> Result<Self, ControlPlaneError> {
        let folder = Folder::create()?;
        let ports = free_ports().map_err(ControlPlaneError::Ports)?;
        let authority = Authority::new("tenantry-test-ca")?;
        let plane = Self { programs, options, ports, authority, processes: Mutex::default(), folder };
        plane.folder.fill(&plane.authority, &plane.options, &plane.server())?;
        Ok(plane)
    }

    async fn start_all(&self) -> Result<(), ControlPlaneError> {
        self.start_component(Component::Etcd)?;
        self.start_component(Component::ApiServer)?;
        let client = kubeconfig::client(&self.admin_kubeconfig()).await?;
        self.wait_until_ready(&client).await?;
        // Not before: a controller-manager that finds no bootstrap RBAC ends.
        self.start_component(Component::ControllerManager)?;
        if self.options.scheduler {
            self.start_component(Component::Scheduler)?;
        }
        if self.options.nodes > 0 {
            self.start_component(Component::FakeNodes)?;
        }
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
        self.wait("the `default` ServiceAccount exists", async || accounts.get("default").await).await?;
        let nodes: Api<Node> = Api::all(client);
        self.wait("all nodes are Ready", async || self.all_nodes_ready(&nodes).await).await
    }

    /// Waits until kube-apiserver says that it is ready, as after [`ControlPlane::start_component`].
    pub async fn wait_until_ready(&self, client: &Client) -> Result<(), ControlPlaneError> {
        self.wait("kube-apiserver is ready", async || {
            let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
            client.request_text(request).await.map_err(|error| error.to_string())
        })
        .await
    }

    async fn all_nodes_ready(&self, nodes: &Api<Node>) -> Result<(), String> {
        if self.options.nodes == 0 {
            return Ok(());
        }
        let list = nodes.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let ready = list.items.iter().filter(|node| is_usable(node)).count();
        if ready >= self.options.nodes {
            Ok(())
        } else {
            Err(format!("{ready} of {} nodes are Ready", self.options.nodes))
        }
    }

    /// Like [`eventually`], but ends at once when a process does.
    async fn wait<T, E: std::fmt::Display>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<(), ControlPlaneError> {
        eventually(START_LIMIT, what, async || match self.check_alive() {
            Ok(()) => look().await.map(|_| Ok(())).map_err(|error| error.to_string()),
            Err(ended) => Ok(Err(ended)),
        })
        .await
        .map_err(|source| ControlPlaneError::NotReady { source, logs: self.logs().to_owned() })?
    }

    fn check_alive(&self) -> Result<(), ControlPlaneError> {
        for (component, process) in self.lock().iter_mut() {
            if let Some(status) = process.exited()? {
                let tail = process.log_tail();
                return Err(ControlPlaneError::Ended {
                    component: *component,
                    status: status.to_string(),
                    logs: self.logs().to_owned(),
                    tail,
                });
            }
        }
        Ok(())
    }

    /// Starts a process that was never started, was stopped, or was killed. Returns at once; see [`ControlPlane::wait_until_ready`].
    pub fn start_component(&self, component: Component) -> Result<(), ControlPlaneError> {
        let mut processes = self.lock();
        if processes.contains_key(&component) {
            return Err(ControlPlaneError::AlreadyRunning { component });
        }
        let layout = Layout { folder: self.folder(), logs: self.logs(), ports: self.ports, options: &self.options };
        let mut command = self.programs.command(component.name());
        layout.add_flags(component, &mut command);
        let log = self.logs().join(format!("{component}.log"));
        processes.insert(component, Process::start(component.name(), command, &log)?);
        Ok(())
    }

    /// SIGKILL: the process has no chance to finish anything.
    pub fn kill_component(&self, component: Component) -> Result<(), ControlPlaneError> {
        self.take(component, "killed").map(drop)
    }

    /// SIGTERM, then SIGKILL after two seconds. Blocks meanwhile.
    pub fn stop_component(&self, component: Component) -> Result<(), ControlPlaneError> {
        Ok(self.take(component, "stopped")?.stop(STOP_GRACE)?)
    }

    /// SIGSTOP: the process hangs, its connections stay open and silent.
    pub fn pause_component(&self, component: Component) -> Result<(), ControlPlaneError> {
        self.signal(component, Signal::STOP, "paused")
    }

    /// SIGCONT, after [`ControlPlane::pause_component`].
    pub fn resume_component(&self, component: Component) -> Result<(), ControlPlaneError> {
        self.signal(component, Signal::CONT, "resumed")
    }

    /// The process id of a component, if it runs; benchmarks read its CPU time.
    pub fn process_id(&self, component: Component) -> Option<u32> {
        self.lock().get(&component).map(Process::id)
    }

    /// All process ids.
    pub fn process_ids(&self) -> Vec<u32> {
        self.lock().values().map(Process::id).collect()
    }

    /// Ends all processes, those first that need the others. Blocks for a moment.
    pub fn stop(&self) -> Result<(), ControlPlaneError> {
        let processes = std::mem::take(&mut *self.lock());
        for (component, process) in processes.into_iter().rev() {
            match component {
                // Without its writers and with nothing to keep, they have nothing to finish; kube-apiserver would linger.
                Component::Etcd | Component::ApiServer => drop(process),
                _ => process.stop(STOP_GRACE)?,
            }
        }
        Ok(())
    }

    /// Leaves the logs where they are for a day, and says on stderr where that is.
    pub fn keep_logs(&self) {
        self.folder.keep_logs();
    }

    /// The cluster's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the log files.
    pub fn logs(&self) -> &Path {
        self.folder.logs()
    }

    /// kubeconfig of the user who may do everything.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder().join("admin.kubeconfig")
    }

    /// URL of kube-apiserver.
    pub fn server(&self) -> String {
        format!("https://{}:{}", self.options.address, self.ports.api)
    }

    /// Its ports.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Who signs client certificates.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    fn take(&self, component: Component, verb: &'static str) -> Result<Process, ControlPlaneError> {
        self.lock().remove(&component).ok_or(ControlPlaneError::NotRunning { component, verb })
    }

    fn signal(&self, component: Component, signal: Signal, verb: &'static str) -> Result<(), ControlPlaneError> {
        let processes = self.lock();
        let process = processes.get(&component).ok_or(ControlPlaneError::NotRunning { component, verb })?;
        Ok(process.signal(signal)?)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Component, Process>> {
        // A test that panicked while holding it left the map whole.
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        }
        // All at once; nothing here is worth a graceful end.
        self.lock().clear();
    }
}

/// Ready, and open to pods.
pub(crate) fn is_usable(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    // The controller-manager takes its not-ready taint away a moment later.
    ready && node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default().is_empty()
}

/// Ports that were free a moment ago; all are held until all are found, so that they differ.
fn free_ports() -> io::Result<Ports> {
    let listeners = [0; 3].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let [api, etcd, etcd_peer] = listeners.map(|listener| listener?.local_addr().map(|address| address.port()));
    Ok(Ports { api: api?, etcd: etcd?, etcd_peer: etcd_peer? })
}

/// A build may take minutes: it must not hold up the test's other tasks.
async fn run_blocking<T: Send + 'static>(work: fn() -> Result<T, ToolchainError>) -> Result<T, ControlPlaneError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
