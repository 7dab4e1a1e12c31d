//! `cargo xtask test`: every test of the workspace. Which tests there are is cargo's to know.

use std::fs;
use std::io::{BufRead as _, BufReader, pipe};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::cargo::{cargo, target_folder};
use crate::report::{Report, begin};
use crate::test_output::{Finished, TestOutput};

/// Builds everything, then runs all tests.
pub(crate) fn run(report: &mut Report) {
    if !report.stage("building all tests", &mut cargo(["test", "--quiet", "--workspace", "--no-run"]).0) {
        return;
    }
    build_tools(report);

    begin("tests");
    let skipped_file = std::env::temp_dir().join(format!("tenantry-skipped-{}", std::process::id()));
    // One selection of packages, so that dependencies are built with one set of features.
    let mut command = cargo(["test", "--workspace", "--no-fail-fast"])
        .env("TENANTRY_SKIPPED", &skipped_file)
        .env("RUST_BACKTRACE", "0");
    if let Err(error) = run_tests(report, &mut command.0) {
        report.fail("tests", &format!("could not be run: {error}"));
    }
    let skipped = fs::read_to_string(&skipped_file).unwrap_or_default();
    for line in skipped.lines() {
        report.skip_counted_as_passed(line.trim_start_matches("SKIPPED: "));
    }
    // Absent when nothing was skipped.
    let _ = fs::remove_file(&skipped_file);
}

/// Minutes the first time: as a stage of its own, with its progress on the terminal.
fn build_tools(report: &mut Report) {
    let started = begin("test control plane and Helm");
    // Not by `cargo run --package`, which would build all dependencies again with this one package's features.
    let mut command = Command::new(target_folder().join("debug/e2e"));
    match command.arg("tools").stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {
            println!("    ok, {} s", started.elapsed().as_secs());
            report.pass(1);
        }
        Ok(status) => report.fail("test control plane and Helm", &status.to_string()),
        Err(error) => report.fail("test control plane and Helm", &error.to_string()),
    }
}

fn run_tests(report: &mut Report, command: &mut Command) -> std::io::Result<()> {
    // Both through one pipe: cargo names the program on stderr, its results come on stdout.
    let (reader, writer) = pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command holds the writing end, too: without it the pipe ends with the child.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut output = TestOutput::default();
    let mut started = Instant::now();
    for line in BufReader::new(reader).lines() {
        let Some(finished) = output.read(&line?) else { continue };
        let Finished { name, passed, failed, ignored, details } = finished;
        if passed + failed.len() + ignored > 0 {
            println!(
                "    {name}: {passed} passed, {} failed, {ignored} ignored, {} s",
                failed.len(),
                started.elapsed().as_secs()
            );
        }
        report.pass(passed);
        // What the tests printed is shown once, before their names.
        let mut output = details.as_str();
        for test in &failed {
            report.fail(&format!("{name}: {test}"), std::mem::take(&mut output));
        }
        for _ in 0..ignored {
            report.skip(&format!("{name}: an ignored test"));
        }
        started = Instant::now();
    }
    if !child.wait()?.success() && !output.explains_failure() {
        report.fail("tests", &output.rest());
    }
    Ok(())
}
