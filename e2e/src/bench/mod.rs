//! The benchmark: the operator against two bare clients, in the same run on the same control plane. The order of the measurements is here.

mod admission;
mod floor;
mod latency;
mod load;
mod probes;
mod report;
mod rest;
mod round;
mod routes;
mod servers;
mod statistics;
mod template;
mod tenants;
mod workloads;
mod world;

use std::time::{Duration, Instant};

use tenantry_e2e::{objects, usage};

use crate::commands::CommandError;
use crate::commands::bench::Arguments;
use crate::terminal::Terminal;
use floor::Floor;
use report::Report;
use round::{Sample, Who};
use template::Template;
use world::World;

const QUIET: Duration = Duration::from_mins(1);
/// Enough to fill caches and open connections; not measured.
const WARM_UP: usize = 10;

/// Runs everything, shows it, and writes it.
pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let Arguments { tenants, rounds, ref admission, workloads, routes, ref json } = arguments;
    if let Some(workloads) = workloads {
        return workloads::run(workloads, json.as_deref()).await;
    }
    if let Some(routes) = routes {
        return routes::run(routes, json.as_deref()).await;
    }
    if !admission.is_empty() {
        return admission::run(admission, json.as_deref()).await;
    }
    let mut terminal = Terminal::stdout();
    terminal.heading("Tenantry benchmark");
    let (machine, load_before) = (usage::machine(), usage::load());
    terminal.line(&format!("{rounds} rounds of {tenants} tenants with 3 environments each, by tenantry, by a bare POST client, by a bare apply client, and not at all"));
    terminal.line("Takes about 2 minutes and 30 s for each round, on 2 cores with nothing else running.");
    terminal.note(&format!("{machine}; load {load_before}"));

    terminal.heading("Control plane");
    let world = World::prepare(&mut terminal, 0).await?;
    objects::apply(&world.client, &tenants::class()).await?;
    let template = learn(&world).await?;
    let children = template.children();
    terminal.done(&format!("a tenant has {children} objects, as tenantry makes them"), None);
    let floor = Floor::new(&world.floor).await?;
    for who in Who::ALL {
        terminal.progress(&format!("warming up: {}", who.label()));
        round::measure(&world, &floor, &template, who, 0, WARM_UP).await?;
    }
    let empty = rest::measure(&world, Duration::ZERO).await?;
    let namespaces_before = world.namespaces().await?;

    terminal.heading("Rounds");
    let mut samples = Vec::new();
    for round in 1..=rounds {
        samples.extend(one_round(&mut terminal, &world, &floor, &template, round, tenants).await?);
    }
    terminal.heading("Latency, restart, quiet");
    terminal.progress("onboarding tenants one by one, then all at once with edits in between");
    let latency = latency::measure(&world, tenants, tenants).await?;
    terminal.done("latency", None);
    let operator_children = children * (1 + WARM_UP + rounds * tenants + latency.ready_alone.count + tenants);
    terminal.progress(&format!(
        "restarting with {operator_children} children in place, then {} s of quiet",
        QUIET.as_secs()
    ));
    let restart = rest::measure(&world, QUIET).await?;
    terminal.done("restart and quiet", None);

    let mut report = Report {
        command: format!("cargo xtask bench --tenants {tenants} --rounds {rounds}"),
        machine,
        kubernetes: world.kubernetes.clone(),
        load_before,
        load_after: usage::load(),
        namespaces_before,
        namespaces_after: world.namespaces().await?,
        tenants,
        rounds,
        children_per_tenant: children,
        operator_children,
        ratios: report::ratios(&samples, children),
        latency,
        restart,
        empty_resident_mib: empty.resident_mib,
        goals: Vec::new(),
        samples,
    };
    report.judge();
    report.show(&mut terminal);
    report::write(&report, json.as_deref(), &mut terminal)?;
    world.cluster.stop().await?;
    Ok(())
}

/// What one tenant comes to.
async fn learn(world: &World) -> Result<Template, CommandError> {
    let (running, _) = world.start_operator().await?;
    load::onboard(&world.client, "bm00", &[0]).await?;
    world.settle().await?;
    let template = Template::of(&world.client, &tenants::name("bm00", 0)).await?;
    world.stop_operator(running).await?;
    Ok(template)
}

/// Each of them once; who begins changes from round to round.
async fn one_round(
    terminal: &mut Terminal,
    world: &World,
    floor: &Floor,
    template: &Template,
    round: usize,
    tenants: usize,
) -> Result<Vec<Sample>, CommandError> {
    let mut order = Who::ALL;
    order.rotate_left(round % Who::ALL.len());
    let mut samples = Vec::new();
    for who in order {
        terminal.progress(&format!("round {round}: {}", who.label()));
        let started = Instant::now();
        let sample = round::measure(world, floor, template, who, round, tenants).await?;
        let text = format!(
            "round {round}  {:<10}  wall {:>5.1} s   API server + etcd {:>5.1} CPU s   others {:.1} cores",
            who.label(),
            sample.wall,
            sample.api_server + sample.etcd,
            sample.others
        );
        terminal.done(&text, Some(started.elapsed()));
        samples.push(sample);
    }
    Ok(samples)
}
