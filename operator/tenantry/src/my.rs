//! `tenantry my`: what members may know of their own Tenant, from its TenantView. Asks as the caller, reads, writes nothing.

mod text;

use std::io::Write;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Resource as _;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;
use tenantry_core::resources::TENANT_VIEW;
use tenantry_core::{meta, names};

use crate::cli::Exit;
use crate::connect::{ConnectArgs, ConnectError, Connection, Patience};
use crate::failure::Failure;
use crate::format::{self, Structured};
use crate::terminal::Palette;

const EXAMPLES: &str = "\
Examples:
  tenantry my                      the tenant of the context's namespace
  tenantry my -n acme-dev          the tenant that this namespace belongs to
  tenantry my --tenant acme -o yaml
  kubectl tenantry my -A           all that you may see, for the platform team

It reads the TenantView in the tenant's home namespace, which every member may whose entry is not limited to some environments.";

/// Show what you may know of your own tenant: environments, quotas, and what may be used.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MyArgs {
    /// A namespace of the tenant, any. [default: the context's]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,

    /// Name of the tenant, if no namespace of it is at hand.
    #[arg(long, value_name = "NAME", conflicts_with = "namespace")]
    tenant: Option<String>,

    /// All tenants of the cluster. Needs the right to list TenantViews everywhere.
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "tenant"])]
    all: bool,

    /// How to print it.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,

    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs, and people.
    Yaml,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MyError {
    #[error("namespace {namespace} is no tenant's, or is not there")]
    NotATenants { namespace: String },
    #[error("you have no rights in namespace {namespace}")]
    NoRights { namespace: String },
    #[error("you may not read the view of tenant {tenant}, which is in namespace {tenant}")]
    OutOfReach { tenant: String },
    #[error("there is no view of a tenant {tenant}")]
    NoView { tenant: String },
    #[error("no tenant has a view yet")]
    Nobody,
    #[error("this program is too old or too new for the view of tenant {tenant}")]
    Unreadable { tenant: String, source: serde_json::Error },
}

impl MyError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::NotATenants { .. } | Self::NoRights { .. } => {
                "name a namespace of your tenant by --namespace, or the tenant by --tenant".into()
            }
            Self::OutOfReach { .. } => {
                "members whose entry names environments have no rights in the home namespace: ask one who has, or look at \
                 your own namespace with `kubectl get resourcequota,limitrange,networkpolicy,rolebinding -n NAME`"
                    .into()
            }
            Self::NoView { .. } => "check the name; the view comes with the home namespace, a moment after the Tenant".into(),
            Self::Nobody => "create a Tenant; see examples/".into(),
            Self::Unreadable { .. } => "use the program's version that is in the cluster, or print it with -o yaml".into(),
        }
    }
}

pub(crate) fn execute(args: &MyArgs, palette: Palette, out: &mut dyn Write) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let views = runtime.block_on(async {
        let connection = args.connect.connect(Patience::Bounded).await?;
        views(&connection, args).await
    })?;
    match args.output {
        Output::Json => write!(out, "{}", format::objects(&views, Structured::Json)?)?,
        Output::Yaml => write!(out, "{}", format::objects(&views, Structured::Yaml)?)?,
        Output::Table => {
            let texts = views.into_iter().map(|view| table(view, palette)).collect::<Result<Vec<_>, _>>()?;
            write!(out, "{}", texts.join("\n"))?;
        }
    }
    Ok(Exit::Success)
}

fn table(view: Value, palette: Palette) -> Result<String, MyError> {
    let tenant = view["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    match serde_json::from_value(view) {
        Ok(view) => Ok(text::render(&view, palette)),
        Err(source) => Err(MyError::Unreadable { tenant, source }),
    }
}

async fn views(connection: &Connection, args: &MyArgs) -> Result<Vec<Value>, Failure> {
    if args.all {
        let all: Api<DynamicObject> = Api::all_with(connection.client.clone(), &kind());
        let list = all.list(&ListParams::default()).await;
        let list = list.map_err(|error| connection.explain("list the views of all tenants", &error))?;
        return if list.items.is_empty() {
            Err(MyError::Nobody.into())
        } else {
            Ok(list.items.into_iter().map(shown).collect())
        };
    }
    if let Some(tenant) = &args.tenant {
        return Ok(vec![of_tenant(connection, tenant).await?]);
    }
    let namespace = args.namespace.as_ref().unwrap_or(&connection.namespace);
    // A home namespace has the tenant's name. Of any other one, what closes it says whose it is: every member may read that.
    if let Ok(view) = of_tenant(connection, namespace).await {
        return Ok(vec![view]);
    }
    let tenant = tenant_of(connection, namespace).await?;
    Ok(vec![of_tenant(connection, &tenant).await?])
}

async fn of_tenant(connection: &Connection, tenant: &str) -> Result<Value, Failure> {
    let views: Api<DynamicObject> = Api::namespaced_with(connection.client.clone(), tenant, &kind());
    let tenant = tenant.to_owned();
    match views.get(&tenant).await {
        Ok(view) => Ok(shown(view)),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(MyError::NoView { tenant }.into()),
        Err(kube::Error::Api(status)) if status.code == 403 => Err(MyError::OutOfReach { tenant }.into()),
        Err(error) => Err(connection.explain(format!("read the view of tenant {tenant}"), &error).into()),
    }
}

async fn tenant_of(connection: &Connection, namespace: &str) -> Result<String, Failure> {
    let policies: Api<NetworkPolicy> = Api::namespaced(connection.client.clone(), namespace);
    let namespace = namespace.to_owned();
    let policy = match policies.get(names::DEFAULT_DENY).await {
        Ok(policy) => policy,
        Err(kube::Error::Api(status)) if status.code == 404 => return Err(MyError::NotATenants { namespace }.into()),
        Err(kube::Error::Api(status)) if status.code == 403 => return Err(MyError::NoRights { namespace }.into()),
        Err(error) => return Err(ask(connection, &namespace, &error).into()),
    };
    policy
        .meta()
        .labels
        .as_ref()
        .and_then(|labels| labels.get(meta::TENANT))
        .cloned()
        .ok_or(MyError::NotATenants { namespace }.into())
}

fn ask(connection: &Connection, namespace: &str, error: &kube::Error) -> ConnectError {
    connection.explain(format!("find out whose namespace {namespace} is"), error)
}

fn kind() -> ApiResource {
    let kind = GroupVersionKind::gvk(TENANT_VIEW.group, TENANT_VIEW.version, TENANT_VIEW.kind);
    ApiResource::from_gvk_with_plural(&kind, TENANT_VIEW.plural)
}

/// As it is printed: with what it is, which lists leave out, and without the record of who wrote what.
fn shown(view: DynamicObject) -> Value {
    let mut view = serde_json::to_value(view).unwrap_or_default();
    view["apiVersion"] = TENANT_VIEW.api_version().into();
    view["kind"] = TENANT_VIEW.kind.into();
    if let Some(metadata) = view["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    view
}
