//! What the programs of a node read at their start, as text.

use std::fs;
use std::path::{Path, PathBuf};

use super::images::PAUSE;
use super::programs::Programs;
use super::room::CGROUP;
use super::{NodeError, POD_NETWORK};

/// Address of the Service of cluster DNS.
pub(super) const DNS: &str = "10.96.0.10";

/// Where containerd listens.
pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("containerd.sock")
}

/// Writes all but kube-proxy's.
pub(super) fn write(programs: &Programs, folder: &Path, cluster: &Path) -> Result<(), NodeError> {
    let networks = folder.join("networks");
    fs::create_dir_all(&networks).map_err(failed(&networks))?;
    put(&folder.join("containerd.toml"), &containerd(programs, folder))?;
    put(&networks.join("10-pods.conflist"), &network(folder))?;
    // Pods ask our DNS and nobody else.
    put(&folder.join("resolv.conf"), "")?;
    put(&folder.join("kubelet.yaml"), &kubelet(folder, &cluster.join("pki")))
}

/// Writes kube-proxy's. Without the zeros it would change settings of the whole machine.
pub(super) fn write_proxy(path: &Path, kubeconfig: &Path) -> Result<(), NodeError> {
    let text = format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: {POD_NETWORK}
clientConnection: {{kubeconfig: {kubeconfig}}}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
nftables: {{syncPeriod: 30s, minSyncPeriod: 100ms}}
",
        kubeconfig = kubeconfig.display()
    );
    put(path, &text)
}

/// `restrict_oom_score_adj`: root of a virtual machine may lack the right to lower it, and then no pod starts.
fn containerd(programs: &Programs, folder: &Path) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    format!(
        "version = 3
root = '{root}'
state = '{state}'
disabled_plugins = ['io.containerd.nri.v1.nri']
[grpc]
  address = '{socket}'
[ttrpc]
  address = '{socket}.ttrpc'
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{plugins}']
  conf_dir = '{networks}'
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = 'runc'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '{runc}'
  SystemdCgroup = false
",
        root = at("containerd-root"),
        state = at("containerd-state"),
        socket = socket(folder).display(),
        plugins = programs.network_plugins().display(),
        networks = at("networks"),
        runc = programs.runc().display(),
    )
}

fn network(folder: &Path) -> String {
    let leases = folder.join("leases").display().to_string();
    serde_json::json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
            "ipam": {
                "type": "host-local", "ranges": [[{ "subnet": POD_NETWORK }]], "routes": [{ "dst": "0.0.0.0/0" }], "dataDir": leases,
            },
        }],
    })
    .to_string()
}

/// `address`: exec and logs dial the node's address. `failCgroupV1`: machines with both versions exist.
fn kubelet(folder: &Path, pki: &Path) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {pki}/ca.crt}}
authorization: {{mode: Webhook}}
cgroupDriver: cgroupfs
cgroupRoot: /{CGROUP}
clusterDNS: [{DNS}]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://{socket}
enforceNodeAllocatable: [pods]
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
failCgroupV1: false
failSwapOn: false
imageServiceEndpoint: unix://{socket}
nodeStatusUpdateFrequency: 2s
podLogsDir: {logs}
resolvConf: {resolver}
tlsCertFile: {pki}/serving.crt
tlsPrivateKeyFile: {pki}/serving.key
volumePluginDir: {plugins}
",
        pki = pki.display(),
        socket = socket(folder).display(),
        logs = at("pod-logs"),
        resolver = at("resolv.conf"),
        plugins = at("volume-plugins"),
    )
}

fn put(path: &Path, text: &str) -> Result<(), NodeError> {
    fs::write(path, text).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> NodeError {
    let doing = format!("writing {}", path.display());
    move |source| NodeError::Files { doing, source }
}
