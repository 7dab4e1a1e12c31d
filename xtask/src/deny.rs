//! cargo-deny: licences, bans, sources and, where GitHub can be reached, advisories. It installs cargo-deny once, into the cache.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::{cache_folder, cargo, root};
use crate::report::{Report, begin};

const VERSION: &str = "0.20.2";

/// Runs what deny.toml says.
pub(crate) fn run(report: &mut Report) {
    let Some(program) = program(report) else { return };
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(root());
        command
    };
    // It reads every crate of the lock file, also those of systems that nothing was built for here.
    let mut fetch = cargo(["fetch", "--locked"]);
    if !report.stage("deny: fetching every crate of Cargo.lock", &mut fetch.0) {
        return;
    }
    report.stage("deny: bans, licenses, sources", deny().args(["--offline", "check", "bans", "licenses", "sources"]));

    let started = begin("deny: advisories");
    match deny().args(["check", "advisories"]).output() {
        Ok(output) if output.status.success() => {
            println!("    ok, {} s", started.elapsed().as_secs());
            report.pass(1);
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            if text.contains("failed to fetch advisory database") {
                report.skip("deny: advisories: the RustSec database on GitHub cannot be reached from here");
            } else {
                report.fail("deny: advisories", text.trim());
            }
        }
        Err(error) => report.fail("deny: advisories", &error.to_string()),
    }
}

/// The one that is installed already, or ours.
fn program(report: &mut Report) -> Option<PathBuf> {
    if Command::new("cargo-deny").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Some("cargo-deny".into());
    }
    let folder = cache_folder().join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if program.exists() {
        return Some(program);
    }
    // Unoptimised: it builds in a third of the time and runs for a second.
    let mut install =
        cargo(["install", "--locked", "--debug", "--version", VERSION, "cargo-deny", "--root"]).args([&folder]);
    report
        .stage("installing cargo-deny, first time only: about 4 minutes on 2 cores", &mut install.0)
        .then_some(program)
}
