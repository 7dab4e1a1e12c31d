//! ResourceQuotas as the API server shows them: their amounts, and what is used beyond them. It bounds nothing.

use serde_json::Value;

use crate::fields::Quantities;

/// A resource list, such as `spec.hard` and `status.used`. What is no amount is left out.
pub fn amounts(list: &Value) -> Quantities {
    let entries = list.as_object().into_iter().flatten();
    entries.filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.parse().ok()?))).collect()
}

/// What is used beyond these bounds, each in a sentence with what to do about it.
pub fn beyond(used: &Quantities, hard: &Quantities) -> Vec<String> {
    let beyond = hard.iter().filter_map(|(name, bound)| {
        let used = used.get(name).filter(|used| *used > bound)?;
        Some(format!(
            "{used} {name} are used, more than {bound}: nothing that counts there can be made until less is used, or the quota is raised"
        ))
    });
    beyond.collect()
}
