//! What happens around the build of the Go programs, with a `go` that only pretends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// `e2e tools` with an empty cache and this `go` alone on the PATH.
fn tools(folder: &Path, go: Option<&str>) -> Command {
    let path = folder.join("bin");
    fs::create_dir_all(&path).expect("created");
    if let Some(script) = go {
        let file = path.join("go");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("made executable");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_e2e"));
    command.arg("tools").env("PATH", &path).env("TENANTRY_CACHE", folder.join("cache"));
    command
}

/// `go build -trimpath -ldflags FLAGS -tags TAGS -o FOLDER PACKAGE`; a package is called as the last part of its path.
const PRETENDING: &str = r#"case "$1" in
env) echo go1.26.8;;
build) echo built >> "$LOG"; /bin/mkdir -p "$8"; name="${9##*/}"; [ "$name" = . ] && name=cluster; echo program > "$8$name";;
esac"#;

fn run(mut command: Command) -> (Output, String) {
    let output = command.output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, text)
}

#[test]
fn a_machine_without_go_is_told_where_to_get_it() {
    let folder = TempDir::new().expect("made");
    let (output, text) = run(tools(folder.path(), None));
    assert!(!output.status.success());
    assert_eq!(
        text.trim_end(),
        "error: building the Kubernetes test control plane needs Go 1.26 or newer and there is no `go` on the PATH: install it from \
         https://go.dev/dl"
    );
}

#[test]
fn an_old_go_is_named() {
    let folder = TempDir::new().expect("made");
    let (output, text) = run(tools(folder.path(), Some("echo go1.21.3")));
    assert!(!output.status.success());
    assert!(text.contains(r#"`go env GOVERSION` says "go1.21.3": install a newer one"#), "{text}");
}

#[test]
fn a_failed_build_shows_its_end_and_is_tried_again() {
    let folder = TempDir::new().expect("made");
    let failing = r#"case "$1" in env) echo go1.26.8;; build) echo "main.go:7: no such module"; exit 1;; esac"#;
    let (output, text) = run(tools(folder.path(), Some(failing)));
    assert!(!output.status.success());
    assert!(text.contains("main.go:7: no such module") && text.contains("build.log"), "{text}");

    let mut again = tools(folder.path(), Some(PRETENDING));
    again.env("LOG", folder.path().join("log"));
    assert!(run(again).0.status.success());
}

#[test]
fn two_builders_build_once() {
    let folder = TempDir::new().expect("made");
    let log = folder.path().join("log");
    let children: Vec<_> = [(); 2]
        .into_iter()
        .map(|()| {
            tools(folder.path(), Some(PRETENDING))
                .env("LOG", &log)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    let builds = fs::read_to_string(&log).expect("written").lines().count();
    assert_eq!(builds, 2, "the control plane and Helm, once each");
}
