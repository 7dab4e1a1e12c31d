//! The cargo that runs us, called as if by hand.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

/// A call of cargo without what cargo has set for the program that it runs, which is us. Build scripts such as ring's look at some of it, and would
/// run anew, with all that is built on them, whenever another program calls.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_one_run(name)) {
        command.env_remove(name);
    }
    command
}

/// What people set, such as `CARGO_TARGET_DIR`, is none of it.
fn is_of_one_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
        || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_sets_for_a_run_is_told_from_what_people_set() {
        for removed in ["CARGO", "CARGO_PKG_VERSION_PRE", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS", "OUT_DIR"] {
            assert!(is_of_one_run(OsStr::new(removed)), "{removed}");
        }
        for kept in ["CARGO_TARGET_DIR", "CARGO_HOME", "CARGO_BUILD_JOBS", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_of_one_run(OsStr::new(kept)), "{kept}");
        }
    }
}
