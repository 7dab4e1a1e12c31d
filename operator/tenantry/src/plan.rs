//! `tenantry plan`: what would become of a cluster if these resources were applied. Never writes anything anywhere.

mod carry;
mod compare;
mod contents;
mod live;
mod report;
mod rights;
mod schema;
mod settle;
mod snapshot;
mod text;
mod view;

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tenantry_core::kind::Registration;
use tenantry_core::kinds::KINDS;
use tenantry_core::resources::Write as ResourceWrite;
use tenantry_engine::clock::Clock;

use crate::cli::Exit;
use crate::connect::{ConnectArgs, ConnectError, Patience};
use crate::failure::Failure;
use crate::format;
use crate::manifest::{self, Manifest};
use crate::terminal::Palette;
use contents::Contents;
use report::Report;
use settle::Intent;
use snapshot::Snapshot;

const EXAMPLES: &str = "\
Examples:
  on an empty cluster:       tenantry plan -f tenant.yaml
  on a live one, read-only:  tenantry plan -f examples/ --context staging
  who is affected by this?   tenantry plan -f class.yaml --context
  what would be left of it?  tenantry plan -f tenant.yaml --delete --context
  on a recorded one:         kubectl get tnt,tclass,tview,ns,netpol,quota,limits,rolebinding -A -o yaml > world/now.yaml
                             tenantry plan -f tenant.yaml --world world/
  after an expiry:           tenantry plan -f tenant.yaml --at 2027-02-01T00:00:00Z

Exit codes:
  0  nothing would change
  1  failed, or a resource was refused
  2  something would change";

/// Show what would change if resources were applied: objects, rights, and what is refused. Writes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// Files or folders with Tenants, TenantClasses and so on, as YAML or JSON; `-` for stdin. They see each other.
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,

    /// Folder (or file) with the objects of a recorded cluster. [default: an empty cluster]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["context", "kubeconfig"])]
    world: Option<PathBuf>,

    #[command(flatten)]
    connect: ConnectArgs,

    /// Plan the deletion of these resources instead.
    #[arg(long)]
    delete: bool,

    /// Plan as if it were this time. [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,

    /// Also show the content of created objects.
    #[arg(long)]
    full: bool,

    /// How to print it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For programs, and people.
    Yaml,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("none of the objects given is a resource of Tenantry ({known})")]
    NothingToPlan { known: String },
    #[error("{key} is given twice: {first} and {second}")]
    Twice { key: String, first: String, second: String },
    #[error("{key} is not in the cluster, so it cannot be deleted")]
    NotThere { key: String },
    #[error("the plan of {key} breaks a rule of Tenantry's own: {rule}")]
    Violation { key: String, rule: String },
    #[error("the plan does not come to rest in {0} rounds")]
    Restless(usize),
}

impl PlanError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::NothingToPlan { .. } => "give files with resources of the group tenantry.dev; see examples/".into(),
            Self::Twice { .. } => "keep one of them".into(),
            Self::NotThere { .. } => "name the cluster by --context, or a recorded one by --world".into(),
            Self::Violation { .. } | Self::Restless(_) => {
                format!("this is a bug of Tenantry; please report it: {}/issues", env!("CARGO_PKG_REPOSITORY"))
            }
        }
    }
}

pub(crate) fn execute(args: &PlanArgs, palette: Palette, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut notes = Vec::new();
    let given = read_given(&args.files, &mut notes)?;
    let now = args.at.unwrap_or_else(|| Clock::System.now());
    let (before, contents) = match &args.world {
        Some(folder) => read_recorded(folder, &given, &mut notes)?,
        None if args.connect.is_given() => read_live(&args.connect, &given, now, &mut notes)?,
        None => (Snapshot::installed(), Contents::default()),
    };
    let intent = if args.delete { Intent::Delete } else { Intent::Apply };
    let report = Report::new(&settle::settle(KINDS, before, given, intent, now)?, &contents, notes);
    let text = match args.output {
        Output::Text => text::render(&report, palette, args.full)?,
        Output::Json => format::json(&report)?,
        Output::Yaml => format::yaml(&report)?,
    };
    write!(out, "{text}")?;
    Ok(report.exit())
}

fn read_given(files: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<(&'static Registration, Manifest)>, Failure> {
    let mut given = Vec::new();
    for file in files {
        for manifest in manifest::read_some(file)? {
            let resource = snapshot::resource_of(KINDS, &manifest.object);
            match KINDS.iter().find(|kind| Some(kind.resource) == resource) {
                Some(kind) => given.push((kind, manifest)),
                None => notes.push(format!(
                    "{}: {} {} is not a resource of Tenantry and not planned",
                    manifest.place,
                    manifest.object["kind"].as_str().unwrap_or_default(),
                    manifest.object["metadata"]["name"].as_str().unwrap_or_default(),
                )),
            }
        }
    }
    if given.is_empty() {
        let known = KINDS.iter().map(|kind| kind.resource.kind).collect::<Vec<_>>().join(", ");
        return Err(PlanError::NothingToPlan { known }.into());
    }
    Ok(given)
}

fn read_recorded(
    folder: &Path,
    given: &[(&'static Registration, Manifest)],
    notes: &mut Vec<String>,
) -> Result<(Snapshot, Contents), Failure> {
    let (mut snapshot, mut contents) = (Snapshot::default(), Contents::default());
    let adopted = contents::adopted(given);
    let mut ignored = 0;
    for manifest in manifest::read(folder)? {
        let is_content = contents.record(&adopted, &manifest.object);
        ignored += usize::from(!snapshot.record_seen(&manifest.object) && !is_content);
    }
    if !snapshot.objects().any(|(key, _)| key.resource.write == ResourceWrite::ByName) {
        // Recordings are made for tenants: what an installation brings is left out of most.
        snapshot.install();
    }
    if ignored > 0 {
        notes.push(format!("{ignored} objects of the recorded cluster are of kinds that no plan looks at"));
    }
    Ok((snapshot, contents))
}

fn read_live(
    connect: &ConnectArgs,
    given: &[(&'static Registration, Manifest)],
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<(Snapshot, Contents), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    Ok(runtime.block_on(async {
        let connection = connect.connect(Patience::Bounded).await?;
        let demand = |snapshot: &Snapshot| settle::demand(KINDS, snapshot, given, now);
        let snapshot = live::read(&connection, KINDS, demand, notes).await?;
        let contents = Contents::read(&connection, &contents::adopted(given), notes).await?;
        Ok::<_, ConnectError>((snapshot, contents))
    })?)
}

#[cfg(test)]
mod tests;
