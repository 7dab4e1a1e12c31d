//! `e2e bridge-image`: the image of the bridge for MCP servers that speak to standard input and output.

use std::path::PathBuf;

use tenantry_e2e::image::{self, Image};

use super::CommandError;

/// Write the image of the stdio bridge as a docker archive.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The static program
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Name of the image
    #[arg(long)]
    tag: String,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let folder = tempfile::tempdir()?;
    let image = Image { tag: arguments.tag.clone(), entrypoint: vec!["/tenantry-bridge".to_owned()] };
    let output = std::path::absolute(&arguments.output)?;
    image::write(&arguments.program, "tenantry-bridge", &[image], &folder.path().join("image"), &output)?;
    println!("wrote {} as {}", arguments.tag, output.display());
    Ok(())
}
