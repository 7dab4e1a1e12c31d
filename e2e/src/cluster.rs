//! A cluster to test against: a control plane of our own, or one that somebody else runs. It never changes a foreign cluster by itself.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::components::AUDIT_LOG;
use crate::control_plane::{ControlPlane, ControlPlaneError};
use crate::folder::keep_logs;
use crate::identity::{self, Identity, IdentityError};
use crate::kubeconfig::KubeconfigFileError;
use crate::kubectl::KubectlError;
use crate::options::Options;

/// Names a kubeconfig: tests then run on that cluster instead of starting one.
pub const KUBECONFIG_VARIABLE: &str = "TENANTRY_E2E_KUBECONFIG";

/// Why there is no cluster, or it did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Our own control plane.
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    /// Its kubeconfig.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
    /// The given cluster does not answer.
    #[error("the cluster of {} does not answer: {}", kubeconfig.display(), innermost(source.as_ref()))]
    Unreachable {
        /// The kubeconfig that was given.
        kubeconfig: PathBuf,
        /// What kube said.
        source: Box<kube::Error>,
    },
    /// Faults can only be put into processes that are ours.
    #[error("this cluster was given by its kubeconfig: its processes are not ours to stop")]
    Foreign,
    /// No folder for the kubeconfigs of identities.
    #[error("making a temporary folder: {0}")]
    Folder(std::io::Error),
}

/// A cluster to test against. Our own ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    admin: Identity,
    issued: AtomicU32,
    ready_after: Duration,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Ours(Box<ControlPlane>),
    Given(TempDir),
}

impl Cluster {
    /// Starts a control plane and waits until it is usable.
    pub async fn start(options: Options) -> Result<Self, ClusterError> {
        let started = Instant::now();
        let plane = ControlPlane::start(options).await?;
        Ok(Self {
            admin: Identity::new("tenantry-test-admin", plane.admin_kubeconfig()),
            issued: AtomicU32::new(0),
            ready_after: started.elapsed(),
            origin: Origin::Ours(Box::new(plane)),
        })
    }

    /// The cluster of a kubeconfig's current context, after asking it for its version.
    pub async fn given(kubeconfig: &Path) -> Result<Self, ClusterError> {
        let started = Instant::now();
        let admin = Identity::new("admin", kubeconfig.to_owned());
        admin
            .client()
            .await?
            .apiserver_version()
            .await
            .map_err(|source| ClusterError::Unreachable { kubeconfig: kubeconfig.to_owned(), source: source.into() })?;
        let folder = tempfile::Builder::new().prefix("tenantry-identities-").tempdir().map_err(ClusterError::Folder)?;
        Ok(Self { admin, issued: AtomicU32::new(0), ready_after: started.elapsed(), origin: Origin::Given(folder) })
    }

    /// The given cluster if `kubeconfig` names one, else one of our own.
    pub async fn given_or_start(kubeconfig: Option<&Path>, options: Options) -> Result<Self, ClusterError> {
        match kubeconfig {
            Some(path) => Self::given(path).await,
            None => Self::start(options).await,
        }
    }

    /// How long the start took.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The user who may do everything.
    pub fn admin(&self) -> &Identity {
        &self.admin
    }

    /// The admin's client; make one per test, as it belongs to the tokio runtime it was made in.
    pub async fn client(&self) -> Result<Client, KubeconfigFileError> {
        self.admin.client().await
    }

    /// Path of the admin's kubeconfig.
    pub fn kubeconfig_path(&self) -> &Path {
        self.admin.kubeconfig_path()
    }

    /// Runs `kubectl <arguments>` as admin; answers its stdout.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, KubectlError> {
        self.admin.kubectl(arguments).await
    }

    /// Runs `kubectl <arguments>` as admin with `input` on stdin; answers its stdout.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String, KubectlError> {
        self.admin.kubectl_with_input(arguments, input).await
    }

    /// Runs `kubectl <arguments> -o json` as admin; answers the parsed stdout.
    pub async fn kubectl_json(&self, arguments: &[&str]) -> Result<Value, KubectlError> {
        self.admin.kubectl_json(arguments).await
    }

    /// A name for an object of one test, never given twice, in any process: tests share a cluster, and a given one may remember earlier runs.
    pub fn unique_name(&self, prefix: &str) -> String {
        let count = self.issued.fetch_add(1, Ordering::Relaxed);
        // tempfile has made this part random.
        let folder = self.folder().file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let random = folder.rsplit('-').next().unwrap_or_default();
        format!("{prefix}-{random}-{count}")
    }

    /// A user with groups (`system:authenticated` comes by itself). It needs no preparation in the cluster, and has no rights yet.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<Identity, IdentityError> {
        let authority = self.control_plane().ok().map(ControlPlane::authority);
        identity::user(self.kubeconfig_path(), authority, self.next_kubeconfig(), name, groups)
    }

    /// A ServiceAccount that exists, by a token good for 8 hours.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Identity, IdentityError> {
        identity::service_account(self.kubeconfig_path(), self.next_kubeconfig(), namespace, name).await
    }

    /// Our control plane: faults, process ids, logs. A given cluster has none.
    pub fn control_plane(&self) -> Result<&ControlPlane, ClusterError> {
        match &self.origin {
            Origin::Ours(plane) => Ok(plane),
            Origin::Given(_) => Err(ClusterError::Foreign),
        }
    }

    /// The file with one JSON line per request, if it was asked for (`Options::audit_log`).
    pub fn audit_log(&self) -> Option<PathBuf> {
        let plane = self.control_plane().ok()?;
        plane.options().audit_log.then(|| plane.logs().join(AUDIT_LOG))
    }

    /// Ends our processes in order and removes their folder; a given cluster is left alone. Dropping does the same, without grace.
    pub async fn stop(self) -> Result<(), ClusterError> {
        let Origin::Ours(plane) = self.origin else { return Ok(()) };
        match tokio::task::spawn_blocking(move || plane.stop()).await {
            Ok(result) => Ok(result?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn next_kubeconfig(&self) -> PathBuf {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        self.folder().join(format!("identity-{number}.kubeconfig"))
    }

    fn folder(&self) -> &Path {
        match &self.origin {
            Origin::Ours(plane) => plane.folder(),
            Origin::Given(folder) => folder.path(),
        }
    }
}

/// What kube and hyper wrap into `client error (Connect)`.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source()).last().unwrap_or(error)
}

/// The one cluster that the tests of this process share: two fake nodes, a scheduler, an audit log. It is started on first use and ends
/// with the process. Every test gives its objects names of its own and breaks nothing that others use.
///
/// With `TENANTRY_E2E_KUBECONFIG` set (`cargo xtask e2e --kubeconfig …`) it is that cluster.
pub async fn shared() -> Result<&'static Cluster, ClusterError> {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            let kubeconfig = std::env::var_os(KUBECONFIG_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
            let cluster =
                Cluster::given_or_start(kubeconfig.as_deref(), Options::with_nodes(2).with_audit_log()).await?;
            if let Ok(plane) = cluster.control_plane() {
                // Nothing drops a static: the hook is what notices that a test failed.
                let logs = plane.logs().to_owned();
                let before = std::panic::take_hook();
                std::panic::set_hook(Box::new(move |panic| {
                    keep_logs(&logs);
                    before(panic);
                }));
            }
            Ok(cluster)
        })
        .await
}
