//! Part one: says what is to come, builds what is missing, starts the control plane, and the operator with nothing but its own
//! rights. It applies no tenant.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tempfile::TempDir;
use tenantry_e2e::node::{self, Node};
use tenantry_e2e::operator::{self, Operator};
use tenantry_e2e::{Cluster, Options, eventually, netns, objects, toolchain, usage};

use super::gateways::{self, Gateways};
use super::{Show, on_node};
use crate::commands::CommandError;
use crate::commands::demo::Arguments;
use crate::terminal::count;

const NODES: usize = 2;
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The running cluster and operator.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    /// Where pods run for real.
    pub(crate) node: Option<Node>,
    /// Through which tenants are reached, and who answers behind them.
    pub(crate) gateways: Option<Gateways>,
    pub(crate) client: Client,
    pub(crate) operator: Operator,
    pub(crate) manifests: Vec<Value>,
    pub(crate) examples: Vec<Value>,
    /// The operator's log, unless the cluster is ours and keeps it.
    _folder: TempDir,
}

impl Stage {
    /// Ends what is ours: operator first, gateways, then the control plane.
    pub(crate) async fn leave(self, failed: bool) -> Result<(), CommandError> {
        if failed && let Ok(plane) = self.cluster.control_plane() {
            plane.keep_logs();
        }
        let operator = self.operator;
        tokio::task::spawn_blocking(move || operator.stop()).await??;
        drop(self.gateways);
        Ok(self.cluster.stop().await?)
    }
}

/// Everything up to a running operator.
pub(crate) async fn prepare(show: &mut Show, arguments: &Arguments) -> Result<Stage, CommandError> {
    announce(show, arguments);
    let mut examples = examples()?;
    let has_gateways = arguments.has_gateways();
    if has_gateways {
        gateways::add_profiles(&mut examples, arguments.node);
    }
    let program = build(show, arguments).await?;
    let cluster = start_cluster(show, arguments).await?;
    let node = if arguments.node { Some(on_node::start(show, &cluster, &examples).await?) } else { None };
    let client = cluster.client().await?;
    refuse_strangers(&client, &examples).await?;
    let gateways = if has_gateways { Some(gateways::start(show, &cluster, node.as_ref()).await?) } else { None };
    let manifests = install(show, &client, program.clone()).await?;
    let folder = tempfile::Builder::new().prefix("tenantry-demo-").tempdir()?;
    let log = match cluster.control_plane() {
        Ok(plane) => plane.logs().join("tenantry.log"),
        Err(_) => folder.path().join("tenantry.log"),
    };
    let operator = start_operator(show, &cluster, &program, &log).await?;
    Ok(Stage { cluster, node, gateways, client, operator, manifests, examples, _folder: folder })
}

fn announce(show: &mut Show, arguments: &Arguments) {
    let terminal = &mut show.terminal;
    show.figures.machine = usage::machine();
    terminal.heading("Tenantry demo");
    terminal.line(
        "Three tenants of a plausible company are onboarded on a real Kubernetes API server, then put to the test.",
    );
    terminal.note(&format!("This machine: {}; load {}", show.figures.machine, usage::load()));
    terminal.heading("Build");
    terminal.line("tenantry        compiles what has changed; from nothing about 3 minutes on 2 cores");
    match (&arguments.kubeconfig, toolchain::control_plane_is_missing()) {
        (Some(path), _) => terminal.line(&format!("control plane   none: the cluster of {} is used", path.display())),
        (None, Some(time)) => terminal
            .line(&format!("control plane   downloads Go modules (about 400 MB) and builds Kubernetes, once: {time}")),
        (None, None) => terminal.line("control plane   built already"),
    }
}

async fn build(show: &mut Show, arguments: &Arguments) -> Result<PathBuf, CommandError> {
    let started = Instant::now();
    let program = tokio::task::spawn_blocking(|| operator::build(false)).await??;
    show.terminal.done("tenantry is built", Some(started.elapsed()));
    if arguments.kubeconfig.is_none() && toolchain::control_plane_is_missing().is_some() {
        let started = Instant::now();
        tokio::task::spawn_blocking(toolchain::control_plane).await??;
        show.terminal.done("the control plane is built", Some(started.elapsed()));
    }
    show.figures.seconds.build = started.elapsed().as_secs_f64();
    Ok(program)
}

async fn start_cluster(show: &mut Show, arguments: &Arguments) -> Result<Cluster, CommandError> {
    show.terminal.heading("Control plane");
    show.terminal.progress(match arguments.kubeconfig {
        Some(_) => "asking the given cluster for its version",
        None => "starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler",
    });
    let options = if arguments.node {
        node::options()
    } else if netns::is_inside() {
        Options { address: netns::ADDRESS, ..Options::with_nodes(NODES) }
    } else {
        Options::with_nodes(NODES)
    };
    let options = options.with_audit_log();
    let cluster = Cluster::given_or_start(arguments.kubeconfig.as_deref(), options).await?;
    let version = cluster.client().await?.apiserver_version().await?.git_version;
    let text = match cluster.control_plane() {
        Ok(plane) if arguments.node => format!("Kubernetes {version} on {}", plane.server()),
        Ok(plane) => format!("Kubernetes {version} on {}, {NODES} fake nodes", plane.server()),
        Err(_) => format!("Kubernetes {version}, given by its kubeconfig"),
    };
    show.terminal.done(&text, Some(cluster.ready_after()));
    show.figures.kubernetes = version;
    show.figures.seconds.control_plane = cluster.ready_after().as_secs_f64();
    Ok(cluster)
}

/// What is there already is somebody's: the demo neither takes it over nor removes it later.
async fn refuse_strangers(client: &Client, examples: &[Value]) -> Result<(), CommandError> {
    let namespace =
        serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": operator::NAMESPACE } });
    for object in examples.iter().chain([&namespace]) {
        if let Ok(Some(_)) = objects::collection(client, object).get_opt(objects::name(object)).await {
            let title = objects::title(object);
            return Err(format!(
                "{title} is on this cluster already and the demo leaves it alone: use another cluster, or remove it"
            )
            .into());
        }
    }
    Ok(())
}

async fn install(show: &mut Show, client: &Client, program: PathBuf) -> Result<Vec<Value>, CommandError> {
    show.terminal.heading("Operator");
    show.terminal.progress("installing CRDs and RBAC");
    let started = Instant::now();
    let manifests = tokio::task::spawn_blocking(move || operator::manifests(&program)).await??;
    operator::install(client, &manifests).await?;
    let number = |kind: &str| manifests.iter().filter(|object| object["kind"] == kind).count();
    let text = format!(
        "`tenantry install` applied: {}, {}, {}",
        count(number("CustomResourceDefinition"), "CRD"),
        count(number("ClusterRole"), "ClusterRole"),
        count(number("FlowSchema"), "FlowSchema")
    );
    show.terminal.done(&text, Some(started.elapsed()));
    show.figures.seconds.install = started.elapsed().as_secs_f64();
    Ok(manifests)
}

async fn start_operator(
    show: &mut Show,
    cluster: &Cluster,
    program: &Path,
    log: &Path,
) -> Result<Operator, CommandError> {
    show.terminal.progress("starting the operator");
    let started = Instant::now();
    let identity = Operator::identity(cluster).await?;
    let mut operator = Operator::start(program, cluster, &identity, log, "info")?;
    let ready = eventually(READY_WITHIN, "the operator reconciles", async || operator.ready().await).await;
    ready.map_err(|error| format!("{error}; its log is {}", log.display()))??;
    let text = format!("reconciling, as {} with its generated rights alone", operator::USER);
    show.terminal.done(&text, Some(started.elapsed()));
    show.figures.seconds.operator_ready = started.elapsed().as_secs_f64();
    Ok(operator)
}

/// Classes and platform before the tenants that need them.
fn examples() -> Result<Vec<Value>, CommandError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut examples = objects::read_folder(&folder)?;
    examples.sort_by_key(|object| object["kind"] == "Tenant");
    if examples.iter().any(|object| object["kind"] == "Tenant") {
        Ok(examples)
    } else {
        Err(format!("there is no Tenant in {}: run `cargo xtask generate`", folder.display()).into())
    }
}
