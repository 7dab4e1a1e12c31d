//! `e2e tools`: builds the Go programs now, so that later commands find them.

use tenantry_e2e::{kubectl::kubectl_path, toolchain};

use super::CommandError;

/// Build the test control plane and Helm (once; minutes the first time) and print where they are.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(Arguments {}: &Arguments) -> Result<(), CommandError> {
    println!("control plane: {}", toolchain::control_plane()?.display());
    println!("kubectl:       {}", kubectl_path()?.display());
    println!("helm:          {}", toolchain::helm()?.display());
    Ok(())
}
