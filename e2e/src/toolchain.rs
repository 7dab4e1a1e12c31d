//! Builds the Go programs of this crate (the test control plane, a node, containerd, cert-manager, Helm) once and hands out their paths. It never downloads a
//! binary: everything is compiled from pinned modules.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use crate::cache::cache_folder;
use crate::process::{ProcessError, wait_for_exit};

/// The Go release that e2e/cluster/go.mod asks for.
const GO_WANTED: (u32, u32) = (1, 26);
/// What a control plane calls itself; without it, it says v0.0.0 and clients misbehave. As in e2e/cluster/go.mod.
const KUBERNETES: (&str, &str, &str) = ("v1.36.3", "1", "36");

/// Why a Go program could not be had. Each message ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// There is no `go` on the PATH.
    #[error(
        "building {program} needs Go 1.26 or newer and there is no `go` on the PATH: install it from https://go.dev/dl"
    )]
    NoGo {
        /// What was to be built.
        program: &'static str,
    },
    /// There is one, but an old one.
    #[error(
        "building {program} needs Go 1.26 or newer and `go env GOVERSION` says {found:?}: install a newer one from https://go.dev/dl"
    )]
    OldGo {
        /// What was to be built.
        program: &'static str,
        /// The answer of `go env GOVERSION`.
        found: String,
    },
    /// `go build` said no.
    #[error("building {program} with `go build` failed, the whole output is in {}:\n{tail}", log.display())]
    Build {
        /// What was to be built.
        program: &'static str,
        /// The output's last lines.
        tail: String,
        /// All of the output.
        log: PathBuf,
    },
    /// The cache folder or the sources could not be used.
    #[error("building {program}: {doing} {}: {source} (TENANTRY_CACHE names another cache folder)", path.display())]
    Files {
        /// What was to be built.
        program: &'static str,
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The build could not be watched.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// One Go program: where its sources are and how it is built.
struct GoProgram {
    name: &'static str,
    /// Folder of its module below this crate.
    module: &'static str,
    title: &'static str,
    first_time: &'static str,
    /// The first is built as `name`, others as the last part of their path, beside it.
    packages: &'static [&'static str],
    tags: &'static str,
    flags: String,
}

/// The test control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and fake-nodes in one program.
/// Blocks for minutes the first time, with progress on stderr.
pub fn control_plane() -> Result<PathBuf, ToolchainError> {
    let built = build(&control_plane_program())?;
    // kubectl by its own name, for people and for its plugins.
    let kubectl = built.with_file_name("kubectl");
    match symlink(&built, &kubectl) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(ToolchainError::Files { program: "kubectl", doing: "linking", path: kubectl, source })
        }
        _ => Ok(built),
    }
}

/// How long the first build takes, if the test control plane has not been built yet.
pub fn control_plane_is_missing() -> Option<&'static str> {
    let program = control_plane_program();
    let is_built = place(&program).is_ok_and(|(_, folder)| folder.join(program.name).exists());
    (!is_built).then_some(program.first_time)
}

fn control_plane_program() -> GoProgram {
    GoProgram {
        name: "cluster",
        module: "cluster",
        title: "the Kubernetes test control plane",
        first_time: "6 minutes on 2 cores, a minute less with the modules already there",
        packages: &["."],
        tags: "",
        flags: kubernetes_flags(),
    }
}

fn kubernetes_flags() -> String {
    let (version, major, minor) = KUBERNETES;
    let set = "k8s.io/component-base/version";
    format!("-s -w -X {set}.gitVersion={version} -X {set}.gitMajor={major} -X {set}.gitMinor={minor}")
}

/// kubelet, kube-proxy and what a node has besides. Blocks for minutes the first time, with progress on stderr.
pub fn node() -> Result<PathBuf, ToolchainError> {
    build(&GoProgram {
        name: "node",
        module: "cluster",
        title: "kubelet and kube-proxy",
        first_time: "4 minutes on 2 cores after the test control plane",
        packages: &["./node"],
        tags: "",
        flags: kubernetes_flags(),
    })
}

/// containerd, its shim and `ctr` in one folder, as pinned in `e2e/containerd/go.mod`. Blocks for minutes the first time, with progress on
/// stderr.
pub fn containerd() -> Result<PathBuf, ToolchainError> {
    build(&GoProgram {
        name: "containerd",
        module: "containerd",
        title: "containerd",
        first_time: "3 minutes on 2 cores",
        packages: &[
            "github.com/containerd/containerd/v2/cmd/containerd",
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "github.com/containerd/containerd/v2/cmd/ctr",
        ],
        tags: "no_btrfs,no_zfs,no_devmapper,no_aufs,no_tracing",
        flags: "-s -w".to_owned(),
    })
}

/// cert-manager's controllers, as pinned in `e2e/certificates/go.mod`. Blocks for minutes the first time, with progress on stderr.
pub fn cert_manager() -> Result<PathBuf, ToolchainError> {
    build(&GoProgram {
        name: "certificates",
        module: "certificates",
        title: "cert-manager",
        first_time: "3 minutes on 2 cores",
        packages: &["."],
        tags: "",
        flags: "-s -w".to_owned(),
    })
}

/// Helm, as pinned in `e2e/helm/go.mod`. Blocks for minutes the first time, with progress on stderr.
pub fn helm() -> Result<PathBuf, ToolchainError> {
    build(&GoProgram {
        name: "helm",
        module: "helm",
        title: "Helm",
        first_time: "3 minutes on 2 cores",
        packages: &["helm.sh/helm/v4/cmd/helm"],
        tags: "",
        flags: "-s -w".to_owned(),
    })
}

fn build(program: &GoProgram) -> Result<PathBuf, ToolchainError> {
    let title = program.title;
    let files = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| ToolchainError::Files { program: title, doing, path, source }
    };
    let (sources, folder) = place(program).map_err(|(path, source)| files("reading", &path)(source))?;
    let built = folder.join(program.name);
    if built.exists() {
        return Ok(built);
    }
    fs::create_dir_all(&folder).map_err(files("creating", &folder))?;

    // Two builders at once would each need 2 GiB and 6 minutes: the second waits for the first.
    let lock_path = folder.join("lock");
    let lock = File::create(&lock_path).map_err(files("opening", &lock_path))?;
    if lock.try_lock().is_err() {
        say(&format!("another process is building {title}, waiting for it …"));
        lock.lock().map_err(files("locking", &lock_path))?;
    }
    if built.exists() {
        return Ok(built);
    }

    require_go(title)?;
    let log_path = folder.join("build.log");
    let log = File::create(&log_path).map_err(files("creating", &log_path))?;
    let unfinished = folder.join("unfinished");
    let started = Instant::now();
    let mut child = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &program.flags, "-tags", program.tags, "-o"])
        // With the slash it is a folder of programs.
        .arg(unfinished.join(""))
        .args(program.packages)
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(files("opening", &log_path))?)
        .stderr(log)
        .spawn()
        .map_err(files("starting go build in", &sources))?;
    let announce = |passed: Duration| {
        let (minutes, seconds) = (passed.as_secs() / 60, passed.as_secs() % 60);
        say(&format!("building {title}, first time only: about {} … {minutes}:{seconds:02}", program.first_time));
    };
    announce(Duration::ZERO);
    let status = loop {
        if let Some(status) = wait_for_exit(&mut child, Duration::from_secs(20))? {
            break status;
        }
        announce(started.elapsed());
    };
    if !status.success() {
        let text = fs::read_to_string(&log_path).unwrap_or_default();
        return Err(ToolchainError::Build { program: title, tail: last_lines(&text, 15), log: log_path });
    }
    for package in program.packages.iter().skip(1) {
        let name = package.rsplit('/').next().unwrap_or_default();
        fs::rename(unfinished.join(name), folder.join(name)).map_err(files("moving the program from", &unfinished))?;
    }
    // Last: its being there says that all is.
    fs::rename(unfinished.join(program.name), &built).map_err(files("moving the program to", &built))?;
    say(&format!("built {title} in {} s", started.elapsed().as_secs()));
    Ok(built)
}

/// Where its sources are, and where it is once it is built.
fn place(program: &GoProgram) -> Result<(PathBuf, PathBuf), (PathBuf, io::Error)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(program.module);
    let own = program.packages.first().and_then(|package| package.strip_prefix("./"));
    match hash_sources(&sources, own, &program.flags) {
        Ok(hash) => Ok((sources, cache_folder().join(format!("{}-{hash:016x}", program.name)))),
        Err(error) => Err((sources, error)),
    }
}

/// A checkout with other sources or pins needs another program; the same sources find the one that is there. `own` is the folder of a
/// program that only shares a module with others.
fn hash_sources(module: &Path, own: Option<&str>, flags: &str) -> io::Result<u64> {
    let mut paths: Vec<PathBuf> = fs::read_dir(own.map_or(module.to_owned(), |own| module.join(own)))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.is_file())
        .collect();
    if own.is_some() {
        paths.extend(["go.mod", "go.sum"].map(|pins| module.join(pins)));
    }
    paths.sort();
    let mut hash = Xxh3::new();
    hash.update(flags.as_bytes());
    for path in paths {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(&fs::read(&path)?);
    }
    Ok(hash.digest())
}

fn require_go(program: &'static str) -> Result<(), ToolchainError> {
    let output = Command::new("go").args(["env", "GOVERSION"]).output();
    let Ok(output) = output else { return Err(ToolchainError::NoGo { program }) };
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if parse_go_version(&found).is_some_and(|version| version >= GO_WANTED) {
        Ok(())
    } else {
        Err(ToolchainError::OldGo { program, found })
    }
}

fn parse_go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The end of a log, for an error message.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// To stderr itself, because `cargo test` hides what `eprintln!` prints for as long as a test runs.
fn say(line: &str) {
    // Progress that nobody can read is no reason to fail.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::{last_lines, parse_go_version};

    #[test]
    fn go_versions_are_compared_by_number() {
        assert_eq!(parse_go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(parse_go_version("go1.9"), Some((1, 9)));
        assert_eq!(parse_go_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse_go_version("devel +abc"), None);
        assert!(parse_go_version("go1.9") < Some(super::GO_WANTED));
    }

    #[test]
    fn the_end_of_a_log() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
    }
}
