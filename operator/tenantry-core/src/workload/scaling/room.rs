//! How many pods the quota of a namespace has room for. What a container does not name it gets from the namespace's limit range, and that counts
//! as well.

use serde_json::Value;

use super::super::pods::amounts;
use super::super::types::{Strategy, Trunk};
use crate::fields::Quantities;
use crate::names::{LIMITS, QUOTA};
use crate::object::ObjectKey;
use crate::quantity::Quantity;
use crate::resources::{LIMIT_RANGE, RESOURCE_QUOTA};
use crate::world::{Lookup, World};

/// The quota, or what pods count in it, is not known.
#[derive(Debug)]
pub(super) struct Unknown;

/// A rollout of fewer pods can begin with a further one only: a quarter of them is none.
const NEEDS_ONE_MORE: i32 = 4;

/// For how many pods the quota of the namespace has room at all, and which resource says so. By what it may have, not by what is
/// free now: that changes all the time.
pub(super) fn room(trunk: &Trunk, namespace: &str, world: &World) -> Result<Option<(i32, String)>, Unknown> {
    let quota = match world.get(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, QUOTA)) {
        Lookup::Found(quota) => quota,
        Lookup::Missing => return Ok(None),
        Lookup::NotSynced => return Err(Unknown),
    };
    let limit_range = match world.get(&ObjectKey::namespaced(&LIMIT_RANGE, namespace, LIMITS)) {
        Lookup::Found(limit_range) => Some(limit_range),
        Lookup::Missing => None,
        Lookup::NotSynced => return Err(Unknown),
    };
    let (requests, limits) = with_defaults(amounts(trunk), limit_range.as_deref().unwrap_or(&Value::Null));
    let one = || "1".parse::<Quantity>().ok();
    let needs = |name: &str| -> Option<Quantity> {
        match name.split_once('.') {
            None if name == "pods" => one(),
            Some(("requests", resource)) => requests.get(resource).copied(),
            Some(("limits", resource)) => limits.get(resource).copied(),
            _ if name == "cpu" || name == "memory" => requests.get(name).copied(),
            _ => None,
        }
    };
    let hard = quota["status"]["hard"].as_object().into_iter().flatten();
    let rooms = hard.filter_map(|(name, amount)| {
        let (hard, need) = (amount.as_str()?.parse::<Quantity>().ok()?, needs(name)?);
        let most = hard.nanos().checked_div(need.nanos())?;
        Some((i32::try_from(most).unwrap_or(i32::MAX), name.clone()))
    });
    let surges = trunk.rollout.as_ref().is_none_or(|rollout| rollout.strategy == Strategy::RollingUpdate);
    let spare = |(most, resource): (i32, String)| {
        let rolls = !surges || most == 1 || most > NEEDS_ONE_MORE;
        (if rolls { most } else { most - 1 }, resource)
    };
    Ok(rooms.min().map(spare))
}

/// What a container requests and may use once the API server is through with it: it requests what it may use if it says nothing else,
/// and of what it does not name it has what the limit range says. (`plugin/pkg/admission/limitranger` of Kubernetes.)
fn with_defaults(
    (mut requests, mut limits): (Quantities, Quantities),
    limit_range: &Value,
) -> (Quantities, Quantities) {
    fill(&mut requests, limits.clone());
    fill(&mut requests, parse(&limit_range["defaultRequest"]));
    fill(&mut limits, parse(&limit_range["default"]));
    (requests, limits)
}

fn fill(amounts: &mut Quantities, from: Quantities) {
    for (name, amount) in from {
        amounts.entry(name).or_insert(amount);
    }
}

fn parse(amounts: &Value) -> Quantities {
    let amounts = amounts.as_object().into_iter().flatten();
    amounts.filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.parse().ok()?))).collect()
}
