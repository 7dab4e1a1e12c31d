//! The plan of a route: find out which gateway it is for and whether its path may be had, where requests end and what enforces its
//! policies; then want the hole in the network, the policies, and the route itself. What is not known leaves all as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::handover::Heirs;
use super::types::{AuthType, Backend, OnUnsupported, Protocol, ServiceRoute};
use crate::build::{RouteParts, build_route_policies, build_routes, build_stream_routes};
use crate::conditions::Reason;
use crate::kinds::tenantry_platform::{
    self,
    types::{GatewayProfile, TenantryPlatformSpec},
};
use crate::object::{Desired, ObjectKey};
use crate::plan::{Plan, Undecided};
use crate::resources::{
    GRPC_ROUTE, HTTP_ROUTE, NETWORK_POLICY, Resource, SERVICE_ROUTE, TCP_ROUTE, TENANTRY_PLATFORM, TLS_ROUTE,
};
use crate::routing::{
    Answer, Authorizer, Claimant, Controller, Demands, Enforcing, Feature, Missing, Names, POLICY_KINDS, Resolution,
    Ruling, Seat, Served, Unseated, backends, controller, enforce, heirs, is_to_be_had, parents, rule, seat,
    served_routes, unreachable_login,
};
use crate::workload::{Home, Standing, home_of, sort, standing};
use crate::world::{Lookup, Scope, World};

/// The plan, and what the status tells of how it came about.
#[derive(Default)]
pub(super) struct Draft {
    /// The plan.
    pub(super) plan: Plan,
    /// Where it is found, if it may be anywhere.
    pub(super) seat: Option<Seat>,
    /// Who has the path.
    pub(super) ruling: Option<Ruling>,
    /// Who has it next.
    pub(super) heirs: Heirs,
    /// What is known of the gateway.
    pub(super) controller: Option<Controller>,
    /// What nothing does of what the spec asks for.
    pub(super) missing: Vec<Missing>,
    /// What is to be said of what is done.
    pub(super) notes: Vec<String>,
    /// Where requests end.
    pub(super) served: Vec<Served>,
    /// Whether any backend is missing.
    pub(super) lacks_backend: bool,
    /// Its routes as they are seen.
    pub(super) routes: Vec<Arc<Value>>,
    /// The policies that name its routes, and are told by their controller how they stand.
    pub(super) told: Vec<ObjectKey>,
    /// How the tenant is suspended.
    pub(super) suspended: Option<String>,
    /// Whether its routes are wanted as the spec says now; if not, what there is stays as it was.
    pub(super) is_wanted: bool,
}

/// Plans a route.
pub(super) fn draft(route: &ServiceRoute, world: &World) -> Draft {
    let mut draft = Draft::default();
    let namespace = route.metadata.namespace.as_deref().unwrap_or_default();
    let Some(home) = home_of(namespace, world, &mut draft.plan) else { return draft };
    draft.suspended.clone_from(&home.suspended);
    // One that is gone may be on its way back: it takes away nothing by that.
    let is_there = world.get(&ObjectKey::cluster(&TENANTRY_PLATFORM, "default")) != Lookup::Missing;
    let platform = tenantry_platform::settings(world).filter(|_| is_there);
    let (Some(platform), Some(kinds)) = (platform, served_routes(route.spec.protocol, world)) else {
        draft.heirs = Heirs::Unknown;
        let what = "it is not known yet which gateways there are: nobody has seen a TenantryPlatform that names them";
        draft.plan.wait(Reason::Pending, what);
        // That nothing may reach it in quarantine is known whatever else is not.
        draft.plan.undecided = if home.is_quarantined() {
            let kinds = [&HTTP_ROUTE, &GRPC_ROUTE, &TLS_ROUTE, &TCP_ROUTE].into_iter().chain(POLICY_KINDS);
            kinds.map(|kind| Undecided::Kind(kind, namespace.to_owned())).collect()
        } else {
            vec![Undecided::Everything]
        };
        return draft;
    };
    let case = Case { route, namespace, home: &home, platform: &platform, kinds: &kinds, world };
    draft.routes = case.seen();
    // Whatever comes of it, what there is must be seen to be removed.
    let _ = case.unseen_policies();
    case.decide(&mut draft);
    draft
}

/// One route, and all that is known when it is planned.
struct Case<'a> {
    route: &'a ServiceRoute,
    namespace: &'a str,
    home: &'a Home,
    platform: &'a TenantryPlatformSpec,
    kinds: &'a [&'static Resource],
    world: &'a World<'a>,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.route.metadata.name.as_deref().unwrap_or_default()
    }

    /// As the owner marks of its parts name it.
    fn path(&self) -> String {
        format!("{}/{}/{}", SERVICE_ROUTE.plural, self.namespace, self.name())
    }

    fn spec(&self) -> Value {
        // Made of maps, lists and texts, which always convert.
        serde_json::to_value(&self.route.spec).unwrap_or_default()
    }

    /// Its routes as they are seen.
    fn seen(&self) -> Vec<Arc<Value>> {
        let owner = self.path();
        let listed = self.kinds.iter().map(|kind| self.world.list(kind, Scope::OwnedBy(owner.clone())));
        let all = listed.filter_map(Lookup::found).flatten();
        all.filter(|route| route["owner"] == owner.as_str()).collect()
    }

    fn decide(&self, draft: &mut Draft) {
        self.refuse_unsupported(&mut draft.plan);
        let seat = match seat(&self.spec(), self.home, self.platform, self.world) {
            Ok(seat) => seat,
            Err(Unseated::Unknown(what)) => {
                draft.heirs = Heirs::Unknown;
                draft.plan.wait(Reason::Pending, what);
                return self.leave(&mut draft.plan, true);
            }
            Err(Unseated::Refused(refusal)) => {
                // What it has had stays only while it might have it still.
                if self.may_stay(draft) {
                    self.leave(&mut draft.plan, true);
                }
                draft.plan.refusals.push(refusal);
                return;
            }
        };
        let gateway = controller(&seat, self.world);
        let spec = &self.route.spec;
        let auth = spec.policies.as_ref().and_then(|policies| policies.auth.as_ref());
        if let Some((field, text)) =
            auth.and_then(|auth| auth.oidc.as_ref()).and_then(|oidc| unreachable_login(oidc, &seat))
        {
            draft.plan.refuse(Reason::Invalid, field, text);
        }
        let Resolution { answers, served, unknown } =
            backends(&spec.backend, &spec.variants, self.namespace, self.world, "spec.backend", &mut draft.plan);
        draft.served = match &answers {
            None => served,
            // A version that only its own resource's routes lead to is none of this one's.
            Some(answers) => served.into_iter().filter(|one| answers.iter().any(|rule| rule.leads_to(one))).collect(),
        };
        draft.lacks_backend = answers.is_none();
        let waits = draft.plan.waits.len();
        let authorizer = self.authorizer(draft);
        let authorizer_is_unknown = draft.plan.waits[waits..].iter().any(|wait| wait.reason == Reason::Pending);
        // Its hole is one of the route's, whatever is known of the gateway.
        let guard = authorizer.iter().flatten().map(|(_, served)| served.clone());
        let guard: Vec<Served> = guard.filter(|one| !draft.served.contains(one)).collect();
        draft.served.extend(guard);
        let enforcing =
            authorizer.and_then(|authorizer| self.enforcing(&seat, &gateway, authorizer.map(|one| one.0), draft));
        let ruling;
        (ruling, draft.heirs) = self.rule(&seat);
        draft.ruling = Some(ruling.clone());
        draft.controller = Some(gateway);
        draft.seat = Some(seat.clone());
        match ruling {
            Ruling::Lost(_, why) => {
                let field = match self.route.spec.protocol {
                    Protocol::Tcp => "spec.port",
                    Protocol::TlsPassthrough => "spec.hostnames",
                    _ if self.route.spec.api.is_some() => "spec.api",
                    _ => "spec.basePath",
                };
                draft.plan.refuse(Reason::Conflicted, field, why);
                return;
            }
            Ruling::Unknown(what) => {
                draft.plan.wait(Reason::Pending, what);
                return self.leave(&mut draft.plan, true);
            }
            Ruling::Had(_) => {}
        }
        // Nothing of it may serve without what it must not serve without.
        if let Some(enforcing) = &enforcing
            && enforcing.missing.iter().any(|one| one.is_strict)
        {
            for one in enforcing.missing.iter().filter(|one| one.is_strict) {
                let controller = draft.controller.as_ref().and_then(|one| one.name.clone());
                let is_all = ["spec.protocol", "spec.policies.backendTls"].contains(&one.field);
                let way_round = if is_all || self.route.spec.on_unsupported == Some(OnUnsupported::Degrade) {
                    "this cannot be done without"
                } else {
                    "remove it, or see whether onUnsupported: Degrade will do"
                };
                let text = format!(
                    "nothing enforces it on gateway {} ({}): that needs {}; {way_round}",
                    seat.gateway,
                    controller.as_deref().unwrap_or("no known controller"),
                    one.feature
                );
                draft.plan.refuse(Reason::Unsupported, one.field, text);
            }
            return;
        }
        let quarantined = self.home.is_quarantined();
        if !quarantined
            && (unknown || authorizer_is_unknown || self.home.stands_still() || !draft.plan.refusals.is_empty())
        {
            draft.plan.undecided.push(Undecided::Kind(&NETWORK_POLICY, self.namespace.to_owned()));
        } else if !quarantined && (self.may_write(draft) || !draft.routes.is_empty()) {
            // A hole comes with its route, and goes with what it leads to, whatever else is in the way.
            let policies = build_route_policies(&self.parts(), &seat.profile.data_plane(), &draft.served);
            draft.plan.desired.extend(policies);
        }
        match answers.zip(enforcing).filter(|_| self.may_write(draft)) {
            Some((answers, enforcing)) => self.want(&seat, &answers, &enforcing, draft),
            None => self.leave(&mut draft.plan, false),
        }
    }

    fn parts(&self) -> RouteParts<'_> {
        RouteParts { place: &self.home.place, name: self.name() }
    }

    /// Whether anything may be changed now.
    fn may_write(&self, draft: &Draft) -> bool {
        draft.plan.refusals.is_empty()
            && !self.home.stands_still()
            && self.kinds.contains(&self.kind())
            && draft.plan.waits.is_empty()
    }

    fn kind(&self) -> &'static Resource {
        match self.route.spec.protocol {
            Protocol::Grpc => &GRPC_ROUTE,
            Protocol::TlsPassthrough => &TLS_ROUTE,
            Protocol::Tcp => &TCP_ROUTE,
            Protocol::Http | Protocol::WebSocket | Protocol::Sse => &HTTP_ROUTE,
        }
    }

    /// The kinds of policies of which it is not known which there are. They are watched while somebody lists them.
    fn unseen_policies(&self) -> Vec<&'static Resource> {
        let is_seen = |kind: &'static Resource| {
            is_to_be_had(kind, self.world) == Some(true)
                && self.world.list(kind, Scope::OwnedBy(self.path())) != Lookup::NotSynced
        };
        POLICY_KINDS.into_iter().filter(|kind| !is_seen(kind)).collect()
    }

    /// Leaves what there is as it is; the holes in the network only if that is said.
    fn leave(&self, plan: &mut Plan, with_holes: bool) {
        let mut kinds: Vec<&'static Resource> = self.kinds.to_vec();
        kinds.extend(POLICY_KINDS);
        // In quarantine there are none, whatever is not known.
        if with_holes && !self.home.is_quarantined() {
            kinds.push(&NETWORK_POLICY);
        }
        plan.undecided.extend(kinds.into_iter().map(|kind| Undecided::Kind(kind, self.namespace.to_owned())));
    }

    /// Whether all that its routes have now may still be had: the gateway, by some profile for this stage, and each host.
    fn may_stay(&self, draft: &Draft) -> bool {
        let texts = |route: &Value, field: &str| -> Vec<String> {
            route[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        draft.routes.iter().all(|route| {
            let has = texts(route, "parents");
            let fits = |profile: &&GatewayProfile| {
                profile.serves(&self.home.stage) && parents(profile, self.home).iter().any(|one| has.contains(one))
            };
            let profiles: Vec<&GatewayProfile> = self.platform.gateways.iter().filter(fits).collect();
            let is_granted = |host: &String| {
                host.starts_with(':')
                    || profiles.iter().any(|profile| profile.hosts.contains(host))
                    || self.home.hostnames.iter().any(|granted| crate::names::is_host_within(host, granted))
            };
            !profiles.is_empty() && texts(route, "hostnames").iter().all(is_granted)
        })
    }

    fn refuse_unsupported(&self, plan: &mut Plan) {
        let spec = &self.route.spec;
        if spec.protocol == Protocol::Grpc && spec.api.is_some() {
            let text = "gRPC is found by hostname alone: set basePath: / instead of api";
            plan.refuse(Reason::Invalid, "spec.api", text);
        }
        if spec.protocol == Protocol::Grpc && spec.base_path.as_deref().is_some_and(|path| path != "/") {
            plan.refuse(Reason::Invalid, "spec.basePath", "gRPC is found by hostname alone: set basePath: /");
        }
        let timeouts = spec.policies.as_ref().and_then(|policies| policies.timeouts.as_ref());
        if let Some(timeouts) = timeouts
            && let (Some(request), Some(backend)) = (timeouts.request, timeouts.backend_request)
            && request.seconds() > 0
            && backend > request
        {
            let text = "is longer than request, which is for all attempts together: make it shorter, or request longer";
            plan.refuse(Reason::Invalid, "spec.policies.timeouts.backendRequest", text);
        }
    }

    /// What enforces the policies; none while that is not known.
    fn enforcing(
        &self,
        seat: &Seat,
        gateway: &Controller,
        authorizer: Option<Authorizer>,
        draft: &mut Draft,
    ) -> Option<Enforcing> {
        let spec = &self.route.spec;
        let policies = spec.policies.clone().unwrap_or_default();
        if !gateway.is_known() {
            // What it can do is told by whoever puts it into effect; until then nothing is changed.
            let why = gateway.trouble.as_ref().map_or_else(
                || format!("the class of gateway {} does not say yet what it supports", seat.gateway),
                |(_, _, why)| why.clone(),
            );
            draft.plan.wait(Reason::GatewayNotReady, why);
            return None;
        }
        let demands = Demands {
            policies: &policies,
            prefix: spec.prefix,
            path: &seat.path,
            deprecated: spec.docs.as_ref().and_then(|docs| docs.deprecated.as_ref()),
            on_unsupported: spec.on_unsupported,
            authorizer,
            grpc: spec.protocol == Protocol::Grpc,
            streams: matches!(spec.protocol, Protocol::Grpc | Protocol::WebSocket),
            route: (self.namespace, self.name()),
        };
        let Some(mut enforcing) = enforce(&demands, seat, gateway, self.world) else {
            draft.plan.wait(Reason::Pending, "it is not known yet what the gateway's controller can enforce");
            return None;
        };
        let needed = match spec.protocol {
            Protocol::Grpc => Some(Feature::Grpc),
            Protocol::TlsPassthrough => Some(Feature::Tls),
            Protocol::Tcp => Some(Feature::Tcp),
            Protocol::Http | Protocol::WebSocket | Protocol::Sse => None,
        };
        if let Some(feature) = needed.filter(|feature| !gateway.can(*feature)) {
            let feature = feature.name().to_owned();
            enforcing.missing.push(Missing { field: "spec.protocol", feature, is_strict: true });
        }
        draft.missing.clone_from(&enforcing.missing);
        draft.notes.clone_from(&enforcing.notes);
        Some(enforcing)
    }

    /// Where an external service that decides is asked: none if there is none to be, and none at all while it is missing.
    #[allow(clippy::option_option)] // Not asked for, and not there, are two things.
    fn authorizer(&self, draft: &mut Draft) -> Option<Option<(Authorizer, Served)>> {
        let auth = self.route.spec.policies.as_ref().and_then(|policies| policies.auth.as_ref());
        let Some(external) =
            auth.filter(|auth| auth.type_ == AuthType::External).and_then(|auth| auth.external.as_ref())
        else {
            return Some(None);
        };
        let backend = Backend { application_ref: Some(external.application_ref.clone()), ..Backend::default() };
        let field = "spec.policies.auth.external";
        let served =
            backends(&backend, &[], self.namespace, self.world, field, &mut draft.plan).served.into_iter().next()?;
        let address =
            sort::APPLICATION.address(self.namespace, &external.application_ref.name, served.port, &external.path);
        let authorizer = Authorizer { address, service: served.service.clone(), port: served.port };
        Some(Some((authorizer, served)))
    }

    /// Whether its path may be had, and by whom after it.
    fn rule(&self, seat: &Seat) -> (Ruling, Heirs) {
        let mut namespaces: BTreeSet<String> = self.home.siblings.iter().cloned().collect();
        namespaces.insert(self.namespace.to_owned());
        let created =
            self.route.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
        let me = Claimant { namespace: self.namespace, name: self.name(), created: &created, namespaces: &namespaces };
        let seat_of = |other: &Value| {
            let streams = |protocol: &Value| ["TCP", "TLSPassthrough"].iter().position(|one| protocol == one);
            let mine = self.spec();
            if streams(&other["spec"]["protocol"]) != streams(&mine["protocol"]) {
                return None;
            }
            let namespace = other["metadata"]["namespace"].as_str()?;
            match standing(namespace, self.world) {
                Standing::Home(home) => crate::routing::seat(&other["spec"], &home, self.platform, self.world).ok(),
                Standing::Leaving | Standing::Foreign(_) | Standing::Unknown(_) => None,
            }
        };
        let ruling = rule(&me, seat, self.kinds, &seat_of, self.world);
        let heirs = match &ruling {
            Ruling::Had(_) => heirs(&me, seat, &seat_of, self.world).map_or(Heirs::Unknown, Heirs::Known),
            Ruling::Lost(..) => Heirs::default(),
            Ruling::Unknown(_) => Heirs::Unknown,
        };
        (ruling, heirs)
    }

    fn want(&self, seat: &Seat, answers: &[Answer], enforcing: &Enforcing, draft: &mut Draft) {
        let parts = self.parts();
        let protocol = self.route.spec.protocol;
        let routes = match answers.last().filter(|_| protocol.is_stream()) {
            Some(answer) => build_stream_routes(&parts, seat, answer),
            None => build_routes(&parts, seat, answers, enforcing, protocol == Protocol::Grpc),
        };
        let plan = &mut draft.plan;
        for one in &enforcing.objects {
            let mut spec = one.spec.clone();
            let named = match one.names {
                Names::Nothing => None,
                Names::Routes => Some(self.targets(&routes)),
                Names::Services => Some(services(answers)),
            };
            let is_told = named.is_some();
            if let Some(named) = named {
                spec["targetRefs"] = named;
            }
            let object = parts.object(one.resource, one.role).with("spec", &spec);
            if is_told {
                draft.told.push(object.key().clone());
            }
            plan.want(object);
        }
        let unseen = self.unseen_policies().into_iter();
        plan.undecided.extend(unseen.map(|kind| Undecided::Kind(kind, self.namespace.to_owned())));
        draft.is_wanted = true;
        plan.desired.extend(routes);
    }

    /// The routes that a policy is for: those that are wanted, and those that are still there, which must not serve without it before
    /// they are removed.
    fn targets(&self, wanted: &[Desired]) -> Value {
        let owner = self.path();
        let there = self.kinds.iter().flat_map(|kind| {
            let listed = self.world.list(kind, Scope::OwnedBy(owner.clone())).found().unwrap_or_default();
            let ours = listed.into_iter().filter(|route| route["owner"] == owner.as_str());
            ours.filter_map(|route| route["name"].as_str().map(|name| (kind.kind, name.to_owned()))).collect::<Vec<_>>()
        });
        let wanted = wanted.iter().map(|route| (route.key().resource.kind, route.key().name.clone()));
        let all: BTreeSet<(&str, String)> = there.chain(wanted).collect();
        all.into_iter().map(|(kind, name)| json!({ "group": HTTP_ROUTE.group, "kind": kind, "name": name })).collect()
    }
}

/// The Services that a policy is for: all to which requests go.
fn services(answers: &[Answer]) -> Value {
    let all = answers.iter().flat_map(|answer| &answer.shares).map(|(served, _)| served.service.as_str());
    let all: BTreeSet<&str> = all.collect();
    all.into_iter().map(|name| json!({ "group": "", "kind": "Service", "name": name })).collect()
}
