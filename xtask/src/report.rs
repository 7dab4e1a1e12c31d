//! Counts and prints what passed, failed and was skipped, stage by stage. It runs nothing.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// The first errors are the ones to mend; a thousand lines help nobody.
const SHOWN: usize = 120;

/// What a run came to.
#[derive(Default)]
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Report {
    /// Runs `command` as one stage that counts as one test. Its output is shown only when it fails, and kept for the caller.
    pub(crate) fn stage(&mut self, name: &str, command: &mut Command) -> bool {
        let started = begin(name);
        let outcome = command.stdin(Stdio::null()).output();
        match outcome {
            Ok(output) if output.status.success() => {
                println!("    ok, {} s", started.elapsed().as_secs());
                self.passed += 1;
                true
            }
            Ok(output) => {
                let text = [output.stdout, output.stderr].concat();
                self.fail(name, String::from_utf8_lossy(&text).trim());
                false
            }
            Err(error) => {
                self.fail(name, &format!("could not be started: {error}"));
                false
            }
        }
    }

    /// Counts passes.
    pub(crate) fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// Counts one failure and shows what there is to see.
    pub(crate) fn fail(&mut self, name: &str, output: &str) {
        let lines: Vec<&str> = output.lines().collect();
        let (shown, more) = lines.split_at(lines.len().min(SHOWN));
        for line in shown {
            println!("{line}");
        }
        if !more.is_empty() {
            println!("… {} more lines", more.len());
        }
        println!("    FAILED: {name}");
        self.failed.push(name.to_owned());
    }

    /// Counts one that could not run here.
    pub(crate) fn skip(&mut self, name_and_reason: &str) {
        println!("    SKIPPED: {name_and_reason}");
        self.skipped.push(name_and_reason.to_owned());
    }

    /// Counts a test that said it was skipped: to cargo it passed.
    pub(crate) fn skip_counted_as_passed(&mut self, name_and_reason: &str) {
        self.passed = self.passed.saturating_sub(1);
        self.skip(name_and_reason);
    }

    /// Prints the closing lines; the exit code says whether anything failed.
    pub(crate) fn close(&self) -> ExitCode {
        println!();
        for name in &self.failed {
            println!("failed: {name}");
        }
        for name_and_reason in &self.skipped {
            println!("skipped: {name_and_reason}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped.len());
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Announces a stage.
pub(crate) fn begin(name: &str) -> Instant {
    println!("==> {name}");
    Instant::now()
}
