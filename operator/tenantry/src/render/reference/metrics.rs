//! The page of metrics, from the table from which the operator registers them.

use tenantry_engine::metrics::METRICS;

use super::{code, table};

pub(super) fn page() -> String {
    let rows = METRICS.map(|metric| {
        let labels = metric.labels.iter().map(|label| code(label)).collect::<Vec<_>>().join(", ");
        [code(metric.name), metric.type_.to_owned(), labels, metric.help.to_owned()]
    });
    format!(
        "# Metrics\n\n\
         Served by the operator at `/metrics` on port 8080 in the Prometheus text format. No label ever carries the name of\n\
         an object, so the number of series does not grow with the number of tenants.\n\n{}",
        table(["metric", "type", "labels", "meaning"], rows),
    )
}
