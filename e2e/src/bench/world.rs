//! The control plane that everything is measured on, and what it has used. It starts the operator in release mode, with its
//! generated rights, and nothing else runs in the cluster.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use serde_json::json;
use tempfile::TempDir;
use tenantry_e2e::audit::Audit;
use tenantry_e2e::operator::{self, Operator};
use tenantry_e2e::{Cluster, Component, Identity, Options, eventually, netns, objects, usage};
use tokio::time::{Instant, sleep};

use crate::commands::CommandError;
use crate::terminal::Terminal;

/// User name of the floors.
pub(crate) const FLOOR: &str = "system:serviceaccount:default:bench-floor";
/// User name of those who create and edit tenants.
pub(crate) const ADMIN: &str = "tenantry-test-admin";
const READY_WITHIN: Duration = Duration::from_mins(1);
const SETTLED_WITHIN: Duration = Duration::from_mins(2);
const SETTLE_STEP: Duration = Duration::from_millis(250);
/// CPU time per step that API server and controller-manager use when nothing happens, generously.
const SETTLED_USE: Duration = Duration::from_millis(30);
const SETTLED_STEPS: u32 = 6;

/// Only what is counted, so that the log costs all alike, and little.
const AUDIT_POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ["system:serviceaccount:tenantry-system:tenantry", "system:serviceaccount:default:bench-floor"]
- level: Metadata
  users: ["tenantry-test-admin"]
  verbs: [create, patch]
  resources: [{group: tenantry.dev, resources: [tenants]}]
- level: None
"#;

/// The control plane, and who works on it.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) client: Client,
    pub(crate) floor: Identity,
    pub(crate) kubernetes: String,
    program: PathBuf,
    operator: Identity,
    _folder: TempDir,
}

/// CPU time used so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) api_server: Duration,
    pub(crate) etcd: Duration,
    pub(crate) controller_manager: Duration,
    pub(crate) machine: Duration,
}

impl World {
    /// Builds, starts, installs. `nodes` are fake: pods on them are Ready at once.
    pub(crate) async fn prepare(terminal: &mut Terminal, nodes: usize) -> Result<Self, CommandError> {
        let program = tokio::task::spawn_blocking(|| operator::build(true)).await??;
        terminal.done("tenantry is built in release mode", None);
        let folder = tempfile::Builder::new().prefix("tenantry-bench-").tempdir()?;
        let policy = folder.path().join("audit-policy.yaml");
        std::fs::write(&policy, AUDIT_POLICY)?;
        let options = Options {
            api_server_flags: vec![format!("--audit-policy-file={}", policy.display())],
            address: if netns::is_inside() { netns::ADDRESS } else { Options::default().address },
            ..Options::with_nodes(nodes).with_audit_log()
        };
        let cluster = Cluster::start(options).await?;
        let client = cluster.client().await?;
        let kubernetes = client.apiserver_version().await?.git_version;
        terminal.done(&format!("Kubernetes {kubernetes}, {nodes} fake nodes"), Some(cluster.ready_after()));
        let path = program.clone();
        let manifests = tokio::task::spawn_blocking(move || operator::manifests(&path)).await??;
        operator::install(&client, &manifests).await?;
        for object in floor_account() {
            objects::apply(&client, &object).await?;
        }
        let operator = Operator::identity(&cluster).await?;
        let floor = cluster.service_account("default", "bench-floor").await?;
        Ok(Self { cluster, client, floor, kubernetes, program, operator, _folder: folder })
    }

    /// A running operator that reconciles; and how long that took.
    pub(crate) async fn start_operator(&self) -> Result<(Operator, Duration), CommandError> {
        let started = Instant::now();
        let log = self.cluster.control_plane()?.logs().join("tenantry.log");
        let mut operator = Operator::start(&self.program, &self.cluster, &self.operator, &log, "warn")?;
        eventually(READY_WITHIN, "the operator reconciles", async || operator.ready().await).await??;
        Ok((operator, started.elapsed()))
    }

    /// Ends it as a rollout would.
    pub(crate) async fn stop_operator(&self, operator: Operator) -> Result<(), CommandError> {
        Ok(tokio::task::spawn_blocking(move || operator.stop()).await??)
    }

    /// The audit log from here on.
    pub(crate) fn audit(&self) -> Result<Audit, CommandError> {
        let path = self.cluster.audit_log().ok_or("the benchmark needs a control plane of its own")?;
        Ok(Audit::from_now(&path)?)
    }

    /// What has been used so far.
    pub(crate) fn used(&self) -> Result<Used, CommandError> {
        let plane = self.cluster.control_plane()?;
        let of = |component| plane.process_id(component).map(usage::cpu_time).unwrap_or_default();
        Ok(Used {
            api_server: of(Component::ApiServer),
            etcd: of(Component::Etcd),
            controller_manager: of(Component::ControllerManager),
            machine: usage::machine_time(),
        })
    }

    /// Waits until the control plane has done what follows from new objects: ServiceAccounts, quota status, certificates.
    pub(crate) async fn settle(&self) -> Result<(), CommandError> {
        let started = Instant::now();
        let (mut before, mut calm) = (self.used()?, 0);
        while calm < SETTLED_STEPS && started.elapsed() < SETTLED_WITHIN {
            sleep(SETTLE_STEP).await;
            let now = self.used()?;
            let used =
                (now.api_server + now.controller_manager).saturating_sub(before.api_server + before.controller_manager);
            calm = if used <= SETTLED_USE { calm + 1 } else { 0 };
            before = now;
        }
        Ok(())
    }

    /// Objects in the cluster that matter for its size: namespaces.
    pub(crate) async fn namespaces(&self) -> Result<usize, CommandError> {
        Ok(objects::list(&self.client, "v1", "Namespace", None, "").await?.len())
    }
}

fn floor_account() -> [serde_json::Value; 2] {
    let name = "bench-floor";
    [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "default" } }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": "default" }],
        }),
    ]
}
