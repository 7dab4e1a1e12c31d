//! Plays one scenario with at most one fault and returns its trace. It knows no rule of what is right.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tenantry_core::access;
use tenantry_core::kind::Registration;
use tenantry_core::meta::CONFIRM_DELETE;
use tenantry_core::policies;
use tenantry_engine::clock::Clock;
use tokio::time::{Instant, sleep, timeout};

use super::fault::Fault;
use super::operator::{Replica, Running, clock};
use super::outside::Servers;
use super::scenario::{Scenario, Step};
use super::trace::{Trace, is_housekeeping, is_operators};
use crate::server::ApiServer;

/// Where the policies are.
pub const VALIDATING_ADMISSION_POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
/// The operator that faults strike.
pub const FIRST: &str = "tenantry-a";
const SECOND: &str = "tenantry-b";
/// A step has come to rest when nothing has changed for so long.
const REST: Duration = Duration::from_secs(5);
/// All has come to rest when nothing has changed for so long: longer than most pauses after failures.
const LONG_REST: Duration = Duration::from_secs(40);
/// The minute in which nothing may be asked.
const QUIET: Duration = Duration::from_mins(1);
/// How long users try what is refused.
const USERS_PATIENCE: Duration = Duration::from_mins(2);
/// Whoever has not come to rest by then never will.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long kube-controller-manager takes to act.
const CONTROLLERS: Duration = Duration::from_millis(20);
/// More calls than any scenario needs, with any fault.
const TOO_MANY_CALLS: usize = 20_000;

struct Stage {
    server: ApiServer,
    user: Client,
    kinds: &'static [Registration],
    outside: Servers,
    clock: Clock,
    rests: Vec<Duration>,
    runaway: Option<String>,
}

/// Plays the scenario in a runtime of its own, in paused time.
///
/// # Panics
/// If tokio cannot make a runtime without input and output, which needs nothing that can be missing.
pub fn play(kinds: &'static [Registration], scenario: &Scenario, fault: Option<Fault>, seed: u64) -> Trace {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output needs nothing that can be missing");
    runtime.block_on(play_inside(kinds, scenario, fault, seed))
}

async fn play_inside(kinds: &'static [Registration], scenario: &Scenario, fault: Option<Fault>, seed: u64) -> Trace {
    let server = ApiServer::new(seed);
    let user = server.client_as("user");
    let mut stage = Stage {
        server: server.clone(),
        user,
        kinds,
        outside: Servers::default(),
        clock: clock(),
        rests: Vec::new(),
        runaway: None,
    };
    let controllers = tokio::spawn(control(server.clone()));
    if scenario.installed {
        stage.install().await;
    }
    if let Some(fault) = fault {
        let at_start = access::watched(kinds).into_iter().filter(|resource| !resource.watch.is_on_demand());
        let watches = u64::try_from(at_start.count()).unwrap_or(u64::MAX);
        fault.order(server.faults(), FIRST, watches);
    }
    let operators = stage.start(scenario.two_operators, seed).await;
    for step in &scenario.prelude {
        stage.act(step).await;
    }
    let points_from = stage.points();
    for step in &scenario.steps {
        stage.act(step).await;
    }
    stage.settle(LONG_REST + fault.map_or(Duration::ZERO, |fault| fault.how.lasts())).await;
    let points_to = stage.points();
    let quiet_from = server.elapsed();
    sleep(QUIET).await;
    drop(operators);
    controllers.abort();
    Trace {
        calls: server.record(),
        history: server.history(),
        objects: server.objects(),
        call_points: points_from.0..points_to.0,
        event_points: points_from.1..points_to.1,
        rests: stage.rests,
        quiet_from,
        shares: scenario.shares,
        races: scenario.steps.iter().any(|step| matches!(step, Step::Writes(_))),
        runaway: stage.runaway,
    }
}

/// A kind's definition. Making one takes longer than a whole simulation, so they are remembered.
fn definition(kind: &Registration) -> Value {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<&'static str, Value>> = RefCell::default();
    }
    let make = || serde_json::to_value((kind.crd)()).unwrap_or_default();
    KNOWN.with_borrow_mut(|known| known.entry(kind.resource.plural).or_insert_with(make).clone())
}

/// The admission policies that bind tenants, each with its collection. They are there; this server does not act by them.
fn admission_policies() -> Vec<(&'static str, Value)> {
    thread_local! {
        static POLICIES: Vec<Value> = policies::objects();
    }
    let collection = |policy: &Value| match policy["kind"].as_str() {
        Some("ValidatingAdmissionPolicy") => VALIDATING_ADMISSION_POLICIES,
        _ => "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    };
    POLICIES.with(|all| all.iter().map(|policy| (collection(policy), policy.clone())).collect())
}

/// What kube-controller-manager does, shortly after each change.
async fn control(server: ApiServer) {
    let mut changes = server.changes();
    loop {
        changes.changed().await;
        sleep(CONTROLLERS).await;
        server.controllers_tick();
    }
}

impl Stage {
    /// Calls and watch events of the first operator so far.
    fn points(&self) -> (u64, u64) {
        (self.server.faults().calls(FIRST), self.server.faults().events(FIRST))
    }

    async fn start(&self, two: bool, seed: u64) -> Vec<Running> {
        let (outside, clock) = (&self.outside, &self.clock);
        let replica = |agent, seed| Replica {
            agent,
            kinds: self.kinds,
            elects: two,
            seed,
            outside: outside.clone(),
            clock: clock.clone(),
        };
        let mut running = vec![replica(FIRST, seed).start(&self.server)];
        if two {
            // The first one leads, as it is there earlier.
            sleep(Duration::from_millis(500)).await;
            running.push(replica(SECOND, !seed).start(&self.server));
        }
        running
    }

    async fn act(&mut self, step: &Step) {
        match step {
            Step::Create(path, body) => self.request(Method::POST, path, body).await,
            Step::Edit(path, patch) => self.request(Method::PATCH, path, patch).await,
            Step::Confirm(path) => self.confirm(path).await,
            Step::Delete(path) => self.request(Method::DELETE, path, &Value::Null).await,
            Step::Offer(url, tools) => self.outside.offer(url, tools),
            Step::Install => self.install().await,
            Step::Forbid(verb, resource) => {
                let (verb, resource) = (*verb, *resource);
                self.server.authorize(move |call| {
                    !(is_operators(&call.agent) && call.verb == verb && call.resource == resource)
                });
            }
            Step::Allow => self.server.allow_all(),
            Step::Crash => self.server.faults().crash(FIRST),
            Step::Settle => self.settle(REST).await,
            Step::Pass(span) => sleep(*span).await,
            Step::SetClock(by) => self.clock.set(*by),
            Step::Writes(count) => self.writes(*count).await,
        }
    }

    async fn confirm(&mut self, path: &str) {
        let tenant = self.try_request(&Method::GET, path, &Value::Null).await.unwrap_or_default();
        let patch = json!({"metadata": {"annotations": {CONFIRM_DELETE: tenant["metadata"]["uid"]}}});
        self.request(Method::PATCH, path, &patch).await;
    }

    async fn install(&mut self) {
        for kind in self.kinds {
            let definition = definition(kind);
            self.request(Method::POST, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
        }
        for (path, policy) in admission_policies() {
            self.request(Method::POST, path, &policy).await;
        }
        self.server.controllers_settle();
    }

    /// A user's request. Users are patient: what is not there yet, or still there, they try again every second.
    async fn request(&mut self, method: Method, path: &str, body: &Value) {
        let deadline = Instant::now() + USERS_PATIENCE;
        loop {
            match self.try_request(&method, path, body).await {
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) && Instant::now() < deadline => {
                    sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    self.runaway = Some(format!("{method} {path} was refused to a user: {error}"));
                    return;
                }
                Ok(_) => return,
            }
        }
    }

    async fn try_request(&self, method: &Method, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, content_type);
        self.user.request(request.body(bytes).map_err(kube::Error::HttpError)?).await
    }

    /// Waits until nothing but housekeeping has changed for `rest`, and notes when the last change came.
    async fn settle(&mut self, rest: Duration) {
        let began = Instant::now();
        let start = self.server.elapsed();
        let mut changes = self.server.changes();
        loop {
            let last = self.last_change().max(start);
            let Some(left) =
                rest.checked_sub(self.server.elapsed().saturating_sub(last)).filter(|left| !left.is_zero())
            else {
                self.rests.push(last.saturating_sub(start));
                return;
            };
            if began.elapsed() > PATIENCE || self.server.inspect(|_, calls| calls.len()) > TOO_MANY_CALLS {
                self.runaway = Some(format!("no rest {:?} after a step", began.elapsed()));
                self.rests.push(began.elapsed());
                return;
            }
            // Nothing to learn from the result: either way the next look decides.
            let _ = timeout(left, changes.changed()).await;
        }
    }

    fn last_change(&self) -> Duration {
        self.server.inspect(|changes, _| {
            changes.iter().rev().find(|change| !is_housekeeping(change)).map(|change| change.at).unwrap_or_default()
        })
    }

    async fn writes(&self, count: u64) {
        let target = self.server.faults().writes(FIRST) + count;
        let deadline = Instant::now() + REST;
        let mut changes = self.server.changes();
        while self.server.faults().writes(FIRST) < target && Instant::now() < deadline {
            let _ = timeout(REST, changes.changed()).await;
        }
    }
}
