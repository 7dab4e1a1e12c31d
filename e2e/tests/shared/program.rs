//! The operator as a process: `tenantry run` with a token of its ServiceAccount. It never runs it as an admin.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tenantry::render::manifests::{self, Installation};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::operator::{ACCOUNT, NAMESPACE, install};
use tenantry_e2e::process::Process;
use tenantry_e2e::{Cluster, Identity, eventually, objects, toolchain};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything here takes on a machine that compiles something else meanwhile.
pub const SOON: Duration = Duration::from_mins(1);
/// Namespace from which the operator may copy.
pub const SHARED: &str = "platform-shared";
/// Arguments for `tenantry`, by lines; names what this test program then is.
const ARGUMENTS: &str = "TENANTRY_PROGRAM_ARGUMENTS";

/// The `tenantry` program is linked into this one, so that a test run builds it once and always tests what was just built.
pub fn be_the_operator_if_asked() {
    let Some(arguments) = std::env::var_os(ARGUMENTS) else { return };
    let arguments = arguments.into_string().expect("text");
    let arguments = ["tenantry"].into_iter().chain(arguments.lines()).map(Into::into);
    std::process::exit(tenantry::cli::execute(arguments, &mut std::io::stdout(), &mut std::io::stderr()).into());
}

/// For names of files that no other test of this process uses.
fn next_number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// A file that behaves as the `tenantry` program.
fn program(folder: &Path) -> PathBuf {
    let path = folder.join("tenantry");
    if !path.exists() {
        let ourselves = std::env::current_exe().expect("this program knows its path");
        let text = format!(
            "#!/bin/sh\n{ARGUMENTS}=$(printf '%s\\n' \"$@\")\nexport {ARGUMENTS}\nexec '{}' program_under_test --exact --nocapture --test-threads=1\n",
            ourselves.display()
        );
        // Two tests may do so at once: each writes its own and puts it in place whole.
        let own = folder.join(format!("tenantry-{}", next_number()));
        fs::write(&own, text).expect("written");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).expect("executable");
        fs::rename(&own, &path).expect("in place");
    }
    path
}

/// What `tenantry install` puts into a cluster, but the operator's pods: there is no image here.
pub async fn prepare(cluster: &Cluster) {
    let settings = Installation {
        namespace: NAMESPACE.into(),
        image: "none".into(),
        replicas: 0,
        replicate_from: vec![SHARED.into()],
    };
    let mut objects = manifests::all(KINDS, &settings).expect("renders");
    objects.retain(|object| object["kind"] != "Deployment");
    let client = cluster.client().await.expect("client");
    let shared = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": SHARED } });
    objects::apply(&client, &shared).await.expect("applied");
    install(&client, &objects).await.expect("installed");
}

/// A token of the operator's ServiceAccount.
pub async fn account(cluster: &Cluster) -> Identity {
    cluster.service_account(NAMESPACE, ACCOUNT).await.expect("a token")
}

/// A running operator. Killed when dropped.
pub struct Operator {
    process: Process,
    address: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// Starts one and waits until it reconciles.
    pub async fn start(cluster: &Cluster) -> Self {
        let mut operator = Self::launch(cluster, &account(cluster).await, &[]);
        operator.reconciles().await;
        operator
    }

    /// Starts one and returns at once.
    pub fn launch(cluster: &Cluster, identity: &Identity, arguments: &[&str]) -> Self {
        let folder = match cluster.control_plane() {
            Ok(plane) => plane.logs().to_owned(),
            Err(_) => std::env::temp_dir(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("has one");
        drop(listener);
        let log = folder.join(format!("tenantry-{}.log", next_number()));
        // By way of ours, so that the kernel ends it, too, when this process is killed.
        let mut command = Command::new(toolchain::control_plane().expect("built"));
        command
            .arg("exec")
            .arg(program(&folder))
            .args(["run", "--ask-loopback", "--log-format=human", "--log=info,tenantry_engine=debug"])
            .arg(format!("--kubeconfig={}", identity.kubeconfig_path().display()))
            .arg(format!("--namespace={NAMESPACE}"))
            .arg(format!("--listen={address}"))
            .args(arguments);
        Self { process: Process::start("tenantry", command, &log).expect("starts"), address, log }
    }

    /// Waits until it says that it reconciles.
    pub async fn reconciles(&mut self) {
        self.says("/readyz", |code, text| code == 200 && text.starts_with("reconciling")).await;
    }

    /// Waits until it answers so at this path. Fails at once if it ends.
    pub async fn says(&mut self, path: &str, expected: impl Fn(u16, &str) -> bool) -> String {
        let what = format!("{path} says what it should");
        let answer = eventually(SOON, &what, async || {
            if let Some(status) = self.process.exited().expect("can be watched") {
                return Ok(Err(status));
            }
            match self.get(path).await {
                Ok((code, text)) if expected(code, &text) => Ok(Ok(text)),
                Ok((code, text)) => Err(format!("{code} {text}")),
                Err(error) => Err(error.to_string()),
            }
        });
        match answer.await {
            Ok(Ok(text)) => text,
            Ok(Err(status)) => panic!("the operator ended ({status}):\n{}", self.log()),
            Err(late) => panic!("{late}\n{}", self.process.log_tail()),
        }
    }

    /// Waits until it has ended by itself.
    pub async fn ends(&mut self) -> std::process::ExitStatus {
        eventually(SOON, "the operator ends", async || self.process.exited().expect("can be watched"))
            .await
            .expect("in time")
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.exited().expect("can be watched").is_some()
    }

    /// One HTTP request: status and body.
    pub async fn get(&self, path: &str) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let code = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        Ok((code, body.to_owned()))
    }

    /// The sum of a metric's samples whose labels contain `part`.
    pub async fn metric(&self, name: &str, part: &str) -> f64 {
        let (_, text) = self.get("/metrics").await.expect("answers");
        text.lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
            .filter(|line| line.contains(part))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its log contains this.
    pub async fn logs(&self, part: &str) {
        eventually(SOON, &format!("the log says {part:?}"), async || self.log().contains(part).then_some(()))
            .await
            .expect("in time");
    }

    /// SIGKILL.
    pub fn kill(self) {
        drop(self);
    }

    /// SIGTERM; answers how long it took to end, and how it ended.
    pub async fn terminate(mut self) -> (Duration, std::process::ExitStatus) {
        let began = Instant::now();
        self.process.signal(Signal::TERM).expect("sent");
        let status = self.ends().await;
        (began.elapsed(), status)
    }
}
