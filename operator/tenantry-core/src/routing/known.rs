//! What controllers were seen to do, by name, where that is not what they say: the one table of it. A class that lists a feature, and a
//! route that is Accepted, prove little; a class that lists nothing may still do much. What stands here outweighs what a class says.
//!
//! A line is not an opinion: of Traefik each was seen with requests (`e2e/tests/gateway/facts.json`, to which a test holds this table),
//! of Envoy Gateway read in the source of the version that is named. `docs/routing.md` tells it to people.

use super::features::Feature;

/// Traefik, as its GatewayClass names it.
pub(crate) const TRAEFIK: &str = "traefik.io/gateway-controller";
/// Envoy Gateway, as its GatewayClass names it.
pub(crate) const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// What is known of one controller.
pub(super) struct Known {
    /// As its GatewayClass names it.
    pub(super) controller: &'static str,
    /// Whether its class lists what it supports. Where it does not, what has no line here is not done.
    pub(super) lists_features: bool,
    /// What it does or does not do, whatever it says.
    pub(super) deeds: &'static [Deed],
}

/// One thing that a controller does or does not do.
pub(super) struct Deed {
    /// Which.
    pub(super) feature: Feature,
    /// Whether it does it.
    pub(super) is_done: bool,
    /// How that is known, and what happens instead.
    #[cfg_attr(not(test), allow(dead_code))] // For whoever reads the table; a test asks that it is said.
    pub(super) because: &'static str,
}

const fn done(feature: Feature, because: &'static str) -> Deed {
    Deed { feature, is_done: true, because }
}

const fn not_done(feature: Feature, because: &'static str) -> Deed {
    Deed { feature, is_done: false, because }
}

/// All that is known.
pub(super) const KNOWN: &[Known] = &[
    Known {
        controller: TRAEFIK,
        lists_features: true,
        deeds: &[
            not_done(Feature::RequestTimeout, "3.7.15 says Accepted=True of the route, and ignores it"),
            not_done(Feature::BackendTimeout, "3.7.15 says Accepted=True of the route, and ignores it"),
            not_done(Feature::Cors, "3.7.15 says Accepted=True of the route, and answers all of its requests with 500"),
        ],
    },
    Known {
        controller: ENVOY_GATEWAY,
        lists_features: false,
        deeds: &[
            done(Feature::PathRewrite, "1.9.1 translates the filter"),
            done(Feature::ResponseHeaders, "1.9.1 translates the filter"),
            done(Feature::RequestTimeout, "1.9.1 translates the field"),
            not_done(Feature::BackendTimeout, "1.9.1 takes it for the time of all attempts together"),
            done(Feature::Grpc, "1.9.1 translates GRPCRoutes"),
            done(Feature::BackendTls, "1.9.1 translates BackendTLSPolicies"),
        ],
    },
];

/// What is known of a controller, if anything.
pub(super) fn of(controller: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|one| one.controller == controller)
}

impl Known {
    /// Whether it does this; `None` where what its class says is to be believed.
    pub(super) fn word(&self, feature: Feature) -> Option<bool> {
        let deed = self.deeds.iter().find(|deed| deed.feature == feature);
        deed.map(|deed| deed.is_done).or((!self.lists_features).then_some(false))
    }
}

#[cfg(test)]
mod tests;
