//! `tenantry install`: puts Tenantry into a cluster by server-side apply, or prints what it would put there. Never
//! removes anything, and never touches a Tenant.

use std::io::Write;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{await_condition, conditions};
use serde_json::Value;
use tenantry_core::kinds::KINDS;
use tenantry_core::policies;
use tokio::time::{Instant, sleep, timeout};

use crate::audit_policy;
use crate::cli::Exit;
use crate::connect::{ConnectArgs, ConnectError, Connection, Patience};
use crate::failure::Failure;
use crate::format::{self, FormatError, Structured};
use crate::render::manifests::{self, Installation};

/// Owner of the fields that an installation sets.
const FIELD_MANAGER: &str = "tenantry-install";
/// How long the API server may take to serve a new kind. It takes about a second.
const ESTABLISHED_WITHIN: Duration = Duration::from_mins(1);
/// How long it may take until the API server acts by a new policy. It takes about a second.
const ENFORCED_WITHIN: Duration = Duration::from_mins(1);
/// Pause between two looks at whether it does.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  tenantry install --dry-run                          print everything as YAML, touch nothing
  tenantry install --dry-run | kubectl diff -f -      what would change
  tenantry install --context staging                  install or upgrade";

/// Install or upgrade Tenantry: CRDs, roles and the operator.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    installation: Installation,

    /// Print the objects instead of applying them. Asks no cluster.
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run: how to print them.
    #[arg(short, long, value_enum, default_value = "yaml", requires = "dry_run")]
    output: Structured,

    /// Print the API server's audit policy for the cluster's tenants instead, as `tenantry audit-policy` does.
    #[arg(long, conflicts_with = "dry_run")]
    audit_policy: bool,

    #[command(flatten)]
    connect: ConnectArgs,
}

/// Why an installation is not complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error("the API server does not serve {crd} after {} s: {cause}", ESTABLISHED_WITHIN.as_secs())]
    NotEstablished { crd: String, cause: String },
    #[error("the API server does not act by the admission policies after {} s: {cause}", ENFORCED_WITHIN.as_secs())]
    NotEnforced { cause: String },
}

impl InstallError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::NotEstablished { crd, .. } => {
                format!("see why by `kubectl describe crd {crd}`, then install again")
            }
            Self::NotEnforced { .. } => {
                "see `kubectl get validatingadmissionpolicies -o yaml`, and give nobody rights in a tenant meanwhile"
                    .into()
            }
        }
    }
}

pub(crate) fn execute(args: &InstallArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    if args.audit_policy {
        return audit_policy::of_cluster(&args.connect, out);
    }
    let objects = manifests::all(KINDS, &args.installation)?;
    if args.dry_run {
        write!(out, "{}", format::objects(&objects, args.output)?)?;
        return Ok(Exit::Success);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(install(args, &objects, out))
}

async fn install(args: &InstallArgs, objects: &[Value], out: &mut dyn Write) -> Result<Exit, Failure> {
    let connection = args.connect.connect(Patience::Bounded).await?;
    let kubernetes = connection.version().await?;
    let (version, server) = (env!("CARGO_PKG_VERSION"), &connection.server);
    writeln!(out, "Installing Tenantry {version} on {server} (Kubernetes {kubernetes})")?;
    for object in objects {
        let done = apply(&connection, object).await?;
        writeln!(out, "  {done:<10} {}", title(object))?;
        out.flush()?;
    }
    for object in objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        established(&connection, object["metadata"]["name"].as_str().unwrap_or_default()).await?;
    }
    enforced(&connection).await?;
    writeln!(out, "  enforced   the admission policies, as a probe has shown")?;
    let namespace = &args.installation.namespace;
    writeln!(
        out,
        "Done. Next:\n  kubectl -n {namespace} rollout status deployment/{}\n  tenantry plan -f examples/ --context\n  kubectl apply -f examples/\n  tenantry audit-policy   for the API server's audit log, see docs/audit.md",
        manifests::NAME
    )?;
    Ok(Exit::Success)
}

/// Applies one object. Says what that came to.
async fn apply(connection: &Connection, object: &Value) -> Result<&'static str, ConnectError> {
    let api = api_of(connection, object);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let explain = |error: kube::Error| connection.explain(format!("apply {}", title(object)), &error);
    let before = api.get_opt(name).await.map_err(explain)?.and_then(|found| found.metadata.resource_version);
    // An installation is the word of the platform team on these objects; an edit by hand is overruled.
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let after = api.patch(name, &parameters, &Patch::Apply(object)).await.map_err(explain)?;
    Ok(match before {
        None => "created",
        version if version == after.metadata.resource_version => "unchanged",
        Some(_) => "configured",
    })
}

async fn established(connection: &Connection, crd: &str) -> Result<(), InstallError> {
    let api: Api<CustomResourceDefinition> = Api::all(connection.client.clone());
    let served = timeout(ESTABLISHED_WITHIN, await_condition(api, crd, conditions::is_crd_established())).await;
    let cause = match served {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its condition Established is not True".to_owned(),
    };
    Err(InstallError::NotEstablished { crd: crd.to_owned(), cause })
}

/// Waits until the API server refuses what it must refuse to everybody. The probe is a dry run: nothing comes of it.
async fn enforced(connection: &Connection) -> Result<(), Failure> {
    let probe = policies::probe();
    let api = api_of(connection, &probe);
    let object: DynamicObject = serde_json::from_value(probe).map_err(FormatError::Json)?;
    let parameters = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let deadline = Instant::now() + ENFORCED_WITHIN;
    loop {
        let cause = match api.create(&parameters, &object).await {
            Err(kube::Error::Api(refusal)) if refusal.message.contains(policies::PROBED) => return Ok(()),
            Ok(_) => "it takes what it must refuse".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(InstallError::NotEnforced { cause }.into());
        }
        sleep(PROBE_PAUSE).await;
    }
}

fn api_of(connection: &Connection, object: &Value) -> Api<DynamicObject> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap_or_default());
    let resource = ApiResource::from_gvk(&kind);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(connection.client.clone(), namespace, &resource),
        None => Api::all_with(connection.client.clone(), &resource),
    }
}

/// `Kind namespace/name`.
fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
