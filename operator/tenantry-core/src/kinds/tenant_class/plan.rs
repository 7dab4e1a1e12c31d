//! A class wants no object; its plan says what of it contradicts itself.

use crate::cidr::Cidr;
use crate::conditions::Reason;
use crate::fields::{PodSecurity, Quantities};
use crate::kinds::tenant;
use crate::plan::Plan;

use super::types::TenantClassSpec;

/// Checks a class against itself.
pub(super) fn plan(spec: &TenantClassSpec) -> Plan {
    let mut plan = Plan::default();
    let (defaults, bounds) = (&spec.defaults, &spec.bounds);
    let none = Quantities::new();
    let default_quota = defaults.quota.as_ref().unwrap_or(&none);
    tenant::check_quota_names("spec.defaults.quota", default_quota, &mut plan);
    tenant::check_quota_names("spec.bounds.quota", bounds.quota.as_ref().unwrap_or(&none), &mut plan);
    for (name, bound) in bounds.quota.iter().flatten() {
        if let Some(default) = default_quota.get(name).filter(|default| *default > bound) {
            plan.refuse(
                Reason::Invalid,
                format!("spec.defaults.quota[{name}]"),
                format!("{default} is more than {bound} in spec.bounds.quota: lower it, or raise the bound"),
            );
        }
    }
    for stage in &defaults.environments {
        let field = format!("spec.defaults.environments[{:?}]", stage.stage);
        if let Some(quota) = &stage.quota {
            tenant::check_quota_names(&format!("{field}.quota.guaranteed"), &quota.guaranteed, &mut plan);
            tenant::check_quota_names(&format!("{field}.quota.max"), &quota.max, &mut plan);
            for (name, amount) in &quota.guaranteed {
                if let Some(max) = quota.max.get(name).filter(|max| amount > max) {
                    let text = format!("{amount} is more than {max} in quota.max: lower it, or raise the maximum");
                    plan.refuse(Reason::Invalid, format!("{field}.quota.guaranteed[{name}]"), text);
                }
            }
        }
        let allowed = bounds.pod_security.as_deref().unwrap_or(&[PodSecurity::Restricted, PodSecurity::Baseline]);
        if let Some(level) = stage.pod_security.filter(|level| !allowed.contains(level)) {
            let text =
                format!("{level:?} is not among spec.bounds.podSecurity {allowed:?}: choose one of these, or add it");
            plan.refuse(Reason::Invalid, format!("{field}.podSecurity"), text);
        }
    }
    for (index, network) in bounds.network.egress.iter().enumerate() {
        if let Err(fault) = network.parse::<Cidr>() {
            plan.refuse(Reason::Invalid, format!("spec.bounds.network.egress[{index}]"), fault.to_string());
        }
    }
    let pairs = [
        ("internet", defaults.network.internet, bounds.network.internet),
        ("apiServer", defaults.network.api_server, bounds.network.api_server),
    ];
    for (field, default, bound) in pairs {
        if default > bound {
            plan.refuse(
                Reason::Invalid,
                format!("spec.defaults.network.{field}"),
                format!("Allow is refused by spec.bounds.network.{field}: set Deny here, or Allow there"),
            );
        }
    }
    plan
}
