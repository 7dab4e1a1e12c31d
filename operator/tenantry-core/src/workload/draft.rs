//! The plan of a workload, whatever its kind: find out where it is, follow its references, decide how many pods there are, and want
//! the objects it consists of. What is refused leaves the last good state as it is; only ways through the network close at once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::bindings::{Bindings, bind};
use super::home::{Home, Standing, standing};
use super::inquiry::{Asked, Inquiry};
use super::pods::Pods;
use super::references::{Callers, Edge, callers};
use super::scaling::{self, ADDONS, Decided, Scaler};
use super::sort::Sort;
use super::types::{Connections, OnFailure, PortProtocol, Strategy, Trunk, WorkloadPort};
use crate::build::{self, Parts};
use crate::conditions::Reason;
use crate::object::ObjectKey;
use crate::plan::{Plan, Refusal, Undecided};
use crate::resources::{
    HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT, NETWORK_POLICY, POD_DISRUPTION_BUDGET, Resource, SERVICE,
    SERVICE_ACCOUNT,
};
use crate::world::World;

/// Kinds of objects that a workload consists of, besides its network policy.
const PARTS: [&Resource; 5] =
    [&SERVICE_ACCOUNT, &SERVICE, &MANAGED_DEPLOYMENT, &POD_DISRUPTION_BUDGET, &HORIZONTAL_POD_AUTOSCALER];

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
    /// What is run before all else: name, image, command and mounts of a container.
    pub(crate) first: Option<First>,
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

    /// The key of one of its objects.
    pub(super) fn child(&self, resource: &'static Resource) -> ObjectKey {
        ObjectKey::namespaced(resource, self.namespace(), self.sort.child(self.name()))
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

    /// Where it is called, if it is.
    pub(super) fn url(&self) -> Option<String> {
        let port = self.ports().first().filter(|_| self.runs)?.port;
        Some(self.sort.address(self.namespace(), self.name(), port, self.path.unwrap_or(self.sort.path)))
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
}

/// Plans a workload.
pub(crate) fn draft(workload: &Workload, world: &World) -> Draft {
    let mut draft = Draft::default();
    let plan = &mut draft.plan;
    let home = match standing(workload.namespace(), world) {
        Standing::Home(home) => home,
        Standing::Unknown(what) => {
            plan.wait(Reason::Pending, what);
            plan.undecided.push(Undecided::Everything);
            return draft;
        }
        Standing::Leaving => {
            plan.wait(Reason::Deleting, format!("namespace {} is being deleted", workload.namespace()));
            plan.undecided.push(Undecided::Everything);
            return draft;
        }
        Standing::Foreign(why) => {
            plan.refuse(Reason::Invalid, "metadata.namespace", why);
            plan.undecided.push(Undecided::Everything);
            return draft;
        }
    };
    plan.refusals.extend(workload.refusals.iter().cloned());
    refuse_unsupported(workload, plan);
    if let Some(unknown) = workload.unknown {
        plan.wait(Reason::Pending, unknown);
    }
    draft.bindings = match workload.connections {
        Some(connections) => bind(&home, connections, world, plan),
        None => Bindings::default(),
    };
    let port = workload.ports().first().map(|port| port.port);
    draft.callers = callers(&home, workload.sort, workload.name(), port.filter(|_| workload.runs), world);
    // What is refused may have run before it was changed to that.
    let may_run = workload.runs || !plan.refusals.is_empty();
    draft.decided = may_run.then(|| scaling::decide(workload, world));
    if let Some(decided) = &draft.decided {
        let case = Case { workload, home: &home, world, decided };
        case.want_policy(&mut draft.plan, &draft.bindings, &draft.callers);
        if draft.plan.refusals.is_empty() && workload.unknown.is_none() && !case.stands_still() {
            case.want_objects(&mut draft.plan, &draft.bindings);
        } else {
            let undecided = |resource| Undecided::Kind(resource, workload.namespace().to_owned());
            draft.plan.undecided.extend(PARTS.into_iter().chain(ADDONS).map(undecided));
        }
    }
    if let Some(inquiry) = &workload.inquiry {
        draft.asked = inquiry.ask(workload, &home, draft.plan.refusals.is_empty(), world);
        if let Asked::So(question) = &draft.asked {
            draft.plan.external.push(question.clone());
        }
    }
    draft.home = Some(home);
    draft
}

/// What nothing here can honour.
fn refuse_unsupported(workload: &Workload, plan: &mut Plan) {
    let trunk = &workload.trunk;
    let mut refuse = |field: &str, message: &str| plan.refuse(Reason::Unsupported, field, message);
    if trunk.expose.is_some() {
        refuse(
            "spec.expose",
            "nothing is published on gateways yet: remove it, and publish the Service by a route of your own",
        );
    }
    let rollout = trunk.rollout.clone().unwrap_or_default();
    if rollout.strategy == Strategy::Canary {
        refuse("spec.rollout.strategy", "there is no Canary yet: use RollingUpdate or Recreate");
    }
    if rollout.on_failure == OnFailure::Rollback {
        refuse(
            "spec.rollout.onFailure",
            "nothing is rolled back by itself yet: use Stop, and change the spec back by hand",
        );
    }
    scaling::refuse(&trunk.scaling.clone().unwrap_or_default(), plan);
    if trunk.service_account.as_ref().is_some_and(|account| !account.annotations.is_empty()) {
        let text = "they can give an account rights outside the cluster, which is for admins to decide: have an admin make the ServiceAccount, and give its name";
        plan.refuse(Reason::Unsupported, "spec.serviceAccount.annotations", text);
    }
    let ports = workload.ports();
    if ports.first().is_some_and(|port| port.protocol == PortProtocol::Udp) {
        let text = "the first port is the one it is called at, which UDP has no address for: put another first";
        plan.refuse(Reason::Invalid, "spec.ports[0].protocol", text);
    }
    let taken: Vec<&str> =
        workload.extras.volumes.iter().filter_map(|(_, mount)| mount["mountPath"].as_str()).collect();
    for (index, file) in trunk.files.iter().enumerate() {
        if taken.contains(&file.mount_path.as_str()) {
            let text = format!("{} is taken by what its kind puts there: choose another folder", file.mount_path);
            plan.refuse(Reason::Invalid, format!("spec.files[{index}].mountPath"), text);
        }
    }
    let without_port = workload.runs && ports.is_empty();
    let probes = trunk.probes.clone().unwrap_or_default();
    for (name, probe) in [("startup", probes.startup), ("readiness", probes.readiness), ("liveness", probes.liveness)] {
        let Some(probe) = probe.filter(|_| without_port) else { continue };
        let port = probe.http_get.and_then(|get| get.port);
        let port =
            port.or(probe.tcp_socket.and_then(|socket| socket.port)).or(probe.grpc.and_then(|socket| socket.port));
        if probe.exec.is_none() && port.is_none() {
            let text = "names no port, and the workload has none: name one, or list the ports";
            plan.refuse(Reason::Invalid, format!("spec.probes.{name}"), text);
        }
    }
}

/// One workload that runs, and all that is known when its objects are planned.
struct Case<'a> {
    workload: &'a Workload<'a>,
    home: &'a Home,
    world: &'a World<'a>,
    decided: &'a Decided,
}

impl Case<'_> {
    /// Whether the tenant is suspended in a way that leaves what runs as it is.
    fn stands_still(&self) -> bool {
        self.home.suspended.as_deref().is_some_and(|mode| mode != "ScaleToZero")
    }

    fn parts(&self) -> Parts {
        let sort = self.workload.sort;
        Parts {
            place: self.home.place.clone(),
            name: sort.child(self.workload.name()),
            instance: self.workload.name().to_owned(),
            role: sort.role,
            selector: sort.labels(self.workload.name()),
        }
    }

    /// The ways through the network. What is not known for certain stays as it is; in quarantine there are none.
    fn want_policy(&self, plan: &mut Plan, bindings: &Bindings, callers: &Callers) {
        if self.home.suspended.as_deref() == Some("Quarantine") {
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

    fn want_objects(&self, plan: &mut Plan, bindings: &Bindings) {
        let (workload, parts) = (self.workload, self.parts());
        let ports = workload.ports();
        let account = workload.trunk.service_account.clone().unwrap_or_default();
        if account.name.is_none() {
            plan.want(build::build_service_account(&parts));
        }
        if !ports.is_empty() {
            plan.want(build::build_service(&parts, &ports));
        }
        let pods = Pods {
            trunk: &workload.trunk,
            ports: &ports,
            selector: &parts.selector,
            labels: &parts.labels(),
            account: account.name.as_deref().unwrap_or(&parts.name),
            pulls_always: self.home.pulls_always,
            bindings: workload.connections.map(|_| bindings),
            extras: &workload.extras,
        };
        let (replicas, note) = self.replicas();
        let rollout = workload.trunk.rollout.clone().unwrap_or_default();
        // A program that ends again at once must not count as available in between.
        let settles = if pods.has_readiness() { 0 } else { 5 };
        plan.want(build::build_deployment(&parts, replicas, note.as_deref(), &rollout, settles, &pods.template()));
        if self.decided.scaler.fewest() > 1 {
            plan.want(build::build_pod_disruption_budget(&parts));
        }
        // KEDA would start what is to stand still; a HorizontalPodAutoscaler leaves alone what has no pods.
        let stopped = self.home.has_no_pods() || note.is_some();
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
    }

    /// How many pods its Deployment is to have now, and the note of its tenant's being scaled to zero. What an autoscaler or that
    /// decides is taken as it is seen.
    fn replicas(&self) -> (i32, Option<String>) {
        let seen = self.world.get(&self.workload.child(&MANAGED_DEPLOYMENT)).found();
        let count = seen.as_ref().and_then(|facts| i32::try_from(facts["replicas"].as_i64()?).ok());
        let note = seen.as_ref().and_then(|facts| facts["note"].as_str()).map(str::to_owned);
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
