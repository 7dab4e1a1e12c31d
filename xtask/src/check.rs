//! The stages that need no test to run: formatting, lints, documentation, generated files. It changes no file.

use crate::cargo::cargo;
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
}

/// The committed files that are made from the types are up to date (`cargo xtask generate`).
pub(crate) fn drift(report: &mut Report) {
    report.stage(
        "generated files are current",
        &mut cargo(["test", "--quiet", "--package", "tenantry", "--test", "generated"]).0,
    );
}
