//! Part five: nothing happens, and nothing is asked. Counted by the API server where its audit log is ours to read, and by the
//! operator itself.

use std::time::Duration;

use tenantry_e2e::audit::Audit;
use tenantry_e2e::operator::{self, Operator};
use tokio::time::{Instant, sleep, sleep_until};

use super::Show;
use super::figures::QuietFigures;
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::count;

const WATCHED: Duration = Duration::from_secs(10);
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// So long without a call means that what went before has been dealt with.
const SETTLED: Duration = Duration::from_secs(3);
const CALLS: &str = "tenantry_api_calls_total";

/// Waits for the end of what went before, then counts for ten seconds.
pub(crate) async fn run(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    show.terminal.heading("A quiet cluster");
    settle(&stage.operator).await?;
    let audit = stage.cluster.audit_log().map(|path| Audit::from_now(&path)).transpose()?;
    let before = own_count(&stage.operator).await?;
    let end = Instant::now() + WATCHED;
    while Instant::now() < end {
        let left = end.duration_since(Instant::now()).as_secs() + 1;
        show.terminal.progress(&format!("nobody changes anything, {left} s more"));
        sleep_until(end.min(Instant::now() + Duration::from_secs(1))).await;
    }
    let own = own_count(&stage.operator).await? - before;
    let mut figures = QuietFigures { seconds: WATCHED.as_secs(), ..QuietFigures::default() };
    let mut seen = String::new();
    if let Some(audit) = audit {
        "the API server's audit log".clone_into(&mut figures.counted_at);
        for request in audit.requests_of(operator::USER)? {
            if request.is_lease() {
                figures.lease += 1;
            } else if request.is_watch() {
                figures.watch += 1;
            } else if request.is_watchdog() {
                figures.watchdog += 1;
            } else {
                figures.other += 1;
                seen = request.to_string();
            }
        }
    } else {
        "the operator's own metrics".clone_into(&mut figures.counted_at);
        // Its metrics do not tell the watchdog's list from others: there are at most one a minute.
        figures.watchdog = usize::from(own == 1);
        figures.other = own - figures.watchdog;
    }
    let name = format!("{} by the operator in {} s", count(figures.other, "request"), WATCHED.as_secs());
    show.checks.claim(&mut show.terminal, figures.other == 0, &name, &seen);
    show.terminal.note(&format!(
        "    besides {}, {} and {} of the watchdog, by {}",
        count(figures.lease, "lease renewal"),
        count(figures.watch, "watch renewal"),
        count(figures.watchdog, "list"),
        figures.counted_at
    ));
    if stage.cluster.audit_log().is_some() {
        let agree = own == figures.watchdog + figures.other;
        let seen = format!("the operator counts {own} calls, the server {}", figures.watchdog + figures.other);
        show.checks.claim(&mut show.terminal, agree, "the operator's own count says the same", &seen);
    }
    show.figures.quiet = figures;
    Ok(())
}

async fn settle(operator: &Operator) -> Result<(), CommandError> {
    let (started, mut last, mut since) = (Instant::now(), own_count(operator).await?, Instant::now());
    while since.elapsed() < SETTLED && started.elapsed() < SETTLED_WITHIN {
        sleep(Duration::from_millis(250)).await;
        let now = own_count(operator).await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// All calls of the operator but those for its Lease and its watches.
async fn own_count(operator: &Operator) -> Result<usize, CommandError> {
    let calls = operator.metric(CALLS, "").await? - operator.metric(CALLS, "kind=\"Lease\"").await?;
    // A count of calls: whole, small, not negative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(calls.round() as usize)
}
