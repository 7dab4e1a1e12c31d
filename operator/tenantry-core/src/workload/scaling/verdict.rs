//! Whether what scales a workload works, as it tells itself.

use serde_json::Value;

use super::super::draft::Workload;
use super::super::home::Home;
use super::{Decided, Scaler};
use crate::conditions::{Reason, Truth};
use crate::resources::{HORIZONTAL_POD_AUTOSCALER, Resource, SCALED_OBJECT, VERTICAL_POD_AUTOSCALER};
use crate::world::{Lookup, World};

type Verdict = (Truth, Reason, String);

/// Value of the condition ScalingReady; none where nothing is asked to scale.
pub(crate) fn verdict(workload: &Workload, decided: &Decided, home: &Home, world: &World) -> Option<Verdict> {
    if let Some(shortfall) = decided.shortfall.as_ref().filter(|(truth, ..)| *truth != Truth::True) {
        return Some(shortfall.clone());
    }
    let number = match decided.scaler {
        Scaler::Fixed(_) | Scaler::Nothing(_) => None,
        Scaler::Hpa(_) => Some(look(&HORIZONTAL_POD_AUTOSCALER, workload, world, judge_hpa)),
        Scaler::Keda(_) if home.has_no_pods() => Some(stopped()),
        Scaler::Keda(_) => Some(look(&SCALED_OBJECT, workload, world, judge_keda)),
    };
    let size = decided.vertical.map(|_| look(&VERTICAL_POD_AUTOSCALER, workload, world, judge_vertical));
    let (worst, words) = match (number, size) {
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => (one, String::new()),
        (Some(number), Some(size)) if number.0 == Truth::True && size.0 == Truth::True => {
            let words = format!("; {}", size.2);
            (number, words)
        }
        // What is wrong is said before what is not known.
        (Some(number), Some(size)) => {
            let is_size = (number.0 == Truth::True) || (number.0 == Truth::Unknown && size.0 == Truth::False);
            (if is_size { size } else { number }, String::new())
        }
    };
    if worst.0 == Truth::True
        && let Some(limited) = &decided.shortfall
    {
        return Some(limited.clone());
    }
    Some((worst.0, worst.1, worst.2 + &words))
}

/// What a kind's facts tell: `{conditions: [{type, status, reason, message}]}`.
struct Told<'a>(&'a Value);

impl Told<'_> {
    fn condition(&self, type_: &str) -> Option<&Value> {
        self.0["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
    }

    fn is(&self, type_: &str, status: &str) -> bool {
        self.condition(type_).is_some_and(|condition| condition["status"] == status)
    }
}

/// What one of them says; `judge` gives nothing while it has said nothing.
fn look(kind: &'static Resource, workload: &Workload, world: &World, judge: fn(&Told) -> Option<Verdict>) -> Verdict {
    let Lookup::Found(facts) = world.get(&workload.child(kind)) else {
        return (Truth::Unknown, Reason::Pending, format!("its {} is not there yet", kind.kind));
    };
    judge(&Told(&facts))
        .unwrap_or_else(|| (Truth::Unknown, Reason::Pending, format!("its {} has not been looked at yet", kind.kind)))
}

fn well(text: &str) -> Verdict {
    (Truth::True, Reason::Succeeded, text.to_owned())
}

fn fault(kind: &Resource, condition: &Value) -> Verdict {
    let words = condition["message"].as_str().unwrap_or_default();
    (Truth::False, Reason::Failed, format!("its {} cannot work: {words}", kind.kind))
}

fn stopped() -> Verdict {
    (Truth::Unknown, Reason::ScaledToZero, "it has no pods now, so nothing scales it".to_owned())
}

fn judge_hpa(told: &Told) -> Option<Verdict> {
    let unable = told.condition("AbleToScale").filter(|able| able["status"] == "False");
    match (unable, told.condition("ScalingActive")) {
        (_, Some(active)) if active["reason"] == "ScalingDisabled" => Some(stopped()),
        (Some(unable), _) => Some(fault(&HORIZONTAL_POD_AUTOSCALER, unable)),
        (None, Some(active)) if active["status"] == "True" => Some(well("a HorizontalPodAutoscaler scales it")),
        (None, Some(active)) if active["status"] == "False" => Some(fault(&HORIZONTAL_POD_AUTOSCALER, active)),
        _ => None,
    }
}

fn judge_keda(told: &Told) -> Option<Verdict> {
    if told.is("Paused", "True") {
        let text = "KEDA is told by an annotation on the ScaledObject to pause: remove that, or leave it so";
        return Some((Truth::Unknown, Reason::Suspended, text.to_owned()));
    }
    match told.condition("Ready")? {
        ready if ready["status"] == "True" => Some(well("a ScaledObject of KEDA scales it")),
        ready if ready["status"] == "False" => Some(fault(&SCALED_OBJECT, ready)),
        _ => None,
    }
}

fn judge_vertical(told: &Told) -> Option<Verdict> {
    if let Some(unsupported) = told.condition("ConfigUnsupported").filter(|one| one["status"] == "True") {
        return Some(fault(&VERTICAL_POD_AUTOSCALER, unsupported));
    }
    told.condition("RecommendationProvided")?;
    Some(well(if told.is("RecommendationProvided", "True") {
        "a VerticalPodAutoscaler has looked at the size of its pods, and says what would fit"
    } else {
        "a VerticalPodAutoscaler looks at the size of its pods, and has not seen enough yet"
    }))
}
