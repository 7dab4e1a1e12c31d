//! How many pods the quota of a namespace has room for.

use super::super::pods::amounts;
use super::super::types::Trunk;
use crate::names::QUOTA;
use crate::object::ObjectKey;
use crate::quantity::Quantity;
use crate::resources::RESOURCE_QUOTA;
use crate::world::{Lookup, World};

/// For how many pods the quota of the namespace has room at all, and which resource says so. By what it may have, not by what is
/// free now: that changes all the time.
pub(super) fn room(trunk: &Trunk, namespace: &str, world: &World) -> Option<(i32, String)> {
    let Lookup::Found(quota) = world.get(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, QUOTA)) else {
        return None;
    };
    let (requests, limits) = amounts(trunk);
    let one = || "1".parse::<Quantity>().ok();
    let needs = |name: &str| -> Option<Quantity> {
        match name.split_once('.') {
            None if name == "pods" => one(),
            Some(("requests", resource)) => requests.get(resource).or_else(|| limits.get(resource)).copied(),
            Some(("limits", resource)) => limits.get(resource).copied(),
            _ if name == "cpu" || name == "memory" => requests.get(name).copied(),
            _ => None,
        }
    };
    let hard = quota["status"]["hard"].as_object()?;
    let rooms = hard.iter().filter_map(|(name, amount)| {
        let (hard, need) = (amount.as_str()?.parse::<Quantity>().ok()?, needs(name)?);
        let most = hard.nanos().checked_div(need.nanos())?;
        Some((i32::try_from(most).unwrap_or(i32::MAX), name.clone()))
    });
    rooms.min()
}
