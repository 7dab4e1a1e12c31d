//! Through which gateway a route is reached, and under which hosts.

use std::fmt;

use serde_json::Value;

use super::entries;
use super::features::takes_sets;
use super::wish::Wish;
use crate::conditions::Reason;
use crate::kinds::service_route::types::Protocol;
use crate::kinds::tenantry_platform::types::{Exposure, GatewayMode, GatewayProfile, GatewayRef, TenantryPlatformSpec};
use crate::names;
use crate::plan::Refusal;
use crate::resources::{GATEWAY, LISTENER_SET, Resource};
use crate::workload::Home;
use crate::world::World;

/// What a Gateway or a ListenerSet can hold.
pub(crate) const MOST_LISTENERS: usize = 64;

/// The place of a route on a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    /// What the platform says of the gateway.
    pub(crate) profile: GatewayProfile,
    /// What it is attached to.
    pub(crate) parent: Parent,
    /// The same in words, as the index of claims has it.
    pub(crate) gateway: String,
    /// The hosts; at least one. The port of a stream, after a colon, stands for its host.
    pub(crate) hosts: Vec<String>,
    /// The path.
    pub(crate) path: String,
    /// What is spoken.
    pub(crate) protocol: Protocol,
}

impl Seat {
    /// What is claimed, in words.
    pub(crate) fn claimed(&self) -> String {
        if self.protocol.is_stream() { self.hosts.join(", ") } else { self.path.clone() }
    }

    /// The names of the listeners that a route with these of its hosts is attached to; none for all that take it.
    pub(crate) fn sections(&self, hosts: &[String]) -> Vec<String> {
        match &self.parent.sections {
            Sections::All => Vec::new(),
            Sections::One(name) => vec![name.clone()],
            Sections::Own(tenant, granted) => entries::reached(&self.profile, tenant, granted, self.protocol, hosts),
        }
    }

    /// What that is called.
    pub(crate) fn claims(&self) -> &'static str {
        match self.protocol {
            Protocol::Tcp => "port",
            Protocol::TlsPassthrough => "hostname",
            Protocol::Http | Protocol::Grpc | Protocol::WebSocket | Protocol::Sse => "path",
        }
    }
}

/// What routes are attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    /// A Gateway or a ListenerSet.
    pub(crate) kind: &'static Resource,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The listeners of it.
    pub(crate) sections: Sections,
    /// The port of the only listener of it, if it is just one.
    pub(crate) port: Option<i32>,
}

/// Which listeners routes are attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sections {
    /// All that take them.
    All,
    /// The one of this name.
    One(String),
    /// Those that are this tenant's alone, of those that it has for these hosts.
    Own(String, Vec<String>),
}

/// As facts about routes name it.
impl fmt::Display for Parent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self.kind != GATEWAY {
            write!(out, "{} ", self.kind.kind)?;
        }
        write!(out, "{}/{}", self.namespace, self.name)
    }
}

/// How routes get onto a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// On listeners that all tenants share.
    Shared,
    /// On listeners of the tenant's own in a ListenerSet, if they name hostnames of the tenant's.
    Set,
    /// The same, with listeners in the Gateway itself.
    Entries,
    /// On a Gateway of the environment's own.
    Own,
}

/// How they do by this profile; or, while that is not known, what is missing.
pub(crate) fn manner(profile: &GatewayProfile, world: &World) -> Result<Manner, String> {
    match profile.mode {
        GatewayMode::SharedListener => Ok(Manner::Shared),
        GatewayMode::ListenerSet => Ok(Manner::Set),
        GatewayMode::ManagedListener => Ok(Manner::Entries),
        GatewayMode::GatewayPerEnvironment => Ok(Manner::Own),
        GatewayMode::Auto => match takes_sets(profile, world) {
            Some(true) => Ok(Manner::Set),
            Some(false) => Ok(Manner::Shared),
            None => Err(format!("it is not known yet what gateway profile {} can do", profile.name)),
        },
    }
}

/// Where a ServiceRoute is not found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unseated {
    /// Its spec asks for what may not be.
    Refused(Refusal),
    /// It is not known yet; with what is missing.
    Unknown(String),
}

impl From<Refusal> for Unseated {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Where a ServiceRoute with this spec is found, if it lives there.
pub(crate) fn seat(
    spec: &Value,
    home: &Home,
    platform: &TenantryPlatformSpec,
    world: &World,
) -> Result<Seat, Unseated> {
    let Wish { hostnames, path, port } = Wish::of(spec);
    let exposure: Exposure = serde_json::from_value(spec["exposure"].clone()).unwrap_or_default();
    let protocol: Protocol = serde_json::from_value(spec["protocol"].clone()).unwrap_or_default();
    let profile = profile(home, exposure, platform)?;
    let parent = match &profile.gateway_ref {
        None => Parent::of_own(&GATEWAY, &home.place.namespace, &profile),
        // What names no hostname is on the hosts that all share, whatever else there is.
        Some(reference) if hostnames.is_empty() => Parent::of_shared(reference, Sections::of(reference)),
        Some(reference) => match manner(&profile, world).map_err(Unseated::Unknown)? {
            Manner::Set => Parent::of_own(&LISTENER_SET, &home.place.tenant, &profile),
            Manner::Entries => {
                Parent::of_shared(reference, Sections::Own(home.place.tenant.clone(), home.hostnames.clone()))
            }
            Manner::Shared | Manner::Own => Parent::of_shared(reference, Sections::of(reference)),
        },
    };
    let parent = Parent { port, ..parent };
    let gateway = parent.to_string();
    if let Some(port) = port {
        return Ok(Seat { profile, parent, gateway, hosts: vec![format!(":{port}")], path, protocol });
    }
    let at_once = profile.gateway();
    let is_shared =
        |host: &&String| platform.gateways.iter().any(|one| one.gateway() == at_once && one.hosts.contains(host));
    if let Some(host) = hostnames.iter().find(is_shared) {
        return Err(Refusal::new(
            Reason::Invalid,
            format!("spec.hostnames[{host}]"),
            "all tenants share this host: leave it out, and the route is found there",
        )
        .into());
    }
    if let Some(host) =
        hostnames.iter().find(|host| !home.hostnames.iter().any(|granted| names::is_host_within(host, granted)))
    {
        let granted = if home.hostnames.is_empty() { "none".to_owned() } else { home.hostnames.join(", ") };
        return Err(Refusal::new(
            Reason::Invalid,
            format!("spec.hostnames[{host}]"),
            format!(
                "is not granted to tenant {} ({granted}): use one that is, or have it added to spec.hostnames of the Tenant",
                home.place.tenant
            ),
        )
        .into());
    }
    if !hostnames.is_empty() {
        return Ok(Seat { profile, parent, gateway, hosts: hostnames, path, protocol });
    }
    if profile.hosts.is_empty() {
        return Err(Refusal::new(
            Reason::Invalid,
            "spec.hostnames",
            format!(
                "gateway profile {} of the platform has no hosts that tenants share: name hostnames of the tenant's",
                profile.name
            ),
        )
        .into());
    }
    let nameless = match protocol {
        Protocol::Grpc => Some("gRPC"),
        Protocol::TlsPassthrough => Some("TLS"),
        Protocol::Http | Protocol::WebSocket | Protocol::Sse | Protocol::Tcp => None,
    };
    if let Some(spoken) = nameless {
        let text = format!(
            "{spoken} is found by hostname alone, and the shared hosts are nobody's: name a hostname of the tenant's"
        );
        return Err(Refusal::new(Reason::Invalid, "spec.hostnames", text).into());
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    if spec["api"].is_null() && (first.is_empty() || first.eq_ignore_ascii_case("api")) {
        return Err(Refusal::new(
            Reason::Invalid,
            "spec.basePath",
            "on hosts that tenants share, / is nobody's, and /api is for what is published by spec.api: choose another first segment, use spec.api, or name hostnames of the tenant's",
        )
        .into());
    }
    Ok(Seat { hosts: profile.hosts.clone(), profile, parent, gateway, path, protocol })
}

impl Parent {
    /// What is made for a tenant or an environment alone.
    pub(crate) fn of_own(kind: &'static Resource, namespace: &str, profile: &GatewayProfile) -> Self {
        let (namespace, name) = (namespace.to_owned(), profile.own_name());
        Self { kind, namespace, name, sections: Sections::All, port: None }
    }

    /// The platform's Gateway.
    fn of_shared(reference: &GatewayRef, sections: Sections) -> Self {
        let GatewayRef { namespace, name, .. } = reference.clone();
        Self { kind: &GATEWAY, namespace, name, sections, port: None }
    }
}

impl Sections {
    fn of(reference: &GatewayRef) -> Self {
        reference.section_name.clone().map_or(Self::All, Self::One)
    }
}

/// All that routes of this environment can be attached to by this profile, in words.
pub(crate) fn parents(profile: &GatewayProfile, home: &Home) -> Vec<String> {
    let own = Parent::of_own(&GATEWAY, &home.place.namespace, profile).to_string();
    let set = Parent::of_own(&LISTENER_SET, &home.place.tenant, profile).to_string();
    match (profile.gateway(), profile.mode) {
        (Some(gateway), GatewayMode::Auto | GatewayMode::ListenerSet) => vec![gateway, set],
        (Some(gateway), _) => vec![gateway],
        (None, _) => vec![own],
    }
}

fn profile(home: &Home, exposure: Exposure, platform: &TenantryPlatformSpec) -> Result<GatewayProfile, Refusal> {
    platform.gateway_for(&home.stage, exposure).cloned().ok_or_else(|| {
        Refusal::new(
            Reason::Unsupported,
            "spec.exposure",
            format!(
                "the platform has no gateway for stage {} and exposure {exposure:?}: have one added to spec.gateways of the TenantryPlatform",
                home.stage
            ),
        )
    })
}
