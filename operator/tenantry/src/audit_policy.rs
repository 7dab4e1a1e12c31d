//! `tenantry audit-policy`: prints the API server's audit policy for the tenants of a cluster, or of files. It changes nothing:
//! the file is given to the API server by whoever runs that.

use std::io::Write;
use std::path::PathBuf;

use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;
use tenantry_core::audit;
use tenantry_core::fields::AuditLevel;
use tenantry_core::kinds::tenant::types::Tenant;
use tenantry_core::kinds::tenant_class::types::TenantClass;
use tenantry_core::resources::{Resource, TENANT, TENANT_CLASS};

use crate::cli::Exit;
use crate::connect::{ConnectArgs, Connection, Patience};
use crate::failure::Failure;
use crate::format::{self, Structured};
use crate::manifest::{self, Manifest};

const EXAMPLES: &str = "\
Examples:
  tenantry audit-policy > /etc/kubernetes/audit-policy.yaml     for the tenants that the cluster has
  tenantry audit-policy -f tenants/ -f classes.yaml             for those in Git
  tenantry audit-policy --rest none                             to put rules of your own after it

Make it again when a tenant or an environment is added, or changes its spec.audit. See docs/audit.md.";

/// Print the API server's audit policy, which records tenants' writes at the level each Tenant asks for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuditPolicyArgs {
    /// Files or folders with Tenants and TenantClasses, as YAML or JSON; `-` for stdin. [default: those of the cluster]
    #[arg(short, long = "file", value_name = "FILE", num_args = 1.., conflicts_with_all = ["context", "kubeconfig"])]
    files: Vec<PathBuf>,

    /// What becomes of writes that are in no tenant's namespace.
    #[arg(long, value_enum, default_value = "metadata")]
    rest: Rest,

    /// How to print it. The API server takes both.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Structured,

    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Rest {
    /// Recorded without bodies, those of nodes and controllers left out: a tenant that came later is not in the dark.
    Metadata,
    /// Not recorded.
    None,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditPolicyError {
    #[error("{place}: not a {kind}")]
    NotOne { place: String, kind: &'static str, source: serde_json::Error },
    #[error("there is no Tenant in what was given")]
    Nothing,
}

impl AuditPolicyError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::NotOne { .. } => "mend it; `tenantry plan` says what is wrong with it, field by field".into(),
            Self::Nothing => "give files with Tenants and their TenantClasses, or none, to ask the cluster".into(),
        }
    }
}

pub(crate) fn execute(args: &AuditPolicyArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let (tenants, classes) = if args.files.is_empty() { live(&args.connect)? } else { given(&args.files)? };
    let rest = match args.rest {
        Rest::Metadata => AuditLevel::Metadata,
        Rest::None => AuditLevel::None,
    };
    print(&tenants, &classes, rest, args.output, out)
}

/// The policy for the tenants of a cluster, as `tenantry install --audit-policy` prints it.
pub(crate) fn of_cluster(connect: &ConnectArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let (tenants, classes) = live(connect)?;
    print(&tenants, &classes, AuditLevel::Metadata, Structured::Yaml, out)
}

fn print(
    tenants: &[Tenant],
    classes: &[TenantClass],
    rest: AuditLevel,
    output: Structured,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let policy = audit::policy(&audit::levels(tenants, classes), rest);
    match output {
        Structured::Json => write!(out, "{}", format::json(&policy)?)?,
        Structured::Yaml => {
            writeln!(
                out,
                "# Made by `tenantry audit-policy` for {} tenants. Make it again when that changes.",
                tenants.len()
            )?;
            for class in missing(tenants, classes) {
                writeln!(
                    out,
                    "# Of TenantClass {class} nothing is known: its tenants that do not say a level have Metadata."
                )?;
            }
            write!(out, "{}", format::yaml(&policy)?)?;
        }
    }
    Ok(Exit::Success)
}

/// Classes that tenants without a level of their own name, and that are not there.
fn missing<'a>(tenants: &'a [Tenant], classes: &[TenantClass]) -> Vec<&'a str> {
    let unsaid = tenants.iter().filter(|tenant| tenant.spec.audit.as_ref().is_none_or(|audit| audit.level.is_none()));
    let is_known = |name: &str| classes.iter().any(|class| class.metadata.name.as_deref() == Some(name));
    let mut names: Vec<&str> =
        unsaid.map(|tenant| tenant.spec.class_name.as_str()).filter(|name| !is_known(name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn given(files: &[PathBuf]) -> Result<(Vec<Tenant>, Vec<TenantClass>), Failure> {
    let mut manifests = Vec::new();
    for file in files {
        manifests.extend(manifest::read_some(file)?);
    }
    let tenants: Vec<Tenant> = of_kind(&manifests, &TENANT)?;
    if tenants.is_empty() {
        return Err(AuditPolicyError::Nothing.into());
    }
    Ok((tenants, of_kind(&manifests, &TENANT_CLASS)?))
}

fn of_kind<Cr: DeserializeOwned>(manifests: &[Manifest], resource: &Resource) -> Result<Vec<Cr>, AuditPolicyError> {
    let ours = manifests.iter().filter(|manifest| {
        manifest.object["kind"] == resource.kind && manifest.object["apiVersion"] == resource.api_version()
    });
    ours.map(|Manifest { place, object }| {
        serde_json::from_value(object.clone()).map_err(|source| AuditPolicyError::NotOne {
            place: place.clone(),
            kind: resource.kind,
            source,
        })
    })
    .collect()
}

fn live(connect: &ConnectArgs) -> Result<(Vec<Tenant>, Vec<TenantClass>), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let connection = connect.connect(Patience::Bounded).await?;
        Ok((list(&connection, &TENANT).await?, list(&connection, &TENANT_CLASS).await?))
    })
}

async fn list<Cr>(connection: &Connection, resource: &Resource) -> Result<Vec<Cr>, Failure>
where
    Cr: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    match Api::<Cr>::all(connection.client.clone()).list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        // Not served: there are none before `tenantry install`.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(connection.explain(format!("list {}", resource.plural), &error).into()),
    }
}
