//! What a test control plane is started with. It only holds settings.

use std::net::{IpAddr, Ipv4Addr};

/// How to start a control plane. `Options::default()` is etcd, kube-apiserver and kube-controller-manager: no nodes, no scheduler.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes that do not exist but make pods Running and Ready: `fake-node-0`, …
    pub nodes: usize,
    /// Whether kube-scheduler runs.
    pub scheduler: bool,
    /// Flags for kube-apiserver that come after ours, each `--name=value`.
    pub api_server_flags: Vec<String>,
    /// Flags for kube-controller-manager that come after ours, each `--name=value`.
    pub controller_manager_flags: Vec<String>,
    /// Whether kube-apiserver writes one JSON line per request (metadata, on completion) to `Cluster::audit_log`.
    pub audit_log: bool,
    /// The policy of that log, `audit.k8s.io/v1`; absent: the one above.
    pub audit_policy: Option<String>,
    /// Where kube-apiserver is reached; other than loopback inside an own network namespace, see `netns`.
    pub address: IpAddr,
    /// Whether etcd waits for the disk. Only a test that cuts the power needs it.
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 0,
            scheduler: false,
            api_server_flags: Vec::new(),
            controller_manager_flags: Vec::new(),
            audit_log: false,
            audit_policy: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            fsync: false,
        }
    }
}

impl Options {
    /// A control plane whose Deployments become Available: with a scheduler and `nodes` fake nodes.
    pub fn with_nodes(nodes: usize) -> Self {
        Self { nodes, scheduler: nodes > 0, ..Self::default() }
    }

    /// With one JSON line per request in `Cluster::audit_log`.
    #[must_use]
    pub fn with_audit_log(self) -> Self {
        Self { audit_log: true, ..self }
    }

    /// With what this policy says in `Cluster::audit_log`.
    #[must_use]
    pub fn with_audit_policy(self, policy: String) -> Self {
        Self { audit_log: true, audit_policy: Some(policy), ..self }
    }
}
