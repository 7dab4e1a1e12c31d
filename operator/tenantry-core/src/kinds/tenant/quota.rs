//! Quotas as arithmetic: what may be bounded at all, the class's bound on the whole, and what can be guaranteed. Every
//! refusal shows the sum.

use std::collections::BTreeMap;

use crate::conditions::Reason;
use crate::escrow::Share;
use crate::fields::Quantities;
use crate::kinds::tenant_class::types::TenantClassSpec;
use crate::names;
use crate::plan::Plan;
use crate::quantity::Quantity;

/// What the API server takes in a ResourceQuota without a domain (k8s.io/kubernetes/pkg/apis/core/helper).
const STANDARD: [&str; 19] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// How many resources a quota may name, here and in the schema of the status.
pub(super) const MOST_NAMES: usize = 64;

/// Refuses names and amounts that the API server would refuse; says whether all were good.
pub(crate) fn check_names(field: &str, quantities: &Quantities, plan: &mut Plan) -> bool {
    let before = plan.refusals.len();
    if quantities.len() > MOST_NAMES {
        let text = format!(
            "{} resources, the class's defaults included, are more than {MOST_NAMES}: name fewer",
            quantities.len()
        );
        plan.refuse(Reason::Invalid, field, text);
    }
    for (name, amount) in quantities {
        if !is_quota_name(name) {
            plan.refuse(Reason::Invalid, format!("{field}[{name}]"), "is nothing a quota can bound: use names such as requests.cpu, limits.memory, pods, requests.nvidia.com/gpu, count/jobs.batch or <class>.storageclass.storage.k8s.io/requests.storage");
        } else if names::is_counted(name) && !amount.is_whole() {
            plan.refuse(
                Reason::Invalid,
                format!("{field}[{name}]"),
                format!("{amount} is not a whole number, and these are counted: write one"),
            );
        }
    }
    plan.refusals.len() == before
}

/// Refuses a total above the class's bound; says whether it fits.
pub(super) fn check_bound(total: &Quantities, class_name: &str, class: &TenantClassSpec, plan: &mut Plan) -> bool {
    let before = plan.refusals.len();
    for (name, bound) in class.bounds.quota.iter().flatten() {
        let field = format!("spec.quota[{name}]");
        match total.get(name) {
            Some(wanted) if wanted <= bound => {}
            Some(wanted) => plan.refuse(Reason::Invalid, field, format!("{wanted} is more than the {bound} that class {class_name} allows: lower it, or ask the platform team for another class")),
            None => plan.refuse(Reason::Invalid, field, format!("class {class_name} bounds it to {bound}: add it, with at most that")),
        }
    }
    plan.refusals.len() == before
}

/// Refuses guarantees that cannot be kept: of what the total does not bound, above the environment's own maximum, or adding
/// up to more than the total.
pub(super) fn check_shares(total: &Quantities, shares: &BTreeMap<&str, Share>, plan: &mut Plan) -> bool {
    let before = plan.refusals.len();
    for (environment, share) in shares {
        for (name, amount) in &share.guaranteed {
            let field = format!("spec.environments[{environment}].quota.guaranteed[{name}]");
            if !total.contains_key(name) {
                plan.refuse(Reason::Invalid, field, "the tenant's quota does not bound it, so there is nothing to guarantee a part of: add it to spec.quota, or remove it here");
            } else if let Some(max) = share.max.get(name).filter(|max| amount > max) {
                plan.refuse(
                    Reason::Invalid,
                    field,
                    format!("{amount} is more than {max} in quota.max: lower it, or raise the maximum"),
                );
            }
        }
    }
    for (name, bound) in total {
        let parts = || shares.iter().filter_map(|(name_of, share)| Some((name_of, share.guaranteed.get(name)?)));
        let sum: Quantity = parts().map(|(_, amount)| *amount).sum();
        if sum > *bound {
            let terms: Vec<String> = parts().map(|(environment, amount)| format!("{environment} {amount}")).collect();
            plan.refuse(
                Reason::Invalid,
                format!("spec.quota[{name}]"),
                format!(
                    "the environments' guaranteed shares add up to {sum} ({}), more than {bound}: lower one or raise the total",
                    terms.join(" + ")
                ),
            );
        }
    }
    plan.refusals.len() == before
}

fn is_quota_name(name: &str) -> bool {
    if STANDARD.contains(&name) {
        return true;
    }
    if let Some(size) = name.strip_prefix("requests.hugepages-").or_else(|| name.strip_prefix("hugepages-")) {
        return size.parse::<Quantity>().is_ok_and(|size| size > Quantity::ZERO);
    }
    let Some((prefix, rest)) = name.split_once('/') else { return false };
    if prefix == "count" {
        return !rest.is_empty() && rest.split('.').all(names::is_dns_label);
    }
    if prefix.ends_with(".storageclass.storage.k8s.io") {
        return names::is_qualified_name(name) && ["requests.storage", "persistentvolumeclaims"].contains(&rest);
    }
    // An extended resource such as a GPU: only its requests can be bounded.
    let extended = prefix.strip_prefix("requests.").is_some_and(|domain| domain.contains('.'));
    extended && !prefix.ends_with("kubernetes.io") && names::is_qualified_name(name)
}

/// The most an environment may ever have of each resource that is bounded at all.
pub(super) fn bounds(total: &Quantities, share: &Share) -> Quantities {
    let mut bounds = share.max.clone();
    for (name, amount) in total {
        let max = bounds.entry(name.clone()).or_insert(*amount);
        *max = (*max).min(*amount);
    }
    bounds
}
