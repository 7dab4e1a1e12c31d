//! The stages that need no test to run: formatting, lints, documentation, generated files. It changes no file.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::{cargo, root};
use crate::report::Report;

/// fmt, clippy and doc, warnings denied.
pub(crate) fn run(report: &mut Report) {
    // Names of files only: `cargo fmt --all` shows and mends the rest.
    report.stage("fmt", &mut cargo(["fmt", "--all", "--", "--check", "--files-with-diff", "--color=never"]).0);
    report.stage(
        "clippy",
        &mut cargo(["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"]).0,
    );
    report.stage(
        "doc",
        &mut cargo(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "--deny warnings")
            .0,
    );
    // Whether they are caught takes half an hour (`cargo xtask mutants`); that they still say what they mean, a moment.
    let mut apply = Command::new("git");
    apply.current_dir(root()).args(["apply", "--check"]).args(seeded_bugs());
    report.stage("the seeded bugs still apply", &mut apply);
}

fn seeded_bugs() -> Vec<PathBuf> {
    let folder = root().join("operator/tenantry-testkit/mutations");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "patch")).collect()
}

/// The committed files that are made from the types are up to date (`cargo xtask generate`).
pub(crate) fn drift(report: &mut Report) {
    report.stage(
        "generated files are current",
        &mut cargo(["test", "--quiet", "--package", "tenantry", "--test", "generated"]).0,
    );
}
