//! The plan of a workload, whatever its kind: find out where it is, follow its references, decide how many pods there are, and want
//! the objects it consists of. What is refused leaves the last good state as it is; only ways through the network close at once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::availability::{Availability, availability};
use super::bindings::{Bindings, bind};
use super::consumed::{Consumed, State, consumed};
use super::home::{Home, home_of};
use super::inquiry::{Asked, Inquiry};
use super::pods::Pods;
use super::references::{Callers, Edge, callers};
use super::refusals::{refuse_scaling_of_version, refuse_storage, refuse_unsupported};
use super::rollout::{Choice, Setback, choose};
use super::scaling::{self, ADDONS, Decided, Scaler, verdict};
use super::sort::Sort;
use super::types::{Connections, KeyRef, PortProtocol, Trunk, WorkloadPort};
use crate::build::{self, Parts};
use crate::conditions::{Reason, Truth};
use crate::grants::Caller;
use crate::meta;
use crate::object::ObjectKey;
use crate::plan::{Plan, Refusal, Undecided};
use crate::resources::{
    HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT, NETWORK_POLICY, POD_DISRUPTION_BUDGET, Resource, SERVICE,
    SERVICE_ACCOUNT, SERVICE_ROUTE, VOLUME_CLAIM,
};
use crate::world::World;

/// Kinds of objects that a workload consists of, besides its network policy.
pub(super) const PARTS: [&Resource; 7] = [
    &SERVICE_ACCOUNT,
    &SERVICE,
    &VOLUME_CLAIM,
    &MANAGED_DEPLOYMENT,
    &POD_DISRUPTION_BUDGET,
    &HORIZONTAL_POD_AUTOSCALER,
    &SERVICE_ROUTE,
];

/// One workload, as its kind sees it.
pub(crate) struct Workload<'a> {
    /// Its sort.
    pub(crate) sort: &'static Sort,
    /// Its name and namespace.
    pub(crate) metadata: &'a ObjectMeta,
    /// What is the same in all kinds, with what its kind fills in.
    pub(crate) trunk: Cow<'a, Trunk>,
    /// Whether anything is run.
    pub(crate) runs: bool,
    /// What it calls; none where it cannot call anything.
    pub(crate) connections: Option<&'a Connections>,
    /// The path at which it is called, if that is not the usual one.
    pub(crate) path: Option<&'a str>,
    /// What its kind puts into pods besides.
    pub(crate) extras: Extras,
    /// How its protocol is verified, if it is.
    pub(crate) inquiry: Option<Inquiry<'a>>,
    /// What its kind refuses.
    pub(crate) refusals: Vec<Refusal>,
    /// What its kind does not know yet, and must before anything is changed.
    pub(crate) unknown: Option<&'static str>,
}

/// What a kind puts into pods besides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// Environment variables.
    pub(crate) env: Vec<Value>,
    /// Volumes, each with how it is mounted.
    pub(crate) volumes: Vec<(Value, Value)>,
    /// A volume that keeps what can be loaded again.
    pub(crate) claim: Option<build::Claim>,
    /// Which of several versions it is; none for the one that the resource itself describes.
    pub(crate) version: Option<String>,
    /// What is run before all else: name, image, command and mounts of a container.
    pub(crate) first: Option<First>,
    /// Keys of Secrets that the spec names for other pods than its own, each with its field.
    pub(crate) secrets: Vec<(String, KeyRef)>,
}

/// Why what a kind needs of the platform is not there.
#[derive(Debug)]
pub(crate) enum Lack {
    /// There is none to be had.
    Refused(Refusal),
    /// It is not known; with what is not.
    Unknown(&'static str),
}

/// A container that ends before the others start.
#[derive(Debug, Clone)]
pub(crate) struct First {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its image.
    pub(crate) image: String,
    /// What it runs.
    pub(crate) command: Vec<String>,
    /// What it can write to.
    pub(crate) mounts: Vec<Value>,
}

impl Workload<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// What its objects are named after.
    fn instance(&self) -> String {
        Sort::instance(self.name(), self.extras.version.as_deref())
    }

    /// The name by which its pods are selected.
    pub(super) fn mark(&self) -> String {
        Sort::mark(self.name(), self.extras.version.as_deref())
    }

    /// The key of one of its objects.
    pub(super) fn child(&self, resource: &'static Resource) -> ObjectKey {
        ObjectKey::namespaced(resource, self.namespace(), self.sort.child(&self.instance()))
    }

    /// Its ports: those it names, or the usual one of its kind.
    pub(super) fn ports(&self) -> Vec<WorkloadPort> {
        let usual =
            self.sort.port.map(|port| WorkloadPort { name: "http".to_owned(), port, protocol: PortProtocol::Http });
        match self.trunk.ports.as_slice() {
            [] => usual.into_iter().collect(),
            named => named.to_vec(),
        }
    }

    /// The ServiceAccount that its pods run as.
    fn account(&self) -> String {
        let named = self.trunk.service_account.as_ref().and_then(|account| account.name.clone());
        named.unwrap_or_else(|| self.sort.child(&self.instance()))
    }

    /// Leaves what it consists of as it is, but for the ways through the network.
    fn leave_parts(&self, plan: &mut Plan) {
        let undecided = |resource| Undecided::Kind(resource, self.namespace().to_owned());
        plan.undecided.extend(PARTS.into_iter().chain(ADDONS).map(undecided));
    }

    /// Where it is called, if it is.
    pub(crate) fn url(&self) -> Option<String> {
        let port = self.ports().first().filter(|_| self.runs)?.port;
        Some(self.sort.address(self.namespace(), &self.instance(), port, self.path.unwrap_or(self.sort.path)))
    }
}

/// The plan, and what the status tells of how it came about.
#[derive(Default)]
pub(crate) struct Draft {
    /// The plan.
    pub(crate) plan: Plan,
    /// Where it is, if that is an environment.
    pub(crate) home: Option<Home>,
    /// What it is bound to.
    pub(crate) bindings: Bindings,
    /// Who refers to it.
    pub(crate) callers: Callers,
    /// How many pods there are to be.
    pub(crate) decided: Option<Decided>,
    /// Whether it is asked by its protocol, if it has one that is verified.
    pub(crate) asked: Asked,
    /// Its Deployment, and those of its further versions.
    pub(crate) runs: Vec<Run>,
    /// Sorts of objects that it names and nobody has looked for.
    pub(crate) unchecked: BTreeSet<&'static str>,
}

/// How one Deployment stands.
pub(crate) struct Run {
    /// Which version it is, if it is a further one.
    pub(crate) version: Option<String>,
    /// What is seen of it.
    pub(crate) seen: Availability,
    /// Whether what scales it works: value of the condition ScalingReady.
    pub(crate) scaling: Option<(Truth, Reason, String)>,
    /// What became of a rollout that failed.
    pub(crate) setback: Option<Setback>,
}

impl Run {
    /// As it is seen. What decides about its pods is known where it lives in an environment.
    fn of(workload: &Workload, decided: Option<(&Decided, &Home)>, world: &World) -> Self {
        let scaling = decided.and_then(|(decided, home)| verdict(workload, decided, home, world));
        // Where what would start the first pod does not work, there being none is no good sign.
        let may_be_none = decided.is_some_and(|(decided, _)| decided.scaler.fewest() == 0)
            && scaling.as_ref().is_some_and(|(truth, ..)| *truth == Truth::True);
        let seen = availability(workload, may_be_none, world);
        Self { version: workload.extras.version.clone(), seen, scaling, setback: None }
    }
}

impl Draft {
    /// Takes note of what pods are made from.
    fn note(&mut self, consumed: Consumed) {
        for text in consumed.missing {
            // Versions are made from the same.
            if !self.plan.waits.iter().any(|wait| wait.message == text) {
                self.plan.wait(Reason::RefNotFound, text);
            }
        }
        self.unchecked.extend(consumed.unchecked);
    }

    /// With what is seen where nothing is decided.
    fn seen(mut self, workload: &Workload, beside: &[Workload], world: &World) -> Self {
        let all = std::iter::once(workload).chain(beside).filter(|one| one.runs);
        self.runs = all.map(|one| Run::of(one, None, world)).collect();
        self
    }
}

/// Plans a workload.
pub(crate) fn draft(workload: &Workload, world: &World, now: Timestamp) -> Draft {
    draft_with(workload, &[], world, now)
}

/// Plans a workload and the further versions of it that run beside it.
pub(crate) fn draft_with(workload: &Workload, beside: &[Workload], world: &World, now: Timestamp) -> Draft {
    let mut draft = Draft::default();
    let plan = &mut draft.plan;
    let Some(home) = home_of(workload.namespace(), world, plan) else {
        return draft.seen(workload, beside, world);
    };
    plan.refusals.extend(workload.refusals.iter().cloned());
    refuse_unsupported(workload, plan);
    if let Some(unknown) = workload.unknown {
        plan.wait(Reason::Pending, unknown);
    }
    for one in beside.iter().filter(|one| one.trunk.scaling != workload.trunk.scaling) {
        refuse_scaling_of_version(one, plan);
    }
    refuse_storage(workload, &home, plan);
    draft.bindings = match workload.connections {
        Some(connections) => {
            let account = workload.account();
            bind(Caller { home: &home, account: &account }, connections, world, now, plan)
        }
        None => Bindings::default(),
    };
    let port = workload.ports().first().map(|port| port.port);
    draft.callers = callers(&home, workload.sort, workload.name(), port.filter(|_| workload.runs), world, now);
    if let Some(end) = draft.callers.until {
        plan.requeue_at(end);
    }
    // What is refused may have run before it was changed to that.
    let may_run = workload.runs || !plan.refusals.is_empty();
    let all: Vec<&Workload> = std::iter::once(workload).chain(beside).filter(|_| may_run).collect();
    let decided: Vec<Decided> = all.iter().map(|one| scaling::decide(one, world)).collect();
    let is_decided = draft.plan.refusals.is_empty() && workload.unknown.is_none() && !home.stands_still();
    let alone = Callers::default();
    for (one, decided) in all.iter().zip(&decided) {
        let case = Case { workload: one, home: &home, world, decided };
        // Callers know of no version.
        let callers = if one.extras.version.is_none() { &draft.callers } else { &alone };
        case.want_policy(&mut draft.plan, &draft.bindings, callers);
        let mut run = Run::of(one, Some((decided, &home)), world);
        let pods = case.template(&draft.bindings);
        let consumed = consumed(one, Some(&pods.0), world);
        if is_decided {
            run.setback = case.want_objects(&mut draft.plan, pods, &consumed.state, &run.seen);
        }
        draft.note(consumed);
        if one.runs {
            draft.runs.push(run);
        }
    }
    if !is_decided && may_run {
        workload.leave_parts(&mut draft.plan);
    }
    if !may_run {
        draft.note(consumed(workload, None, world));
    }
    draft.decided = decided.into_iter().next();
    if let Some(inquiry) = &workload.inquiry {
        let seen = draft.runs.first().map(|run| &run.seen);
        draft.asked = inquiry.ask(workload, &home, draft.plan.refusals.is_empty(), seen, world);
        if let Asked::So(question) = &draft.asked {
            draft.plan.external.push(question.clone());
        }
    }
    draft.home = Some(home);
    draft
}

/// One workload that runs, and all that is known when its objects are planned.
struct Case<'a> {
    workload: &'a Workload<'a>,
    home: &'a Home,
    world: &'a World<'a>,
    decided: &'a Decided,
}

impl Case<'_> {
    fn parts(&self) -> Parts {
        let sort = self.workload.sort;
        Parts {
            place: self.home.place.clone(),
            name: sort.child(&self.workload.instance()),
            instance: self.workload.name().to_owned(),
            role: sort.role,
            selector: sort.labels(&self.workload.mark()),
        }
    }

    /// The ways through the network. What is not known for certain stays as it is; in quarantine there are none.
    fn want_policy(&self, plan: &mut Plan, bindings: &Bindings, callers: &Callers) {
        if self.home.is_quarantined() {
            return;
        }
        if callers.unknown || bindings.targets.iter().any(|target| target.unknown) {
            plan.undecided.push(Undecided::Kind(&NETWORK_POLICY, self.workload.namespace().to_owned()));
            return;
        }
        let to: BTreeSet<Edge> = bindings.targets.iter().filter_map(|target| target.edge.clone()).collect();
        // Whoever verifies a workload must reach it, too.
        let verifier = self.workload.inquiry.and_then(|_| self.workload.ports().first().map(|port| port.port));
        let verifier = verifier.map(|port| (self.world.operator_namespace(), port));
        plan.want(build::build_workload_policy(&self.parts(), &callers.edges, &to, verifier));
    }

    /// The template of its pods, and whether anything but a running process tells that one can be called.
    fn template(&self, bindings: &Bindings) -> (Value, bool) {
        let (workload, parts) = (self.workload, self.parts());
        let account = workload.account();
        let pods = Pods {
            trunk: &workload.trunk,
            ports: &workload.ports(),
            selector: &parts.selector,
            labels: &parts.labels(),
            account: &account,
            pulls_always: self.home.pulls_always,
            bindings: workload.connections.map(|_| bindings),
            extras: &workload.extras,
        };
        (pods.template(), pods.has_readiness())
    }

    /// Everything but the ways. Returns what became of a rollout that failed.
    fn want_objects(
        &self,
        plan: &mut Plan,
        (mut wanted, has_readiness): (Value, bool),
        state: &State,
        run: &Availability,
    ) -> Option<Setback> {
        let (workload, parts) = (self.workload, self.parts());
        let ports = workload.ports();
        if !ports.is_empty() {
            plan.want(build::build_service(&parts, &ports));
        }
        // Versions have their shares of the route to the whole.
        if let Some(expose) = workload.trunk.expose.as_ref().filter(|_| workload.extras.version.is_none()) {
            plan.want(build::build_service_route(&parts, workload.sort.resource, expose));
        }
        if let Some(claim) = &workload.extras.claim {
            plan.want(build::build_volume_claim(&parts, claim));
        }
        match state {
            State::Untold => {}
            State::Known(state) => wanted["metadata"]["annotations"][meta::CONSUMED] = state.as_str().into(),
            State::Unknown(what) => {
                // Whatever is written now might replace all pods for nothing.
                plan.wait(Reason::Pending, what.as_str());
                workload.leave_parts(plan);
                return None;
            }
        }
        let rollout = workload.trunk.rollout.clone().unwrap_or_default();
        let seen = self.world.get(&workload.child(&MANAGED_DEPLOYMENT)).found();
        let Choice { template, note, setback } = choose(wanted, &rollout, seen.as_deref(), run.trouble.as_ref());
        // What came back may need it although the spec names another.
        if template["spec"]["serviceAccountName"] == parts.name.as_str() {
            plan.want(build::build_service_account(&parts));
        }
        let (replicas, resume) = self.replicas(seen.as_deref());
        // KEDA would start what is to stand still; a HorizontalPodAutoscaler leaves alone what has no pods.
        let stopped = self.home.has_no_pods() || resume.is_some();
        let number = seen.as_ref().and_then(|facts| facts["revision"].as_str()).map(str::to_owned);
        // The number is not ours to give; a write without it would take it away until the next one.
        let notes = [(meta::RESUME, resume), (meta::ROLLOUT, note), (meta::REVISION_NUMBER, number)];
        let notes: Vec<_> = notes.into_iter().filter_map(|(key, note)| Some((key, note?))).collect();
        // A program that ends again at once must not count as available in between.
        let settles = if has_readiness { 0 } else { 5 };
        plan.want(build::build_deployment(&parts, replicas, &notes, &rollout, settles, &template));
        if self.decided.scaler.fewest() > 1 {
            plan.want(build::build_pod_disruption_budget(&parts));
        }
        match &self.decided.scaler {
            Scaler::Hpa(bounds) => plan.want(build::build_horizontal_pod_autoscaler(&parts, bounds)),
            Scaler::Keda(bounds) if !stopped => plan.want(build::build_scaled_object(&parts, bounds)),
            Scaler::Keda(_) | Scaler::Fixed(_) | Scaler::Nothing(_) => {}
        }
        if let Some(mode) = self.decided.vertical {
            plan.want(build::build_vertical_pod_autoscaler(&parts, mode));
        }
        let undecided = |resource: &&'static Resource| Undecided::Kind(resource, workload.namespace().to_owned());
        plan.undecided.extend(self.decided.undecided.iter().map(undecided));
        setback
    }

    /// How many pods its Deployment is to have now, and the note of its tenant's being scaled to zero. What an autoscaler or that
    /// decides is taken as it is seen.
    fn replicas(&self, seen: Option<&Value>) -> (i32, Option<String>) {
        let count = seen.and_then(|facts| i32::try_from(facts["replicas"].as_i64()?).ok());
        let note = seen.and_then(|facts| facts["note"].as_str()).map(str::to_owned);
        let stopped = self.home.has_no_pods();
        let scaler = &self.decided.scaler;
        let replicas = match (count, scaler) {
            (None, _) if stopped => 0,
            (Some(count), _) if stopped || note.is_some() => count,
            (_, Scaler::Fixed(wanted)) => *wanted,
            (Some(count), _) if !self.decided.undecided.is_empty() => count,
            // None at all would switch a HorizontalPodAutoscaler off.
            (Some(0), Scaler::Hpa(_)) | (None, _) => scaler.fewest().max(1),
            // Nobody else could start the first.
            (Some(count), Scaler::Nothing(least)) => count.max(*least).max(1),
            (Some(count), _) => count,
        };
        (replicas, note)
    }
}
