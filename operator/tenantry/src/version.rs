//! `tenantry version`: what this program is. Asks no cluster.

use std::io::Write;

use serde::Serialize;

use crate::cli::Exit;
use crate::failure::Failure;
use crate::format::{self, Structured};

/// The Kubernetes version whose API this program was compiled against.
const KUBERNETES_API: &str = "1.36";

/// Print the version.
#[derive(Debug, clap::Args)]
pub(crate) struct VersionArgs {
    /// Print it for a machine.
    #[arg(short, long, value_enum)]
    output: Option<Structured>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    kubernetes_api: &'static str,
    custom_resources: Vec<String>,
}

pub(crate) fn execute(args: &VersionArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        kubernetes_api: KUBERNETES_API,
        custom_resources: tenantry_core::kinds::KINDS
            .iter()
            .map(|kind| format!("{}.{}", kind.resource.plural, kind.resource.api_version()))
            .collect(),
    };
    match args.output {
        Some(Structured::Json) => write!(out, "{}", format::json(&version)?)?,
        Some(Structured::Yaml) => write!(out, "{}", format::yaml(&version)?)?,
        None => writeln!(out, "tenantry {} (Kubernetes API {})", version.version, version.kubernetes_api)?,
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_compiled_against() {
        let feature = format!("v{}", super::KUBERNETES_API.replace('.', "_"));
        assert!(include_str!("../../../Cargo.toml").contains(&format!("features = [\"{feature}\"]")), "{feature}");
    }
}
