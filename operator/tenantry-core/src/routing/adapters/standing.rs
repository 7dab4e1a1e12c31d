//! What a controller tells of a policy that names the routes it is for. That it is there proves nothing: another may stand above it.

use serde_json::Value;

use crate::routing::gateways::Seat;

/// How a policy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is put into effect, as it is now.
    Enforced,
    /// Another one is, for some of what it is for; in the controller's words.
    Overridden(String),
    /// It is not, for what the controller says.
    Rejected(String),
    /// Nobody has said.
    Unknown(&'static str),
}

/// How a policy with these facts stands on this seat's gateway, as this controller tells: of the listeners that its routes are on, or of the
/// Gateway that those belong to.
pub(crate) fn standing_of(facts: Option<&Value>, seat: &Seat, controller: Option<&str>) -> Standing {
    let Some(facts) = facts else { return Standing::Unknown("is not there yet") };
    let told = facts["told"].as_array().into_iter().flatten();
    let told = told.filter(|one| {
        let is_there = one["gateway"] == seat.gateway || one["gateway"].as_str() == seat.profile.gateway().as_deref();
        is_there && one["controller"].as_str() == controller
    });
    // One for each listener that the routes are on: all must say so.
    let all: Vec<Standing> = told.map(|one| entry(&one["conditions"], &facts["generation"])).collect();
    let first = |is_it: fn(&Standing) -> bool| all.iter().find(|one| is_it(one)).cloned();
    first(|one| matches!(one, Standing::Rejected(_)))
        .or_else(|| first(|one| matches!(one, Standing::Overridden(_))))
        .or_else(|| first(|one| matches!(one, Standing::Unknown(_))))
        .or_else(|| all.first().cloned())
        .unwrap_or(Standing::Unknown("has not been looked at yet"))
}

fn entry(conditions: &Value, generation: &Value) -> Standing {
    // What was said of an earlier state says nothing of this one.
    let of = |type_: &str| {
        let mut all = conditions.as_array().into_iter().flatten();
        all.find(|one| one["type"] == type_ && one["observedGeneration"].as_i64() >= generation.as_i64())
    };
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let Some(accepted) = of("Accepted") else { return Standing::Unknown("has not been looked at as it is now") };
    if accepted["status"] == "False" {
        return Standing::Rejected(format!("{}: {}", text(accepted, "reason"), text(accepted, "message")));
    }
    if let Some(overridden) = of("Overridden").filter(|one| one["status"] != "False") {
        return Standing::Overridden(text(overridden, "message"));
    }
    if accepted["status"] == "True" { Standing::Enforced } else { Standing::Unknown("has not been judged yet") }
}
