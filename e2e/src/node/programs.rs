//! The programs of a node: ours and containerd from Go modules, runc, nft and the CNI plugins from Debian, what runs in pods from this
//! workspace. It builds and fetches; it starts nothing.

use std::env::{join_paths, split_paths};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::{self, NotInstalled};
use crate::toolchain::{self, ToolchainError};

/// Names what `cargo xtask pod-programs` has built.
pub const POD_PROGRAMS: &str = "TENANTRY_POD_PROGRAMS";
/// What nft and runc need comes with them: the machine's own libraries are left alone.
const DEBIAN: [&str; 13] = [
    "containernetworking-plugins",
    "libbsd0",
    "libedit2",
    "libgmp10",
    "libjansson4",
    "libmd0",
    "libmnl0",
    "libnftables1",
    "libnftnl11",
    "libseccomp2",
    "libxtables12",
    "nftables",
    "runc",
];

/// Why one of them is not there. Reason enough to skip a test.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// A Go program.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A Debian package.
    #[error(transparent)]
    Package(#[from] NotInstalled),
    /// What runs in pods.
    #[error("{} does not exist: run `cargo xtask pod-programs`", .0.display())]
    PodPrograms(PathBuf),
}

/// Where they are.
#[derive(Clone, Debug)]
pub struct Programs {
    node: PathBuf,
    containerd: PathBuf,
    debian: PathBuf,
    in_pods: PathBuf,
}

impl Programs {
    /// Finds them, building and fetching what is missing: minutes the first time, with progress on stderr. Blocks.
    pub fn get() -> Result<Self, Missing> {
        let in_pods = pod_programs();
        if !in_pods.exists() {
            return Err(Missing::PodPrograms(in_pods));
        }
        // In a room there is no way to fetch modules.
        toolchain::control_plane()?;
        Ok(Self {
            debian: packages::debian("node", &DEBIAN)?,
            node: toolchain::node()?,
            containerd: toolchain::containerd()?,
            in_pods,
        })
    }

    /// A command that runs the program `name` where it finds what it needs.
    pub fn command(&self, name: &str) -> Command {
        let debian = |path: &str| self.debian.join(path);
        let mut command = match name {
            "containerd" => Command::new(&self.containerd),
            "ctr" => Command::new(self.containerd.with_file_name("ctr")),
            "nft" => Command::new(debian("usr/sbin/nft")),
            ours => {
                let mut command = Command::new(&self.node);
                command.arg(ours);
                command
            }
        };
        let before = std::env::var_os("PATH").unwrap_or_default();
        let ours = [self.containerd.parent().unwrap_or(Path::new("/")).to_owned(), debian("usr/sbin")];
        let library = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
        let libraries = [debian(&format!("usr/{library}")), debian(&library)];
        // A path with a colon in it would join to nothing, and then the program says what it misses.
        command.env("PATH", join_paths(ours.into_iter().chain(split_paths(&before))).unwrap_or_default());
        command.env("LD_LIBRARY_PATH", join_paths(libraries).unwrap_or_default());
        command
    }

    /// The program `node`.
    pub(crate) fn node(&self) -> &Path {
        &self.node
    }

    /// The program `programs`.
    pub(crate) fn in_pods(&self) -> &Path {
        &self.in_pods
    }

    /// The operator as a static program, where `cargo xtask e2e node` builds it: beside those of pods.
    pub fn operator(&self) -> PathBuf {
        self.in_pods.with_file_name("tenantry")
    }

    /// runc.
    pub(crate) fn runc(&self) -> PathBuf {
        self.debian.join("usr/sbin/runc")
    }

    /// The folder of CNI plugins.
    pub(crate) fn network_plugins(&self) -> PathBuf {
        self.debian.join("usr/lib/cni")
    }
}

/// As the variable says, else in the target folder that this program was built in.
fn pod_programs() -> PathBuf {
    let given = std::env::var_os(POD_PROGRAMS).map(PathBuf::from);
    given.unwrap_or_else(|| {
        let ourselves = std::env::current_exe().unwrap_or_default();
        let target = ourselves.ancestors().nth(3).unwrap_or(Path::new("target"));
        target.join(format!("pods/{}-unknown-linux-gnu/release/programs", std::env::consts::ARCH))
    })
}
