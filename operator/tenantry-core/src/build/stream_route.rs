//! The route of a stream: found by the name that TLS begins with, or by the port alone.

use serde_json::{Value, json};

use super::http_route::{RouteParts, attached, parents, shares};
use crate::object::Desired;
use crate::resources::{TCP_ROUTE, TLS_ROUTE};
use crate::routing::{Answer, Seat};

/// A TCPRoute where the seat has a port, else TLSRoutes. Nothing in a stream can be looked at, so there is one answer to all of it.
pub(crate) fn build_stream_routes(parts: &RouteParts, seat: &Seat, answer: &Answer) -> Vec<Desired> {
    let rules: Value = json!([{ "backendRefs": shares(answer) }]);
    if seat.parent.port.is_some() {
        let spec = json!({ "parentRefs": parents(seat, &[]), "rules": rules });
        return vec![parts.object(&TCP_ROUTE, &RouteParts::role(0)).with("spec", spec)];
    }
    let all = attached(seat).into_iter().enumerate();
    all.map(|(number, (hosts, parents))| {
        let spec = json!({ "hostnames": hosts, "parentRefs": parents, "rules": rules });
        parts.object(&TLS_ROUTE, &RouteParts::role(number)).with("spec", spec)
    })
    .collect()
}
