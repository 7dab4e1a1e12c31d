//! What decides how many pods a workload has, and how many the tenant's quota leaves room for. Where something else decides, the
//! number is nobody's of ours: it is taken as it is seen.

mod metrics;
mod room;
mod verdict;

use std::collections::BTreeSet;

use super::draft::Workload;
use super::types::{MetricType, Provider, Scaling, Vertical};
use crate::build::Bounds;
use crate::conditions::{Reason, Truth};
use crate::kinds::tenantry_platform;
use crate::plan::Plan;
use crate::resources::{HORIZONTAL_POD_AUTOSCALER, Resource, SCALED_OBJECT, VERTICAL_POD_AUTOSCALER, is_served};
use crate::world::{Scope, World};

pub(super) use verdict::verdict;

/// What decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scaler {
    /// The spec: so many.
    Fixed(i32),
    /// A HorizontalPodAutoscaler.
    Hpa(Bounds),
    /// KEDA, by a ScaledObject.
    Keda(Bounds),
    /// Nothing, though something is to: at least so many, and no fewer than there are.
    Nothing(i32),
}

/// What decides, and what is to be said about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    /// What decides.
    pub(crate) scaler: Scaler,
    /// What VerticalPodAutoscalers call the way in which the size of pods is looked at; none if it is not.
    pub(crate) vertical: Option<&'static str>,
    /// What cannot be done as it is asked: value of the condition ScalingReady.
    pub(crate) shortfall: Option<(Truth, Reason, String)>,
    /// Kinds of add-ons that the cluster serves, so that what is left of them is seen.
    pub(crate) served: Vec<&'static Resource>,
    /// Kinds of which it is not known what there is to be: what there is stays.
    pub(crate) undecided: BTreeSet<&'static Resource>,
}

impl Scaler {
    /// Fewest pods.
    pub(crate) fn fewest(&self) -> i32 {
        match self {
            Self::Fixed(count) | Self::Nothing(count) => *count,
            Self::Hpa(bounds) | Self::Keda(bounds) => bounds.min,
        }
    }
}

/// The longest that an autoscaler waits, in seconds.
const HOUR: i32 = 3600;

/// Kinds of add-ons that scale workloads.
pub(crate) const ADDONS: [&Resource; 2] = [&SCALED_OBJECT, &VERTICAL_POD_AUTOSCALER];

/// Refuses what contradicts itself, or what nothing could do.
pub(crate) fn refuse(scaling: &Scaling, plan: &mut Plan) {
    let asks = |type_: MetricType| scaling.metrics.iter().any(|metric| metric.type_ == type_);
    let queried = asks(MetricType::Prometheus);
    if scaling.min_replicas == 0 && !(is_scaled(scaling) && queried) {
        let text = "nothing here could start the first pod again: set 1 or more, or scale it by a Prometheus query, with maxReplicas";
        plan.refuse(Reason::Unsupported, "spec.scaling.minReplicas", text);
    }
    if scaling.provider == Provider::Hpa && queried {
        let text = "a HorizontalPodAutoscaler asks no Prometheus: set provider: Auto, or scale by other metrics";
        plan.refuse(Reason::Invalid, "spec.scaling.provider", text);
    }
    for (index, metric) in scaling.metrics.iter().enumerate().filter(|_| needs_keda(scaling)) {
        if matches!(metric.type_, MetricType::Pods | MetricType::Object | MetricType::External) {
            let text = "KEDA, which is asked for or goes with Prometheus, is not told this type of metric here: use Cpu, Memory or Prometheus";
            plan.refuse(Reason::Unsupported, format!("spec.scaling.metrics[{index}].type"), text);
        }
    }
    let by_use = scaling.metrics.is_empty() || asks(MetricType::Cpu) || asks(MetricType::Memory);
    let says_how = !scaling.metrics.is_empty() || scaling.behavior.is_some();
    let says_what = matches!(scaling.provider, Provider::Hpa | Provider::Keda);
    if !is_scaled(scaling) && (says_what || says_how && scaling.provider != Provider::None) {
        let text = "nothing is scaled without a maxReplicas above minReplicas: set it, or remove provider, metrics and behavior";
        plan.refuse(Reason::Invalid, "spec.scaling.maxReplicas", text);
    }
    let behavior = scaling.behavior.clone().unwrap_or_default();
    for (field, span) in [
        ("scaleUpStabilization", behavior.scale_up_stabilization),
        ("scaleDownStabilization", behavior.scale_down_stabilization),
    ] {
        if span.is_some_and(|span| span.seconds() > HOUR) {
            let text = "is more than an hour, which no autoscaler waits: use at most 1h";
            plan.refuse(Reason::Invalid, format!("spec.scaling.behavior.{field}"), text);
        }
    }
    if scaling.vertical == Vertical::Auto && is_scaled(scaling) && by_use {
        let text = "changing what pods request while their number goes by what they use of it makes each chase the other: set Recommend, or scale by other metrics than Cpu and Memory";
        plan.refuse(Reason::Invalid, "spec.scaling.vertical", text);
    }
}

/// Whether the number of pods is to change by itself.
fn is_scaled(scaling: &Scaling) -> bool {
    scaling.provider != Provider::None && scaling.max_replicas.is_some_and(|max| max > scaling.min_replicas)
}

fn needs_keda(scaling: &Scaling) -> bool {
    scaling.provider == Provider::Keda || scaling.metrics.iter().any(|metric| metric.type_ == MetricType::Prometheus)
}

/// Decides for a workload.
pub(crate) fn decide(workload: &Workload, world: &World) -> Decided {
    let scaling = workload.trunk.scaling.clone().unwrap_or_default();
    let mut decided = Decided {
        scaler: Scaler::Fixed(scaling.min_replicas),
        vertical: None,
        shortfall: None,
        served: Vec::new(),
        undecided: BTreeSet::new(),
    };
    let [keda, vertical] = ADDONS.map(|kind| decided.look_for(kind, workload.namespace(), world));
    decided.scale_size(&scaling, vertical);
    if is_scaled(&scaling) {
        decided.scale_number(&scaling, keda, workload, world);
    }
    decided
}

impl Decided {
    /// Whether a kind is served. Where it is, it is listed: what is left of it is to be seen, also if it is no longer wanted.
    fn look_for(&mut self, kind: &'static Resource, namespace: &str, world: &World) -> Option<bool> {
        let served = is_served(kind, world);
        if served.is_none() {
            self.undecided.insert(kind);
        }
        if served == Some(true) {
            let _ = world.list(kind, Scope::Namespace(namespace.to_owned()));
            self.served.push(kind);
        }
        served
    }

    fn scale_size(&mut self, scaling: &Scaling, served: Option<bool>) {
        let mode = match scaling.vertical {
            Vertical::Off => return,
            Vertical::Recommend => "Off",
            Vertical::Auto => "Recreate",
        };
        match served {
            Some(true) => self.vertical = Some(mode),
            Some(false) => {
                let text = "no VerticalPodAutoscalers are served, so nothing looks at the size of pods: have them installed, or set scaling.vertical: Off";
                self.shortfall = Some((Truth::False, Reason::ProviderMissing, text.to_owned()));
            }
            None => self.wait(&VERTICAL_POD_AUTOSCALER),
        }
    }

    fn scale_number(&mut self, scaling: &Scaling, keda: Option<bool>, workload: &Workload, world: &World) {
        let wanted = scaling.max_replicas.unwrap_or(scaling.min_replicas);
        let kind = if needs_keda(scaling) { &SCALED_OBJECT } else { &HORIZONTAL_POD_AUTOSCALER };
        let room = match room::room(&workload.trunk, workload.namespace(), world) {
            Ok(room) => room.filter(|(most, _)| *most < wanted),
            Err(room::Unknown) => return self.wait(kind),
        };
        let least = scaling.min_replicas.max(1);
        let max = room.as_ref().map_or(wanted, |(most, _)| *most).max(least);
        if let Some((most, resource)) = room
            && self.shortfall.is_none()
        {
            self.shortfall = Some(if most < least {
                let text = format!(
                    "the environment's quota of {resource} has room for {most} pods, and there are to be {least} at least: raise the quota, or lower scaling.minReplicas"
                );
                (Truth::False, Reason::QuotaExceeded, text)
            } else {
                let text = format!(
                    "the environment's quota of {resource} has room for {most} pods, so that is the most instead of {wanted}: raise the quota, or lower scaling.maxReplicas"
                );
                (Truth::True, Reason::Limited, text)
            });
        }
        let (min, behavior) = (scaling.min_replicas, metrics::behavior(scaling));
        if !needs_keda(scaling) {
            self.scaler = Scaler::Hpa(Bounds { min, max, metrics: metrics::for_hpa(scaling), behavior });
            return;
        }
        self.scaler = Scaler::Nothing(min);
        match keda {
            None => self.wait(&SCALED_OBJECT),
            Some(false) => {
                let text = "KEDA is not served here, so nothing scales it, and its pods stay as many as they are: have KEDA installed, scale it by Cpu, Memory, Pods, Object or External, or set provider: None";
                self.shortfall = Some((Truth::False, Reason::ProviderMissing, text.to_owned()));
            }
            Some(true) => match prometheus(scaling, world) {
                Ok(address) => {
                    let metrics = metrics::for_keda(scaling, address.as_deref());
                    self.scaler = Scaler::Keda(Bounds { min, max, metrics, behavior });
                }
                Err(Some(why)) => self.shortfall = Some((Truth::False, Reason::ProviderMissing, why)),
                Err(None) => self.wait(&SCALED_OBJECT),
            },
        }
    }

    /// What is not known decides nothing yet.
    fn wait(&mut self, kind: &'static Resource) {
        self.undecided.insert(kind);
        let text = "it is not known yet what this cluster can do; the operator's /readyz says why";
        self.shortfall = Some((Truth::Unknown, Reason::Pending, text.to_owned()));
    }
}

/// Where Prometheus is asked, if it is at all; that nobody says where, or (`None`) that it is not known.
fn prometheus(scaling: &Scaling, world: &World) -> Result<Option<String>, Option<String>> {
    if !scaling.metrics.iter().any(|metric| metric.type_ == MetricType::Prometheus) {
        return Ok(None);
    }
    let platform = tenantry_platform::settings(world).ok_or(None)?;
    let address = platform.prometheus.map(|prometheus| prometheus.server_address);
    address.map(Some).ok_or_else(|| {
        Some("the platform names no Prometheus, so nothing scales it, and its pods stay as many as they are: have spec.prometheus of the TenantryPlatform set, or scale it by other metrics".to_owned())
    })
}
