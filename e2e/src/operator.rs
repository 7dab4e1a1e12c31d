//! The operator as a process, the way it is shipped: built by cargo, installed by its own `install`, run with nothing but its
//! generated rights. It never runs it as an admin.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kube::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cargo;
use crate::cluster::{Cluster, ClusterError};
use crate::identity::{Identity, IdentityError};
use crate::objects::{self, ObjectError};
use crate::process::{Process, ProcessError};
use crate::toolchain::{self, ToolchainError, last_lines};

/// Where `tenantry install` puts it.
pub const NAMESPACE: &str = "tenantry-system";
/// Its ServiceAccount.
pub const ACCOUNT: &str = "tenantry";
/// Its user name, as the server sees it.
pub const USER: &str = "system:serviceaccount:tenantry-system:tenantry";
/// It finishes what is under way for up to 10 s.
const STOP_GRACE: Duration = Duration::from_secs(12);
const HTTP_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no operator, or it did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// cargo could not be started.
    #[error("starting cargo to build tenantry: {0}")]
    Cargo(std::io::Error),
    /// cargo said no; what it said is above.
    #[error("building tenantry failed: mend what the compiler says above, then try again")]
    Build,
    /// `tenantry install --dry-run` did not print objects.
    #[error("`tenantry install --dry-run` failed: {0}")]
    Manifests(String),
    /// An object of the installation.
    #[error("installing: {0}")]
    Install(#[from] ObjectError),
    /// Its token.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The cluster it should run on.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The program by way of which it is started.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// Its process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A port for its metrics.
    #[error("looking for a free port on 127.0.0.1: {0}")]
    Port(std::io::Error),
    /// It ended by itself.
    #[error("the operator ended by itself ({status}); the end of its log, {}:\n{tail}", log.display())]
    Ended {
        /// How.
        status: String,
        /// Where its log is.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
    /// Its health endpoint did not answer.
    #[error("asking the operator for {path}: {why}")]
    Http {
        /// What was asked for.
        path: String,
        /// What happened.
        why: String,
    },
}

/// Builds `tenantry` with the cargo that runs us, its progress on stderr, and answers where the program is. Blocks.
pub fn build(release: bool) -> Result<PathBuf, OperatorError> {
    let mut command = cargo::cargo();
    command.args(["build", "--package", "tenantry", "--bin", "tenantry", "--message-format=json-render-diagnostics"]);
    if release {
        command.arg("--release");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = command.current_dir(root).stderr(Stdio::inherit()).output().map_err(OperatorError::Cargo)?;
    if !output.status.success() {
        return Err(OperatorError::Build);
    }
    let executable = |line: &[u8]| {
        let message: Value = serde_json::from_slice(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    output.stdout.split(|byte| *byte == b'\n').filter_map(executable).next_back().ok_or(OperatorError::Build)
}

/// What `tenantry install --dry-run` prints, but the Deployment and what belongs to its pods: there is no image here. Blocks.
pub fn manifests(program: &Path) -> Result<Vec<Value>, OperatorError> {
    let output = Command::new(program).args(["install", "--dry-run"]).output();
    let output = output.map_err(|error| OperatorError::Manifests(error.to_string()))?;
    if !output.status.success() {
        return Err(OperatorError::Manifests(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let mut objects = objects::parse("its output", &String::from_utf8_lossy(&output.stdout))?;
    objects.retain(|object| {
        !["Deployment", "Service", "PodDisruptionBudget"].contains(&object["kind"].as_str().unwrap_or_default())
    });
    Ok(objects)
}

/// Applies these objects, and waits until the server serves the custom resources among them.
pub async fn install(client: &Client, manifests: &[Value]) -> Result<(), OperatorError> {
    for object in manifests {
        objects::apply(client, object).await?;
    }
    for object in manifests.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        let served = crate::eventually(Duration::from_secs(30), "the API server serves the CRD", async || {
            let found = objects::collection(client, object).get(objects::name(object)).await.ok()?;
            let found = serde_json::to_value(found).ok()?;
            (objects::condition(&found, "Established")?["status"] == "True").then_some(())
        });
        served.await.map_err(|error| OperatorError::Manifests(format!("{}: {error}", objects::title(object))))?;
    }
    Ok(())
}

/// A running operator. Killed when dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    address: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// A token of the ServiceAccount that `install` made.
    pub async fn identity(cluster: &Cluster) -> Result<Identity, OperatorError> {
        Ok(cluster.service_account(NAMESPACE, ACCOUNT).await?)
    }

    /// Starts it as `identity` with its log in `log`. Returns at once; see [`Operator::ready`].
    pub fn start(
        program: &Path,
        cluster: &Cluster,
        identity: &Identity,
        log: &Path,
        filter: &str,
    ) -> Result<Self, OperatorError> {
        let address = free_address().map_err(OperatorError::Port)?;
        // By way of our own program, so that the kernel ends it, too, when we are killed; on a given cluster it is not needed
        // otherwise, and building it would take minutes.
        let mut command = if cluster.control_plane().is_ok() {
            let mut command = Command::new(toolchain::control_plane()?);
            command.arg("exec").arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .arg("run")
            .arg("--kubeconfig")
            .arg(identity.kubeconfig_path())
            .arg(format!("--namespace={NAMESPACE}"))
            .arg(format!("--listen={address}"))
            .arg(format!("--log={filter}"))
            .arg("--log-format=human");
        Ok(Self { process: Process::start("tenantry", command, log)?, address, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where its log is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it reconciles now; `Err` says what it waits for. `Ok(Err(_))` if it has ended.
    pub async fn ready(&mut self) -> Result<Result<(), OperatorError>, String> {
        if let Err(ended) = self.check_alive() {
            return Ok(Err(ended));
        }
        match self.get("/readyz").await {
            Ok((200, text)) if text.starts_with("reconciling") => Ok(Ok(())),
            Ok((_, text)) => Err(text.trim().replace('\n', " ")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Fails if it has ended by itself.
    pub fn check_alive(&mut self) -> Result<(), OperatorError> {
        let Some(status) = self.process.exited()? else { return Ok(()) };
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(OperatorError::Ended { status: status.to_string(), log: self.log.clone(), tail: last_lines(&text, 12) })
    }

    /// The sum of a metric's samples whose labels contain `part` (empty for all).
    pub async fn metric(&self, name: &str, part: &str) -> Result<f64, OperatorError> {
        let (_, text) = self.get("/metrics").await?;
        Ok(sum(&text, name, part))
    }

    /// SIGTERM, as in a rollout: it gives its lease back. Blocks until it is gone.
    pub fn stop(self) -> Result<(), OperatorError> {
        Ok(self.process.stop(STOP_GRACE)?)
    }

    /// One HTTP request, the small way: status and body.
    async fn get(&self, path: &str) -> Result<(u16, String), OperatorError> {
        let failed = |why: String| OperatorError::Http { path: path.to_owned(), why };
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = timeout(HTTP_LIMIT, exchange)
            .await
            .map_err(|_| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("no HTTP".to_owned()))?;
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        Ok((status.ok_or_else(|| failed("no HTTP status".to_owned()))?, body.to_owned()))
    }
}

fn sum(text: &str, name: &str, part: &str) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        (labels.is_empty() || labels.starts_with('{')).then_some(())?;
        labels.contains(part).then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}

/// Free a moment ago. The operator says so in its log should somebody be faster.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    #[expect(clippy::float_cmp, reason = "small whole numbers are exact")]
    fn samples_are_summed_by_label() {
        let text =
            "# HELP calls x\ncalls{verb=\"get\",kind=\"Lease\"} 2\ncalls{verb=\"create\"} 3\ncalls_more 7\nplain 1\n";
        assert_eq!(sum(text, "calls", ""), 5.0);
        assert_eq!(sum(text, "calls", "Lease"), 2.0);
        assert_eq!(sum(text, "plain", ""), 1.0);
    }
}
