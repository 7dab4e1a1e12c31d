//! The platform wants the admission policies as they were installed; its plan says what of its spec cannot be used, and reads
//! what the cluster serves.

use crate::cidr::Cidr;
use crate::conditions::Reason;
use crate::enforcement;
use crate::names;
use crate::plan::Plan;
use crate::resources::API_SERVICE;
use crate::world::{Scope, World};

use super::types::TenantryPlatformSpec;

/// Checks the platform's settings.
pub(super) fn plan(spec: &TenantryPlatformSpec, world: &World) -> Plan {
    // The look-up is what wakes the status when an add-on comes or goes.
    let _ = world.list(&API_SERVICE, Scope::All);
    // And what wakes it when a policy is changed, also that which is not ours to write.
    let _ = enforcement::faults(world);
    let mut plan = Plan { desired: enforcement::kept(), ..Plan::default() };
    for (index, network) in spec.api_server.iter().flat_map(|server| &server.cidrs).enumerate() {
        if let Err(fault) = network.parse::<Cidr>() {
            plan.refuse(Reason::Invalid, format!("spec.apiServer.cidrs[{index}]"), fault.to_string());
        }
    }
    for (field, labels) in [("namespaceLabels", &spec.dns.namespace_labels), ("podLabels", &spec.dns.pod_labels)] {
        for (key, value) in labels {
            if !names::is_qualified_name(key) || !names::is_label_value(value) {
                let text = format!(
                    "{key}: {value:?} is not a valid label: use at most 63 letters, digits, dashes, dots and underscores"
                );
                plan.refuse(Reason::Invalid, format!("spec.dns.{field}[{key}]"), text);
            }
        }
    }
    plan
}
