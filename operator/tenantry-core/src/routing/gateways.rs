//! Through which gateway a route is reached, and under which hosts.

use serde_json::Value;

use super::wish::Wish;
use crate::conditions::Reason;
use crate::fields::Stage;
use crate::kinds::tenantry_platform::types::{Exposure, GatewayMode, GatewayProfile, TenantryPlatformSpec};
use crate::names;
use crate::plan::Refusal;
use crate::workload::Home;

/// The place of a route on a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    /// What the platform says of the gateway.
    pub(crate) profile: GatewayProfile,
    /// The Gateway, as `namespace/name`.
    pub(crate) gateway: String,
    /// The hosts; at least one.
    pub(crate) hosts: Vec<String>,
    /// The path.
    pub(crate) path: String,
}

/// Where a ServiceRoute with this spec is found, if it lives there.
pub(crate) fn seat(spec: &Value, home: &Home, platform: &TenantryPlatformSpec) -> Result<Seat, Refusal> {
    let Wish { hostnames, path } = Wish::of(spec);
    let exposure: Exposure = serde_json::from_value(spec["exposure"].clone()).unwrap_or_default();
    let profile = profile(home, exposure, platform)?;
    if !matches!(profile.mode, GatewayMode::Auto | GatewayMode::SharedListener) {
        return Err(Refusal::new(
            Reason::Unsupported,
            "spec.exposure",
            format!(
                "gateway profile {} of the platform has mode {:?}, which is not supported yet: have it set to SharedListener",
                profile.name, profile.mode
            ),
        ));
    }
    let gateway = profile.gateway();
    let is_shared =
        |host: &&String| platform.gateways.iter().any(|one| one.gateway() == gateway && one.hosts.contains(host));
    if let Some(host) = hostnames.iter().find(is_shared) {
        return Err(Refusal::new(
            Reason::Invalid,
            format!("spec.hostnames[{host}]"),
            "all tenants share this host: leave it out, and the route is found there",
        ));
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
        ));
    }
    if !hostnames.is_empty() {
        return Ok(Seat { profile, gateway, hosts: hostnames, path });
    }
    if profile.hosts.is_empty() {
        return Err(Refusal::new(
            Reason::Invalid,
            "spec.hostnames",
            format!(
                "gateway profile {} of the platform has no hosts that tenants share: name hostnames of the tenant's",
                profile.name
            ),
        ));
    }
    if spec["protocol"] == "GRPC" {
        let text =
            "gRPC is found by hostname alone, and the shared hosts are nobody's: name a hostname of the tenant's";
        return Err(Refusal::new(Reason::Invalid, "spec.hostnames", text));
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    if spec["api"].is_null() && (first.is_empty() || first.eq_ignore_ascii_case("api")) {
        return Err(Refusal::new(
            Reason::Invalid,
            "spec.basePath",
            "on hosts that tenants share, / is nobody's, and /api is for what is published by spec.api: choose another first segment, use spec.api, or name hostnames of the tenant's",
        ));
    }
    Ok(Seat { hosts: profile.hosts.clone(), profile, gateway, path })
}

fn profile(home: &Home, exposure: Exposure, platform: &TenantryPlatformSpec) -> Result<GatewayProfile, Refusal> {
    let fits = |profile: &&GatewayProfile| {
        (profile.stages.is_empty() || profile.stages.iter().any(|stage: &Stage| stage.label() == home.stage))
            && profile.is_for(exposure)
    };
    platform.gateways.iter().find(fits).cloned().ok_or_else(|| {
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
