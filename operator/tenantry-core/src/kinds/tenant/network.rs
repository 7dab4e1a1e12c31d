//! What a tenant may reach outside, as openings that cannot be wrong. Metadata ranges are left out of every one.

use crate::build::Opening;
use crate::cidr::{Cidr, INTERNET_V4, INTERNET_V6};
use crate::conditions::Reason;
use crate::fields::{Permission, Port};
use crate::kinds::tenant_class::types::TenantClassSpec;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::plan::Plan;

use super::settings::Settings;
use super::types::{Egress, TenantSpec};

/// The openings, or `None` when any part was refused: then what is open now stays as it is.
pub(super) fn openings(
    spec: &TenantSpec,
    settings: &Settings,
    class: &TenantClassSpec,
    platform: &TenantryPlatformSpec,
    plan: &mut Plan,
) -> Option<Vec<Opening>> {
    let before = plan.refusals.len();
    let bounds = &class.bounds.network;
    let class_name = &spec.class_name;
    let allowed: Vec<Cidr> = bounds.egress.iter().filter_map(|network| network.parse().ok()).collect();
    let mut openings = Vec::new();
    for egress in spec.network.iter().flat_map(|network| &network.egress) {
        match opening(egress, &allowed, class_name) {
            Ok(opening) => openings.push(opening),
            Err((field, fault)) => {
                plan.refuse(Reason::Invalid, format!("spec.network.egress[{}].{field}", egress.name), fault);
            }
        }
    }
    if settings.network.internet == Permission::Allow {
        if bounds.internet == Permission::Deny {
            plan.refuse(
                Reason::Invalid,
                "spec.network.internet",
                format!("class {class_name} does not allow it: set Deny, or name single networks under egress"),
            );
        }
        openings.extend([INTERNET_V4, INTERNET_V6].into_iter().filter_map(|(whole, closed)| {
            let except = closed.iter().filter_map(|network| network.parse().ok()).collect();
            Some(Opening { network: whole.parse().ok()?, except, ports: Vec::new() })
        }));
    }
    if settings.network.api_server == Permission::Allow {
        if bounds.api_server == Permission::Deny {
            plan.refuse(
                Reason::Invalid,
                "spec.network.apiServer",
                format!("class {class_name} does not allow it: set Deny"),
            );
        }
        match &platform.api_server {
            Some(server) => {
                for network in &server.cidrs {
                    match network.parse() {
                        Ok(network) => {
                            openings.push(Opening { network, except: Vec::new(), ports: server.ports.clone() });
                        }
                        Err(fault) => plan.refuse(Reason::Unsupported, "spec.network.apiServer", format!("the platform team must mend spec.apiServer.cidrs of TenantryPlatform default: {fault}; or set Deny")),
                    }
                }
            }
            None => plan.refuse(Reason::Unsupported, "spec.network.apiServer", "nobody has said where the API server is: the platform team must set spec.apiServer.cidrs of TenantryPlatform default, or set Deny"),
        }
    }
    (plan.refusals.len() == before).then_some(openings)
}

fn opening(egress: &Egress, allowed: &[Cidr], class_name: &str) -> Result<Opening, (String, String)> {
    let fault = |text: String| ("to.cidr".to_owned(), text);
    let network: Cidr = egress.to.cidr.parse().map_err(|error| fault(format!("{error}")))?;
    if !allowed.iter().any(|bound| bound.contains(&network)) {
        let bounds: Vec<String> = allowed.iter().map(Cidr::to_string).collect();
        let bounds = if bounds.is_empty() { "no network".to_owned() } else { bounds.join(", ") };
        return Err(fault(format!(
            "{network} is not inside what class {class_name} allows ({bounds}): narrow it, or ask the platform team"
        )));
    }
    if let Some(range) = Cidr::metadata_ranges().find(|range| range.contains(&network)) {
        return Err(fault(format!(
            "{network} is in {range}, where clouds hand out credentials, and is never opened: remove it"
        )));
    }
    let mut except = Vec::new();
    for (index, text) in egress.to.except.iter().enumerate() {
        let field = || format!("to.except[{index}]");
        let hole: Cidr = text.parse().map_err(|error| (field(), format!("{error}")))?;
        if hole == network || !network.contains(&hole) {
            return Err((
                field(),
                format!("{hole} is not a part of {network}: remove it, or write a network inside it"),
            ));
        }
        except.push(hole);
    }
    for range in Cidr::metadata_ranges().filter(|range| network.contains(range)) {
        if !except.iter().any(|hole| hole.contains(&range)) {
            except.push(range);
        }
    }
    except.sort_unstable();
    let mut ports: Vec<Port> = egress.ports.clone();
    ports.sort_unstable();
    Ok(Opening { network, except, ports })
}
