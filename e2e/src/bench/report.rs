//! What was measured, against what was promised: ratios before times, medians with their ranges. It judges and prints; it measures nothing.

use std::path::Path;

use serde::Serialize;

use super::latency::Latency;
use super::rest::Rest;
use super::round::{Sample, Who};
use super::statistics::Spread;
use crate::commands::CommandError;
use crate::terminal::Terminal;

/// Everything.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) machine: String,
    pub(crate) kubernetes: String,
    pub(crate) load_before: String,
    pub(crate) load_after: String,
    pub(crate) namespaces_before: usize,
    pub(crate) namespaces_after: usize,
    pub(crate) tenants: usize,
    pub(crate) rounds: usize,
    pub(crate) children_per_tenant: usize,
    pub(crate) operator_children: usize,
    pub(crate) ratios: Ratios,
    pub(crate) latency: Latency,
    pub(crate) restart: Rest,
    /// RSS of an operator freshly started on a cluster with one tenant.
    pub(crate) empty_resident_mib: f64,
    pub(crate) goals: Vec<Goal>,
    pub(crate) samples: Vec<Sample>,
}

/// Of the operator to a floor, round by round.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Ratios {
    pub(crate) calls_over_least: Spread,
    pub(crate) wall_to_post: Spread,
    pub(crate) wall_to_apply: Spread,
    pub(crate) cpu_to_post: Spread,
    pub(crate) cpu_to_apply: Spread,
    /// As `cpu_to_post`, the creation of the Tenants themselves added to the floor.
    pub(crate) cpu_to_post_with_orders: Spread,
}

/// One promise.
#[derive(Serialize)]
pub(crate) struct Goal {
    figure: &'static str,
    goal: String,
    measured: String,
    met: bool,
}

/// Of these samples.
pub(crate) fn ratios(samples: &[Sample], children: usize) -> Ratios {
    let rounds = |floor: Who, measure: fn(&Sample) -> f64| {
        let of = |who: Who, round: usize| samples.iter().find(|sample| sample.who == who && sample.round == round);
        let ours = samples.iter().filter(|sample| sample.who == Who::Operator);
        Spread::of(ours.filter_map(|sample| Some(measure(sample) / measure(of(floor, sample.round)?))))
    };
    let cpu = |sample: &Sample| sample.api_server + sample.etcd;
    let with_orders = |round: usize| {
        let of = |who: Who| samples.iter().find(|sample| sample.who == who && sample.round == round).map(cpu);
        Some(of(Who::Operator)? / (of(Who::Post)? + of(Who::Orders)?))
    };
    let mut numbers: Vec<usize> = samples.iter().map(|sample| sample.round).collect();
    numbers.dedup();
    let least = number(children + 1);
    let calls = samples.iter().filter(|sample| sample.who == Who::Operator);
    Ratios {
        calls_over_least: Spread::of(calls.map(|sample| number(sample.requests) / number(sample.tenants) / least)),
        wall_to_post: rounds(Who::Post, |sample| sample.wall),
        wall_to_apply: rounds(Who::Apply, |sample| sample.wall),
        cpu_to_post: rounds(Who::Post, cpu),
        cpu_to_apply: rounds(Who::Apply, cpu),
        cpu_to_post_with_orders: Spread::of(numbers.into_iter().filter_map(with_orders)),
    }
}

/// Writes the figures as JSON, if they are to be written.
pub(super) fn write(report: &impl Serialize, path: Option<&Path>, terminal: &mut Terminal) -> Result<(), CommandError> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(report)? + "\n";
    std::fs::write(path, text).map_err(|error| format!("writing {}: {error}", path.display()))?;
    terminal.note(&format!("written to {}", path.display()));
    Ok(())
}

impl Report {
    /// Fills in how far off each goal is.
    pub(crate) fn judge(&mut self) {
        let (ratios, latency, restart) = (&self.ratios, &self.latency, &self.restart);
        let slope = (restart.resident_mib - self.empty_resident_mib) * 1024.0 / number(self.operator_children.max(1));
        let resident_at_goal = self.empty_resident_mib + slope * 30_000.0 / 1024.0;
        self.goals = vec![
            at_most(
                "calls per tenant / least possible",
                1.05,
                ratios.calls_over_least.median,
                &format!("{:.3}", ratios.calls_over_least),
            ),
            at_most("wall, against the POST floor", 1.2, ratios.wall_to_post.median, &ratios.wall_to_post.to_string()),
            at_most(
                "control-plane CPU, against the POST floor",
                1.1,
                ratios.cpu_to_post.median,
                &ratios.cpu_to_post.to_string(),
            ),
            at_most(
                "namespace policed, idle, p99 in ms",
                500.0,
                latency.policed_alone.p99,
                &format!("{:.0}", latency.policed_alone.p99),
            ),
            at_most(
                "namespace policed, storm, p99 in ms",
                2000.0,
                latency.policed_in_storm.p99,
                &format!("{:.0}", latency.policed_in_storm.p99),
            ),
            at_most(
                "edit applied in the storm, p99 in ms",
                1000.0,
                latency.edit_in_storm.p99,
                &format!("{:.0}", latency.edit_in_storm.p99),
            ),
            at_most("writes at a restart", 0.0, number(restart.writes), &restart.writes.to_string()),
            at_most(
                "restart to quiet, s",
                15.0,
                restart.seconds_to_quiet,
                &format!("{:.1} at {} children", restart.seconds_to_quiet, self.operator_children),
            ),
            at_most(
                "requests in 60 s of quiet",
                0.0,
                number(restart.quiet_requests),
                &restart.quiet_requests.to_string(),
            ),
            at_most(
                "RSS at 30,000 children, MiB",
                60.0,
                resident_at_goal,
                &format!("{resident_at_goal:.0} (from {:.0} at {})", restart.resident_mib, self.operator_children),
            ),
            at_most("RSS per child, KiB", 0.4, slope, &format!("{slope:.2}")),
        ];
    }

    /// Shows it.
    pub(crate) fn show(&self, terminal: &mut Terminal) {
        terminal.heading("Against the goals");
        let rows: Vec<Vec<String>> = self
            .goals
            .iter()
            .map(|goal| {
                vec![
                    (if goal.met { "✔" } else { "✘" }).to_owned(),
                    goal.figure.to_owned(),
                    goal.goal.clone(),
                    goal.measured.clone(),
                ]
            })
            .collect();
        terminal.table(&["", "FIGURE", "GOAL", "MEASURED: MEDIAN (RANGE)"], &rows);

        terminal.heading(&format!(
            "Per round of {} tenants with {} objects each: median (range)",
            self.tenants, self.children_per_tenant
        ));
        let rows: Vec<Vec<String>> = Who::ALL
            .iter()
            .map(|who| {
                let spread = |measure: fn(&Sample) -> f64| {
                    format!("{:.1}", Spread::of(self.samples.iter().filter(|sample| sample.who == *who).map(measure)))
                };
                vec![
                    who.label().to_owned(),
                    spread(|sample| sample.wall),
                    spread(|sample| sample.api_server + sample.etcd),
                    spread(|sample| sample.controller_manager),
                    spread(|sample| sample.client),
                    spread(|sample| number(sample.requests) / number(sample.tenants)),
                    spread(|sample| sample.others),
                ]
            })
            .collect();
        terminal.table(
            &["", "WALL S", "API+ETCD CPU S", "KCM CPU S", "CLIENT CPU S", "CALLS/TENANT", "OTHERS' CORES"],
            &rows,
        );
        terminal.line("");
        terminal.line(&format!(
            "control-plane CPU against the POST floor and the creation of the Tenants: {}",
            self.ratios.cpu_to_post_with_orders
        ));
        terminal.line(&format!(
            "against the apply floor: wall {}, control-plane CPU {}",
            self.ratios.wall_to_apply, self.ratios.cpu_to_apply
        ));
        self.show_calls(terminal);
        self.show_rest(terminal);
    }

    fn show_calls(&self, terminal: &mut Terminal) {
        let Some(last) = self.samples.iter().rfind(|sample| sample.who == Who::Operator) else { return };
        terminal.heading("Calls of the operator per tenant, last round");
        for (kind, count) in &last.by_kind {
            terminal.line(&format!("{:>8.3}  {kind}", number(*count) / number(last.tenants)));
        }
        if last.failed_requests > 0 {
            terminal.line(&format!("{:>8}  of all were refused or failed", last.failed_requests));
        }
    }

    fn show_rest(&self, terminal: &mut Terminal) {
        let (latency, rest) = (&self.latency, &self.restart);
        terminal.heading("One tenant among others, in ms at the API server: p50, p99, highest");
        for (what, tail) in [
            ("tenant requested -> Ready, alone", latency.ready_alone),
            ("namespace requested -> policed, alone", latency.policed_alone),
            ("namespace requested -> policed, in the storm", latency.policed_in_storm),
            ("edit -> policies written, in the storm", latency.edit_in_storm),
        ] {
            terminal.line(&format!(
                "{what:<46} {:>7.0} {:>7.0} {:>7.0}   of {}",
                tail.p50, tail.p99, tail.highest, tail.count
            ));
        }
        terminal.note(&format!(
            "the storm: {} tenants at once, all Ready after {:.1} s",
            latency.storm_tenants, latency.storm_seconds
        ));
        terminal
            .heading(&format!("A restart with {} children in place, and the quiet after it", self.operator_children));
        terminal.line(&format!(
            "{} writes, {} lists; reconciling after {:.2} s, last request after {:.2} s; CPU: operator {:.2} s, API server {:.2} s; RSS {:.0} MiB",
            rest.writes, rest.requests, rest.seconds_to_ready, rest.seconds_to_quiet, rest.operator_cpu_seconds, rest.api_server_cpu_seconds, rest.resident_mib
        ));
        terminal.line(&format!(
            "{} requests in {} s, besides {} lease, {} watch, {} watchdog {}",
            rest.quiet_requests,
            rest.quiet_seconds,
            rest.quiet_lease,
            rest.quiet_watch,
            rest.quiet_watchdog,
            rest.unexpected.join("; ")
        ));
        terminal.note(&format!(
            "cluster: {} namespaces before, {} after; load {} before, {} after",
            self.namespaces_before, self.namespaces_after, self.load_before, self.load_after
        ));
    }
}

fn at_most(figure: &'static str, goal: f64, measured: f64, text: &str) -> Goal {
    let goal_text = if goal == 0.0 { "0".to_owned() } else { format!("≤ {goal}") };
    Goal { figure, goal: goal_text, measured: text.to_owned(), met: measured <= goal }
}

/// Counts are far below 2^52.
#[expect(clippy::cast_precision_loss)]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Sample, Who, ratios};
    use crate::bench::statistics::Tail;

    fn sample(who: Who, round: usize, wall: f64) -> Sample {
        Sample {
            who,
            round,
            tenants: 10,
            wall,
            api_server: wall,
            etcd: 0.0,
            controller_manager: 0.0,
            client: 0.0,
            others: 0.0,
            requests: 330,
            failed_requests: 0,
            by_kind: BTreeMap::new(),
            policed: Tail::default(),
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these quotients are exact")]
    fn each_round_is_compared_with_itself() {
        let samples = [
            sample(Who::Operator, 1, 3.0),
            sample(Who::Post, 1, 2.0),
            sample(Who::Operator, 2, 10.0),
            sample(Who::Post, 2, 5.0),
        ];
        let ratios = ratios(&samples, 29);
        assert_eq!((ratios.wall_to_post.lowest, ratios.wall_to_post.highest), (1.5, 2.0));
        assert_eq!(ratios.calls_over_least.median, 1.1);
    }
}
