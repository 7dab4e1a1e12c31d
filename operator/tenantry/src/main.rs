//! The `tenantry` program. Everything it does is in the library beside it; this only hands over and exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantry::cli::main(std::env::args_os())
}
