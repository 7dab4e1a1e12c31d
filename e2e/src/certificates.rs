//! A real cert-manager for tests: its own controllers as a process, under its own ServiceAccount, with its definitions. It signs with what
//! ClusterIssuers say, and decides nothing about listeners.

use std::path::PathBuf;
use std::process::Command;

use kube::Client;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterError};
use crate::gateway::{DefinitionError, NoPrograms, define};
use crate::identity::IdentityError;
use crate::kubeconfig::KubeconfigFileError;
use crate::objects::{self, ObjectError};
use crate::packages;
use crate::process::{Process, ProcessError};
use crate::toolchain;

/// As in e2e/certificates/go.mod.
const MODULE: (&str, &str) = ("github.com/cert-manager/cert-manager", "v1.21.2");
/// Where its ServiceAccount lives, and the Secrets of ClusterIssuers.
pub const NAMESPACE: &str = "cert-manager";
/// Its ServiceAccount.
pub const ACCOUNT: &str = "cert-manager";

/// Why there is no cert-manager, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// An object that it needs could not be read or written.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Its definitions were not taken.
    #[error(transparent)]
    Definitions(#[from] DefinitionError),
    /// It got no token.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No client for the cluster.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
    /// The cluster is not one of ours.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It could not be started or watched.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It ended.
    #[error("cert-manager ended ({status}); the end of its log:\n{tail}")]
    Ended {
        /// How.
        status: String,
        /// The end of its log.
        tail: String,
    },
}

/// Program and definitions on this machine's disk.
#[derive(Clone, Debug)]
pub struct Programs {
    cert_manager: PathBuf,
    /// Starts it in a way that the kernel ends it when we are gone.
    control_plane: PathBuf,
    definitions: PathBuf,
}

/// Builds cert-manager and fetches its definitions, where they are not there already. To be called **before** `netns::enter`: inside there
/// is no registry. Blocks for minutes the first time.
pub fn programs() -> Result<Programs, NoPrograms> {
    let definitions = packages::go_module(MODULE.0, MODULE.1)?.join("deploy/crds");
    Ok(Programs { cert_manager: toolchain::cert_manager()?, control_plane: toolchain::control_plane()?, definitions })
}

/// Applies its definitions and waits until they are served.
pub async fn install(client: &Client, programs: &Programs) -> Result<(), CertificatesError> {
    Ok(define(client, &objects::read_folder(&programs.definitions)?).await?)
}

/// A cert-manager that runs. It is killed when dropped.
#[derive(Debug)]
pub struct CertManager {
    process: Process,
}

impl CertManager {
    /// Puts its rights into the cluster, where its definitions must be, and starts it.
    pub async fn start(cluster: &Cluster, programs: &Programs) -> Result<Self, CertificatesError> {
        let client = cluster.client().await?;
        for object in rights() {
            objects::apply(&client, &object).await?;
        }
        let account = cluster.service_account(NAMESPACE, ACCOUNT).await?;
        let log = cluster.control_plane()?.logs().join("cert-manager.log");
        let mut command = Command::new(&programs.control_plane);
        command
            .args(["exec".as_ref(), programs.cert_manager.as_os_str()])
            .arg(format!("--kubeconfig={}", account.kubeconfig_path().display()))
            .arg(format!("--cluster-resource-namespace={NAMESPACE}"));
        Ok(Self { process: Process::start("cert-manager", command, &log)? })
    }

    /// An error once it has ended.
    pub fn check_alive(&mut self) -> Result<(), CertificatesError> {
        match self.process.exited()? {
            None => Ok(()),
            Some(status) => Err(CertificatesError::Ended { status: status.to_string(), tail: self.process.log_tail() }),
        }
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}

/// Namespace, ServiceAccount, ClusterRole and binding. Rights as its chart gives them to the controllers that run here, and no more, so
/// that a test notices what a real installation would lack.
fn rights() -> [Value; 4] {
    let named = |version: &str, kind: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    let mut account = named("v1", "ServiceAccount", ACCOUNT);
    account["metadata"]["namespace"] = NAMESPACE.into();
    let mut role = named("rbac.authorization.k8s.io/v1", "ClusterRole", ACCOUNT);
    role["rules"] = rules();
    let mut binding = named("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", ACCOUNT);
    binding["roleRef"] = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT });
    binding["subjects"] = json!([{ "kind": "ServiceAccount", "namespace": NAMESPACE, "name": ACCOUNT }]);
    [named("v1", "Namespace", NAMESPACE), account, role, binding]
}

fn rules() -> Value {
    const KINDS: [&str; 4] = ["certificates", "certificaterequests", "clusterissuers", "issuers"];
    let rule = |group: &str, resources: &[String], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let each = |ending: &str| KINDS.map(|kind| format!("{kind}{ending}"));
    json!([
        rule("cert-manager.io", &each(""), &["get", "list", "watch", "update", "patch"]),
        rule("cert-manager.io", &["certificaterequests".to_owned()], &["create", "delete"]),
        rule("cert-manager.io", &each("/status"), &["update", "patch"]),
        rule("cert-manager.io", &each("/finalizers"), &["update"]),
        rule("cert-manager.io", &["signers".to_owned()], &["approve"]),
        rule("", &["secrets".to_owned()], &["get", "list", "watch", "create", "update", "delete", "patch"]),
        rule("", &["events".to_owned()], &["create", "patch"]),
    ])
}
