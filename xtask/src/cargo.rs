//! Calls cargo in the root of the repository. It reads nothing that cargo prints.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A call of cargo that has not been made yet.
pub(crate) struct Cargo(pub(crate) Command);

/// `cargo <arguments>`, the same cargo that runs us.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Cargo {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_one_run(name)) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(root());
    Cargo(command)
}

/// Whether cargo has set it for the program that it runs, which is us. Build scripts such as ring's look at some of these, so they would run
/// anew whenever cargo is called by us and not by hand. What people set, such as `CARGO_TARGET_DIR`, is none of them.
/// As `tenantry_e2e::cargo`, which this crate does without.
fn is_of_one_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&&*name)
}

impl Cargo {
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Replaces this process, so that Ctrl-C and exit codes are the program's own.
    pub(crate) fn become_it(mut self) -> ExitCode {
        let error = self.0.exec();
        eprintln!("error: starting cargo: {error}");
        ExitCode::FAILURE
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// As `tenantry_e2e::cache::cache_folder`, which this crate does without, so that `cargo xtask` itself builds in seconds.
pub(crate) fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("TENANTRY_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("tenantry")))
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache").join("tenantry")))
        .unwrap_or_else(|| std::env::temp_dir().join("tenantry-cache"))
}
