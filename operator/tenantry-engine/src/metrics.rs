//! What the operator counts. Labels are kinds, lanes and fixed categories, never names of objects, so their number is bounded.

use std::time::Duration;

use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// One metric, for the reference docs.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Full name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub type_: &'static str,
    /// Label names.
    pub labels: &'static [&'static str],
    /// What it tells, with its unit.
    pub help: &'static str,
}

const fn described(
    name: &'static str,
    type_: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    Described { name, type_, labels, help }
}

const RECONCILES: Described = described(
    "tenantry_reconcile_duration_seconds",
    "histogram",
    &["kind", "result"],
    "Time one look at a resource took, by kind and result (succeeded, failed).",
);
const CALLS: Described = described(
    "tenantry_api_calls_total",
    "counter",
    &["verb", "kind", "code"],
    "Calls to the API server, each try counted, by verb, kind and HTTP status (ok for success, else the code, timeout or connection).",
);
const CALL_SECONDS: Described = described(
    "tenantry_api_call_duration_seconds",
    "histogram",
    &["verb"],
    "Time one call to the API server took, waiting for its turn not counted.",
);
const QUEUE_DEPTH: Described = described(
    "tenantry_queue_depth",
    "gauge",
    &["lane"],
    "Resources waiting to be looked at, by lane (edit, backlog).",
);
const QUEUE_AGE: Described = described(
    "tenantry_queue_oldest_seconds",
    "gauge",
    &["lane"],
    "How long the resource that has waited longest has waited, by lane.",
);
const WATCH_AGE: Described = described(
    "tenantry_watch_last_event_seconds",
    "gauge",
    &["kind"],
    "Time since a watch last brought anything. Large values are normal on a quiet cluster.",
);
const WATCH_UP: Described =
    described("tenantry_watch_synced", "gauge", &["kind"], "1 while all objects of the kind are known, else 0.");
const WATCH_ERRORS: Described = described(
    "tenantry_watch_errors_total",
    "counter",
    &["kind", "category"],
    "Errors of watches by kind and category.",
);
const PROBES: Described = described(
    "tenantry_probes_total",
    "counter",
    &["protocol", "result"],
    "Questions to MCP servers and agents, by protocol and what came of them (Verified, AuthRequired, RateLimited, Unavailable, ProbeBlocked, ProtocolError; none if the question was given up).",
);
const LEADER: Described = described("tenantry_leader", "gauge", &[], "1 while this process is the leader.");
const VIOLATIONS: Described = described(
    "tenantry_plan_check_violations_total",
    "counter",
    &["kind"],
    "Plans that broke a rule of their own and were not written: bugs of Tenantry. Should be 0 for ever.",
);
const OBJECTS: Described = described(
    "tenantry_object_changes_total",
    "counter",
    &["kind", "change"],
    "Objects written, by kind and change (created, configured, deleted).",
);
const ROLLBACKS: Described = described(
    "tenantry_history_rollbacks_total",
    "counter",
    &[],
    "Times the API server's newest version was older than ours (a restored backup): all caches were dropped.",
);

/// All metrics, for the reference docs.
pub const METRICS: [Described; 13] = [
    RECONCILES,
    CALLS,
    CALL_SECONDS,
    OBJECTS,
    QUEUE_DEPTH,
    QUEUE_AGE,
    WATCH_AGE,
    WATCH_UP,
    WATCH_ERRORS,
    PROBES,
    LEADER,
    VIOLATIONS,
    ROLLBACKS,
];

/// The counters of one process.
pub struct Metrics {
    registry: Registry,
    reconciles: HistogramVec,
    calls: IntCounterVec,
    call_seconds: HistogramVec,
    objects: IntCounterVec,
    queue_depth: GaugeVec,
    queue_age: GaugeVec,
    watch_age: GaugeVec,
    watch_up: GaugeVec,
    watch_errors: IntCounterVec,
    probes: IntCounterVec,
    /// 1 while leading.
    pub leader: IntGauge,
    violations: IntCounterVec,
    /// Histories that went backwards.
    pub rollbacks: IntCounter,
}

impl Metrics {
    /// All at zero. Fails only if two metrics had one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let options = |metric: &Described| Opts::new(metric.name, metric.help);
        let seconds = |metric: &Described| {
            let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
            HistogramVec::new(HistogramOpts::new(metric.name, metric.help).buckets(buckets), metric.labels)
        };
        let counters = |metric: &Described| IntCounterVec::new(options(metric), metric.labels);
        let gauges = |metric: &Described| GaugeVec::new(options(metric), metric.labels);
        let metrics = Self {
            registry: Registry::new(),
            reconciles: seconds(&RECONCILES)?,
            calls: counters(&CALLS)?,
            call_seconds: seconds(&CALL_SECONDS)?,
            objects: counters(&OBJECTS)?,
            queue_depth: gauges(&QUEUE_DEPTH)?,
            queue_age: gauges(&QUEUE_AGE)?,
            watch_age: gauges(&WATCH_AGE)?,
            watch_up: gauges(&WATCH_UP)?,
            watch_errors: counters(&WATCH_ERRORS)?,
            probes: counters(&PROBES)?,
            leader: IntGauge::with_opts(options(&LEADER))?,
            violations: counters(&VIOLATIONS)?,
            rollbacks: IntCounter::with_opts(options(&ROLLBACKS))?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.reconciles.clone()))?;
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.call_seconds.clone()))?;
        registry.register(Box::new(metrics.objects.clone()))?;
        registry.register(Box::new(metrics.queue_depth.clone()))?;
        registry.register(Box::new(metrics.queue_age.clone()))?;
        registry.register(Box::new(metrics.watch_age.clone()))?;
        registry.register(Box::new(metrics.watch_up.clone()))?;
        registry.register(Box::new(metrics.watch_errors.clone()))?;
        registry.register(Box::new(metrics.probes.clone()))?;
        registry.register(Box::new(metrics.leader.clone()))?;
        registry.register(Box::new(metrics.violations.clone()))?;
        registry.register(Box::new(metrics.rollbacks.clone()))?;
        Ok(metrics)
    }

    /// One call was made.
    pub fn api_call(&self, verb: &str, kind: &str, code: &str, took: Duration) {
        self.calls.with_label_values(&[verb, kind, code]).inc();
        self.call_seconds.with_label_values(&[verb]).observe(took.as_secs_f64());
    }

    /// One resource was looked at.
    pub fn reconciled(&self, kind: &str, succeeded: bool, took: Duration) {
        let result = if succeeded { "succeeded" } else { "failed" };
        self.reconciles.with_label_values(&[kind, result]).observe(took.as_secs_f64());
    }

    /// One object was `created`, `configured` or `deleted`.
    pub fn changed(&self, kind: &str, change: &str) {
        self.objects.with_label_values(&[kind, change]).inc();
    }

    /// One plan broke a rule.
    pub fn violation(&self, kind: &str) {
        self.violations.with_label_values(&[kind]).inc();
    }

    /// One watch failed.
    pub fn watch_error(&self, kind: &str, category: &str) {
        self.watch_errors.with_label_values(&[kind, category]).inc();
    }

    /// Somebody was asked.
    pub fn asked(&self, protocol: &str, result: &str) {
        self.probes.with_label_values(&[protocol, result]).inc();
    }

    /// State of a lane.
    pub fn queue(&self, lane: &str, depth: usize, oldest: Duration) {
        // Depths are far below 2^52.
        #[expect(clippy::cast_precision_loss)]
        self.queue_depth.with_label_values(&[lane]).set(depth as f64);
        self.queue_age.with_label_values(&[lane]).set(oldest.as_secs_f64());
    }

    /// State of a watch.
    pub fn watch(&self, kind: &str, synced: bool, age: Duration) {
        self.watch_up.with_label_values(&[kind]).set(if synced { 1.0 } else { 0.0 });
        self.watch_age.with_label_values(&[kind]).set(age.as_secs_f64());
    }

    /// Everything in the Prometheus text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
