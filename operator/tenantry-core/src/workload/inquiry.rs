//! What is asked of a workload by its protocol, and when: of one that is run here while it is available, of one elsewhere while the
//! Tenant opens a way out. Asks nobody.

use std::time::Duration;

use serde_json::Value;
use tenantry_protocol::opening::Opening;

use super::availability::Availability;
use super::draft::Workload;
use super::home::Home;
use super::types::Span;
use crate::cidr::Cidr;
use crate::conditions::{Reason, Truth};
use crate::external::{Protocol, Question, Reach};
use crate::names;
use crate::object::ObjectKey;
use crate::resources::{NETWORK_POLICY, SERVICE};
use crate::world::{Lookup, World};

/// Nobody is asked more often.
const SHORTEST: i32 = 10;

/// By what protocol a workload is asked, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inquiry<'a> {
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// How long an answer counts.
    pub(crate) interval: Span,
    /// Where it is, if it is not run here.
    pub(crate) remote: Option<&'a str>,
}

/// Whether a workload is asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is not, and why not.
    Not(String),
    /// It has no pods, as it is meant to: what was found while it had some stands.
    Rests,
    /// It is, and what.
    So(Question),
}

impl Default for Asked {
    fn default() -> Self {
        Self::Not("its namespace is not known yet".to_owned())
    }
}

impl Inquiry<'_> {
    /// What is asked of this workload, whose spec is accepted or not, and whose Deployment, if it has one, is seen so.
    pub(super) fn ask(
        &self,
        workload: &Workload,
        home: &Home,
        is_accepted: bool,
        seen: Option<&Availability>,
        world: &World,
    ) -> Asked {
        let not = |why: &str| Asked::Not(why.to_owned());
        if !is_accepted {
            return not("it is asked when its spec is accepted");
        }
        if home.is_quarantined() {
            return not("its tenant is in quarantine, where nobody is reached");
        }
        let metadata = workload.metadata;
        let identity =
            format!("{}/{}", metadata.uid.as_deref().unwrap_or_default(), metadata.generation.unwrap_or_default());
        let question = |state: String, url: String, reach: Reach| {
            Asked::So(Question {
                asker: ObjectKey::namespaced(workload.sort.resource, workload.namespace(), workload.name()),
                state,
                protocol: self.protocol,
                url,
                reach,
                interval: Duration::from_secs(self.interval.seconds().max(SHORTEST).unsigned_abs().into()),
            })
        };
        if let Some(remote) = self.remote {
            return match openings(&home.place.namespace, world) {
                None => not("what the Tenant's egress opens is not known yet"),
                Some(openings) if openings.is_empty() => not(
                    "the Tenant's egress opens nothing outside the cluster, so nobody here can call it: have its network opened there",
                ),
                Some(openings) => question(identity, remote.to_owned(), Reach::Openings(openings)),
            };
        }
        let (Some(url), Some(seen)) = (workload.url(), seen) else { return not("it does not listen") };
        if seen.reason == Reason::ScaledToZero {
            return Asked::Rests;
        }
        if seen.truth != Truth::True {
            return not("it is asked when it is available");
        }
        // The name in the URL must lead to a Service of ours, and to no stranger's.
        if !matches!(world.get(&workload.child(&SERVICE)), Lookup::Found(_)) {
            return not("its Service is not there yet");
        }
        question(format!("{identity}/{}", seen.revision.as_deref().unwrap_or_default()), url, Reach::Service)
    }
}

/// What the Tenant opens to the pods of this namespace by TCP; `None` if that is not known.
fn openings(namespace: &str, world: &World) -> Option<Vec<Opening>> {
    let policy = match world.get(&ObjectKey::namespaced(&NETWORK_POLICY, namespace, names::ALLOW)) {
        Lookup::Found(policy) => policy,
        Lookup::Missing => return Some(Vec::new()),
        Lookup::NotSynced => return None,
    };
    let rules = policy["egress"].as_array().into_iter().flatten();
    Some(rules.flat_map(opened).collect())
}

fn opened(rule: &Value) -> Vec<Opening> {
    let ports: Option<Vec<&Value>> = rule["ports"].as_array().map(|ports| ports.iter().collect());
    let by_tcp: Option<Vec<(u16, u16)>> = ports.map(|ports| ports.into_iter().filter_map(port).collect());
    // Ports of which none is TCP's open nothing; no ports at all open every one.
    let Some(ports) = by_tcp.map_or(Some(Vec::new()), |ports| Some(ports).filter(|ports| !ports.is_empty())) else {
        return Vec::new();
    };
    let network = |text: &Value| text.as_str().and_then(|text| text.parse::<Cidr>().ok()).map(Into::into);
    let peers = rule["to"].as_array().into_iter().flatten();
    peers
        .filter_map(|peer| {
            let except = peer["ipBlock"]["except"].as_array().into_iter().flatten();
            Some(Opening {
                network: network(&peer["ipBlock"]["cidr"])?,
                except: except.map(network).collect::<Option<_>>()?,
                ports: ports.clone(),
            })
        })
        .collect()
}

fn port(port: &Value) -> Option<(u16, u16)> {
    let number = |field: &str| port[field].as_u64().and_then(|number| u16::try_from(number).ok());
    let first = number("port")?;
    (port["protocol"] == "TCP").then(|| (first, number("endPort").unwrap_or(first)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_egress_only_what_tcp_may_use_counts() {
        let network = |text: &str| text.parse::<Cidr>().expect("a network").into();
        let block = json!({ "ipBlock": { "cidr": "203.0.113.0/24", "except": ["203.0.113.8/32"] } });
        let opening =
            |ports| Opening { network: network("203.0.113.0/24"), except: vec![network("203.0.113.8/32")], ports };
        let tcp = json!({ "port": 443, "protocol": "TCP" });
        let range = json!({ "port": 8000, "endPort": 8100, "protocol": "TCP" });
        let udp = json!({ "port": 53, "protocol": "UDP" });
        for (rule, expected) in [
            (json!({ "to": [block] }), vec![opening(vec![])]),
            (json!({ "to": [block], "ports": [tcp, udp, range] }), vec![opening(vec![(443, 443), (8000, 8100)])]),
            (json!({ "to": [block], "ports": [udp] }), vec![]),
            // Namespaces are no networks.
            (json!({ "to": [{ "namespaceSelector": {} }] }), vec![]),
            (json!({ "to": [{ "ipBlock": { "cidr": "nonsense" } }] }), vec![]),
        ] {
            assert_eq!(opened(&rule), expected, "{rule}");
        }
    }
}
