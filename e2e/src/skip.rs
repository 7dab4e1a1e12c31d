//! How a test says that it cannot run here. Such a test is counted as skipped, never as passed; the reason is always printed.

use std::fs::File;
use std::io::{self, Write as _};

/// Notes that the test `name` is skipped, and why: a line on stdout, and one in the file that `TENANTRY_SKIPPED` names, which is how
/// `cargo xtask test` counts. Use [`crate::skip!`], which also returns from the test.
pub fn note(name: &str, reason: &str) {
    let line = format!("SKIPPED: {name}: {reason}\n");
    // Not println!: the harness hides the output of a test that passes.
    let _ = io::stdout().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("TENANTRY_SKIPPED") {
        // One small write in append mode: lines of tests that run side by side do not mix.
        let _ =
            File::options().create(true).append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// Skips the test it stands in: notes the reason and returns.
///
/// ```no_run
/// # fn has_root() -> bool { false }
/// fn needs_root() {
///     if !has_root() {
///         tenantry_e2e::skip!("needs root");
///     }
/// }
/// ```
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        let name = ::std::thread::current().name().unwrap_or(module_path!()).to_owned();
        $crate::skip::note(&name, &format!($($reason)+));
        return;
    }};
}
