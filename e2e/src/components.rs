//! The processes of a control plane and the flags each is started with. It starts nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::Options;

/// File name of the audit log.
pub(crate) const AUDIT_LOG: &str = "audit.jsonl";

/// One process of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The store.
    Etcd,
    /// The API.
    ApiServer,
    /// Namespaces, quota, garbage collection, ServiceAccounts, Deployments, …
    ControllerManager,
    /// Binds pods to nodes.
    Scheduler,
    /// Plays kubelet for nodes that do not exist.
    FakeNodes,
}

impl Component {
    /// The name of its program and of its log file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::FakeNodes => "fake-nodes",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the programs are: ours, or somebody's own builds in `KUBEBUILDER_ASSETS`, which may lack some.
#[derive(Clone, Debug)]
pub struct Programs {
    ours: PathBuf,
    assets: Option<PathBuf>,
}

impl Programs {
    /// `ours` is the program of `toolchain::control_plane`; `KUBEBUILDER_ASSETS` is honoured when set.
    pub fn new(ours: PathBuf) -> Self {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { ours, assets }
    }

    /// A command that runs the program `name`, without flags yet.
    pub fn command(&self, name: &str) -> Command {
        let foreign = self.assets.as_ref().map(|folder| folder.join(name)).filter(|path| path.exists());
        let mut command = Command::new(&self.ours);
        match foreign {
            // By way of ours, so that the kernel ends it, too, when we are gone.
            Some(path) => command.arg("exec").arg(path),
            None => command.arg(name),
        };
        command
    }
}

/// The loopback ports of one control plane.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// kube-apiserver.
    pub api: u16,
    /// etcd for clients.
    pub etcd: u16,
    /// etcd for peers, of which there are none.
    pub etcd_peer: u16,
}

/// Everything that flags are made from.
#[derive(Debug)]
pub struct Layout<'a> {
    /// The cluster's folder; `pki/`, `etcd/` and the kubeconfigs are in it.
    pub folder: &'a Path,
    /// The folder of its logs.
    pub logs: &'a Path,
    /// Its ports.
    pub ports: Ports,
    /// What was asked for.
    pub options: &'a Options,
}

impl Layout<'_> {
    /// Adds the flags of `component` to `command`.
    pub fn add_flags(&self, component: Component, command: &mut Command) {
        match component {
            Component::Etcd => self.add_etcd_flags(command),
            Component::ApiServer => self.add_api_server_flags(command),
            Component::ControllerManager => self.add_controller_manager_flags(command),
            Component::Scheduler => {
                command.arg(self.kubeconfig_flag(component)).args(["--leader-elect=false", "--secure-port=0"]);
            }
            Component::FakeNodes => {
                command.arg(self.kubeconfig_flag(component)).arg(format!("--nodes={}", self.options.nodes));
            }
        }
    }

    fn add_etcd_flags(&self, command: &mut Command) {
        let clients = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peers = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        command
            .arg(format!("--data-dir={}", self.path("etcd")))
            .arg(format!("--listen-client-urls={clients}"))
            .arg(format!("--advertise-client-urls={clients}"))
            .arg(format!("--listen-peer-urls={peers}"))
            .arg(format!("--initial-advertise-peer-urls={peers}"))
            .arg(format!("--initial-cluster=default={peers}"))
            .args(["--log-level=warn", "--quota-backend-bytes=4294967296"]);
        if !self.options.fsync {
            command.arg("--unsafe-no-fsync");
        }
    }

    fn add_api_server_flags(&self, command: &mut Command) {
        let address = self.options.address;
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd))
            .arg(format!("--secure-port={}", self.ports.api))
            .arg(format!("--advertise-address={address}"))
            .arg(format!("--bind-address={}", if address.is_loopback() { "127.0.0.1" } else { "0.0.0.0" }))
            // Endpoints refuse loopback addresses; without this it would say so every ten seconds.
            .arg(format!("--endpoint-reconciler-type={}", if address.is_loopback() { "none" } else { "lease" }))
            .args([
                "--service-cluster-ip-range=10.96.0.0/12",
                "--authorization-mode=Node,RBAC",
                "--allow-privileged=true",
            ])
            .arg(format!("--cert-dir={}", self.path("pki")))
            .args(self.pki_flags(&[
                ("tls-cert-file", "serving.crt"),
                ("tls-private-key-file", "serving.key"),
                ("client-ca-file", "ca.crt"),
                ("service-account-key-file", "tokens.pub"),
                ("service-account-signing-key-file", "tokens.key"),
                ("requestheader-client-ca-file", "front-proxy-ca.crt"),
                ("proxy-client-cert-file", "front-proxy.crt"),
                ("proxy-client-key-file", "front-proxy.key"),
                ("kubelet-client-certificate", "kubelet-client.crt"),
                ("kubelet-client-key", "kubelet-client.key"),
            ]))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            // Nobody knows nodes by their names.
            .arg("--kubelet-preferred-address-types=InternalIP")
            .args(["--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User"])
            .args([
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            ]);
        if self.options.audit_log {
            command
                .arg(format!("--audit-policy-file={}", self.path("audit-policy.yaml")))
                .arg(format!("--audit-log-path={}", self.logs.join(AUDIT_LOG).display()))
                // In megabytes: a benchmark must not lose its first half to rotation.
                .arg("--audit-log-maxsize=20000");
        }
        command.args(&self.options.api_server_flags);
    }

    fn add_controller_manager_flags(&self, command: &mut Command) {
        command
            .arg(self.kubeconfig_flag(Component::ControllerManager))
            .args(["--leader-elect=false", "--secure-port=0", "--use-service-account-credentials"])
            // With the defaults the first ServiceAccount takes 6 s and every HPA test half a minute.
            .args(["--kube-api-qps=300", "--kube-api-burst=600", "--horizontal-pod-autoscaler-sync-period=2s"])
            .args(self.pki_flags(&[
                ("root-ca-file", "ca.crt"),
                ("service-account-private-key-file", "tokens.key"),
                ("cluster-signing-cert-file", "ca.crt"),
                ("cluster-signing-key-file", "ca.key"),
            ]))
            .args(&self.options.controller_manager_flags);
    }

    fn pki_flags(&self, flags: &[(&str, &str)]) -> Vec<String> {
        flags.iter().map(|(flag, file)| format!("--{flag}={}", self.path(&format!("pki/{file}")))).collect()
    }

    fn kubeconfig_flag(&self, component: Component) -> String {
        format!("--kubeconfig={}", self.path(&format!("{component}.kubeconfig")))
    }

    fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}
