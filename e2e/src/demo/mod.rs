//! The demo: one story in seven parts, nine with gateways, each in its own file; with a node or without, they are the same. It shows and checks; what it shows is done by the operator and the API server.

mod called;
mod checks;
mod clean_up;
mod connect;
mod drift;
mod figures;
mod gateways;
mod grants;
mod isolation;
mod members;
mod on_node;
mod onboard;
mod prepare;
mod quiet;
mod reach;
mod routes;

use std::ffi::OsString;
use std::future::Future;
use std::sync::mpsc;
use std::time::Instant;

use tenantry_e2e::kubectl::kubectl_path;
use tenantry_e2e::netns::{self, Entered};
use tenantry_e2e::node::room;
use tenantry_e2e::usage;

use crate::commands::CommandError;
use crate::commands::demo::Arguments;
use crate::terminal::Terminal;
use checks::Checks;
use figures::Figures;
pub(crate) use gateways::enter as enter_network;
pub(crate) use on_node::enter as enter_node;
use onboard::Onboarded;
use prepare::Stage;

/// What is told from outside that the demo is to end.
type Told = Box<dyn FnOnce() + Send>;

/// Runs this very command again in a place of its own, as `enter` does, and answers what became of it. When `ended` completes, those
/// inside are told.
async fn enter_until(
    ended: impl Future<Output = ()>,
    enter: impl FnOnce(&[OsString], Told) -> Entered + Send + 'static,
) -> Result<Entered, CommandError> {
    let (tell, told) = mpsc::channel::<()>();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Nobody sends anything: it ends when the other side is dropped.
    let told: Told = Box::new(move || {
        let _ = told.recv();
    });
    let mut entered = tokio::task::spawn_blocking(move || enter(&arguments, told));
    tokio::select! {
        entered = &mut entered => Ok(entered?),
        () = ended => {
            drop(tell);
            Ok(entered.await?)
        }
    }
}

/// What the parts share.
pub(crate) struct Show {
    terminal: Terminal,
    checks: Checks,
    figures: Figures,
}

/// Runs the whole story; when `ended` completes it stops wherever it is.
pub(crate) async fn run(arguments: Arguments, ended: impl Future<Output = ()>) -> Result<(), CommandError> {
    let mut show = Show { terminal: Terminal::stdout(), checks: Checks::default(), figures: Figures::default() };
    tokio::pin!(ended);
    let prepared = tokio::select! {
        prepared = prepare::prepare(&mut show, &arguments) => Some(prepared?),
        () = &mut ended => None,
    };
    let Some(mut stage) = prepared else { return Ok(()) };
    let (told, finished) = tokio::select! {
        told = tell(&mut show, &mut stage, &arguments) => (told, true),
        () = &mut ended => (Ok(()), false),
    };
    if finished && told.is_ok() && !arguments.once {
        ended.await;
        show.terminal.line("");
    }
    if arguments.clean_up {
        clean_up::run(&mut show, &mut stage).await?;
    }
    stage.leave(told.is_err()).await?;
    told?;
    show.checks.verdict()
}

async fn tell(show: &mut Show, stage: &mut Stage, arguments: &Arguments) -> Result<(), CommandError> {
    let started = Instant::now();
    let onboarded = onboard::run(show, stage).await?;
    connect::run(show, stage).await?;
    if let Some(node) = &mut stage.node {
        node.check_alive()?;
    }
    isolation::run(show, stage, &onboarded).await?;
    drift::run(show, stage, &onboarded).await?;
    quiet::run(show, stage).await?;
    if stage.gateways.is_some() {
        routes::run(show, stage).await?;
        grants::run(show, stage).await?;
    }
    show.figures.load = usage::load();
    show.figures.seconds.story = started.elapsed().as_secs_f64();
    conclude(show, arguments)?;
    if !arguments.once {
        invite(show, stage, &onboarded)?;
    }
    Ok(())
}

fn conclude(show: &mut Show, arguments: &Arguments) -> Result<(), CommandError> {
    show.terminal.heading(&show.checks.summary());
    if let Some(path) = &arguments.json {
        show.figures.write(path, &show.checks)?;
        show.terminal.note(&format!("figures written to {}", path.display()));
    }
    Ok(())
}

/// How somebody outside comes into the network of the demo, if it has one of its own: what to write before a command.
fn way_in() -> Option<String> {
    room::way_in().or_else(netns::way_in)
}

fn invite(show: &mut Show, stage: &Stage, onboarded: &Onboarded) -> Result<(), CommandError> {
    let kubectl =
        if stage.cluster.control_plane().is_ok() { kubectl_path()?.display().to_string() } else { "kubectl".into() };
    let (tenant, namespace) = onboarded.first();
    show.terminal.heading("Try it in another terminal");
    show.terminal.line(&format!("export KUBECONFIG={}", stage.cluster.kubeconfig_path().display()));
    if kubectl != "kubectl" {
        // Nobody outside of its room reaches the API server.
        let alias = way_in().map_or(kubectl.clone(), |way_in| format!("'{way_in} {kubectl}'"));
        show.terminal.line(&format!("alias kubectl={alias}"));
    }
    for line in [
        "kubectl get tenants".to_owned(),
        format!("kubectl describe tenant {tenant}"),
        format!("kubectl -n {namespace} get networkpolicies,resourcequotas,limitranges,rolebindings"),
        format!("kubectl -n {namespace} delete networkpolicies --all    # and look again"),
        "kubectl explain tenant.spec".to_owned(),
    ]
    .into_iter()
    .chain(stage.node.is_some().then(reach::invitation))
    .chain(stage.gateways.iter().flat_map(gateways::Gateways::invitation))
    .chain((stage.node.is_some() && stage.gateways.is_some()).then(routes::invitation_inside))
    {
        show.terminal.line(&line);
    }
    let keep = if stage.cluster.control_plane().is_ok() {
        "Ctrl-C ends it and leaves nothing behind."
    } else {
        "Ctrl-C ends the operator."
    };
    show.terminal.note(&format!("The operator's log is {}. {keep}", stage.operator.log().display()));
    Ok(())
}
