//! Reads what `cargo test` prints, program by program. It prints nothing.

/// One test program that has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// As cargo names it: `tests/cluster.rs`, `unittests src/lib.rs (tenantry_core)`, `doc-tests tenantry_core`.
    pub(crate) name: String,
    pub(crate) passed: usize,
    pub(crate) failed: Vec<String>,
    pub(crate) ignored: usize,
    /// What the failed tests printed.
    pub(crate) details: String,
}

/// The output so far.
#[derive(Default)]
pub(crate) struct TestOutput {
    name: String,
    lines: Vec<String>,
    failures: usize,
}

impl TestOutput {
    /// Takes in one line; answers the program that this line ends.
    pub(crate) fn read(&mut self, line: &str) -> Option<Finished> {
        if let Some(name) = program_name(line) {
            self.name = name;
            self.lines.clear();
            return None;
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            let failed = self.failed_tests();
            self.failures += failed.len();
            let details = self.details();
            self.lines.clear();
            return Some(Finished {
                name: self.name.clone(),
                passed: number_before(counts, " passed"),
                ignored: number_before(counts, " ignored"),
                failed,
                details,
            });
        }
        self.lines.push(line.to_owned());
        None
    }

    /// Whether a failed test has been seen that explains why cargo failed.
    pub(crate) fn explains_failure(&self) -> bool {
        // What comes after the last result is cargo's summary, unless a program died half-way or did not compile.
        self.failures > 0
            && !self.lines.iter().any(|line| line.contains("could not compile") || line.contains("signal:"))
    }

    /// The last lines that belong to no finished program: why it did not compile, or what it said before it died.
    pub(crate) fn rest(&self) -> String {
        self.lines[self.lines.len().saturating_sub(80)..].join("\n")
    }

    fn failed_tests(&self) -> Vec<String> {
        let name = |line: &String| line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned);
        self.lines.iter().filter_map(name).collect()
    }

    fn details(&self) -> String {
        let start = self.lines.iter().position(|line| line == "failures:").unwrap_or(self.lines.len());
        self.lines[start..].join("\n")
    }
}

/// From `     Running tests/cluster.rs (target/debug/deps/cluster-0b7f01)` and `   Doc-tests tenantry_core`.
fn program_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("doc-tests {name}"));
    }
    let (what, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.split_once(" (")?;
    let program = path.rsplit('/').next()?.rsplit_once('-')?.0;
    Some(format!("{what} ({program})"))
}

fn number_before(counts: &str, word: &str) -> usize {
    let Some(end) = counts.find(word) else { return 0 };
    counts[..end].rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::TestOutput;

    const OUTPUT: &str = "\
   Compiling tenantry-e2e v0.1.0
     Running tests/cluster.rs (target/debug/deps/cluster-0b7f011303873131)

running 3 tests
test one ... ok
test two ... FAILED
test three ... ignored

failures:

---- two stdout ----
it broke

failures:
    two

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

error: test failed, to rerun pass `-p tenantry-e2e --test cluster`
   Doc-tests tenantry_core

test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

error: 1 target failed:";

    #[test]
    fn counts_each_program() {
        let mut output = TestOutput::default();
        let finished: Vec<_> = OUTPUT.lines().filter_map(|line| output.read(line)).collect();
        assert_eq!(finished.len(), 2);
        assert_eq!(finished[0].name, "tests/cluster.rs (cluster)");
        assert_eq!((finished[0].passed, finished[0].ignored), (1, 1));
        assert_eq!(finished[0].failed, ["two"]);
        assert!(finished[0].details.contains("it broke") && !finished[0].details.contains("test one"));
        assert_eq!((finished[1].name.as_str(), finished[1].passed), ("doc-tests tenantry_core", 12));
        assert!(output.explains_failure());
    }

    #[test]
    fn a_compile_error_is_no_result() {
        let mut output = TestOutput::default();
        let text = "error[E0308]: mismatched types\nerror: could not compile `tenantry` (lib) due to 1 previous error";
        assert!(text.lines().all(|line| output.read(line).is_none()));
        assert!(!output.explains_failure());
        assert_eq!(output.rest(), text);
    }
}
