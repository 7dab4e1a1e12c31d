//! The algebra of network policies: from all that are there, which ways are open. It errs on the side of open: a pod selector
//! of a tenant's pods always fits some pod, as a tenant labels its pods as it likes.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use kube::Client;
use serde_json::Value;
use tenantry_e2e::objects;

/// Seen from the pods whose policies are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To them.
    Ingress,
    /// From them.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Field of the rules, field of a rule's peers, and word in `policyTypes`.
    fn fields(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ingress => ("ingress", "from", "Ingress"),
            Self::Egress => ("egress", "to", "Egress"),
        }
    }
}

/// The other end of a way.
#[derive(Debug, Clone)]
pub struct End {
    /// For people.
    pub name: String,
    /// Namespace of its pods; none for an address outside.
    pub namespace: Option<String>,
    /// Labels of the pods; none where their owner may choose them.
    pub labels: Option<Value>,
    /// An address there.
    pub address: Ipv4Addr,
}

/// Some address of a pod: in the private networks, as those of all common installations are.
const POD: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 7);

impl End {
    /// Pods of a namespace, with any labels.
    pub fn pods(namespace: &str) -> Self {
        Self { name: namespace.to_owned(), namespace: Some(namespace.to_owned()), labels: None, address: POD }
    }

    /// Pods with these labels and no others.
    pub fn pods_with(name: &str, namespace: &str, labels: Value) -> Self {
        Self { name: name.to_owned(), namespace: Some(namespace.to_owned()), labels: Some(labels), address: POD }
    }

    /// An address that is no pod's.
    pub fn address(name: &str, address: Ipv4Addr) -> Self {
        Self { name: name.to_owned(), namespace: None, labels: None, address }
    }
}

/// What policies are judged by.
#[derive(Debug, Clone)]
pub struct World {
    namespaces: Vec<Value>,
    policies: Vec<Value>,
}

impl World {
    /// Reads all namespaces and network policies.
    pub async fn read(client: &Client) -> Result<Self, String> {
        let list = async |version, kind| {
            objects::list(client, version, kind, None, "").await.map_err(|error| error.to_string())
        };
        let namespaces = list("v1", "Namespace").await?;
        Ok(Self { namespaces, policies: list("networking.k8s.io/v1", "NetworkPolicy").await? })
    }

    /// The same with one more policy.
    pub fn with(&self, policy: &Value) -> Self {
        let mut more = self.clone();
        more.policies.push(policy.clone());
        more
    }

    /// Whether some pod of namespace `at` has a way from or to the other end, as far as the policies at `at` go.
    pub fn is_open(&self, at: &str, direction: Direction, other: &End) -> bool {
        let (rules, peers, _) = direction.fields();
        let policies: Vec<&Value> = self
            .policies
            .iter()
            .filter(|policy| policy["metadata"]["namespace"] == at && is_about(policy, direction))
            .collect();
        // Pods that no policy selects are open to all.
        let isolates_all = policies.iter().any(|policy| is_empty(&policy["spec"]["podSelector"]));
        let mut rules = policies.iter().flat_map(|policy| policy["spec"][rules].as_array().into_iter().flatten());
        !isolates_all
            || rules.any(|rule| match rule[peers].as_array() {
                Some(peers) if !peers.is_empty() => peers.iter().any(|peer| self.is_named(at, peer, other)),
                _ => true,
            })
    }

    fn is_named(&self, at: &str, peer: &Value, other: &End) -> bool {
        if peer["ipBlock"].is_object() {
            let block = &peer["ipBlock"];
            let mut except = block["except"].as_array().into_iter().flatten();
            return contains(&block["cidr"], other.address) && !except.any(|cidr| contains(cidr, other.address));
        }
        let Some(namespace) = &other.namespace else { return false };
        let fits_namespace = if peer["namespaceSelector"].is_object() {
            let labels = self
                .namespaces
                .iter()
                .find(|found| objects::name(found) == namespace)
                .map_or(&Value::Null, |found| &found["metadata"]["labels"]);
            selects(&peer["namespaceSelector"], labels)
        } else {
            namespace == at
        };
        fits_namespace && other.labels.as_ref().is_none_or(|labels| selects(&peer["podSelector"], labels))
    }
}

fn is_about(policy: &Value, direction: Direction) -> bool {
    let (rules, _, word) = direction.fields();
    match policy["spec"]["policyTypes"].as_array() {
        Some(types) => types.iter().any(|kind| kind == word),
        None => direction == Direction::Ingress || policy["spec"][rules].is_array(),
    }
}

fn is_empty(selector: &Value) -> bool {
    let parts = ["matchLabels", "matchExpressions"];
    parts.iter().all(|part| match &selector[part] {
        Value::Object(labels) => labels.is_empty(),
        Value::Array(expressions) => expressions.is_empty(),
        _ => true,
    })
}

/// Whether a label selector fits; an absent one fits everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    wanted.all(|(key, value)| labels[key] == *value)
        && expressions.all(|expression| {
            let found = &labels[expression["key"].as_str().unwrap_or_default()];
            let is_among = || expression["values"].as_array().is_some_and(|values| values.contains(found));
            match expression["operator"].as_str() {
                Some("In") => is_among(),
                Some("NotIn") => !is_among(),
                Some("Exists") => !found.is_null(),
                Some("DoesNotExist") => found.is_null(),
                _ => true,
            }
        })
}

/// Whether an IPv4 network in CIDR notation contains an address.
fn contains(cidr: &Value, address: Ipv4Addr) -> bool {
    let Some((network, length)) = cidr.as_str().and_then(|cidr| cidr.split_once('/')) else { return false };
    let (Ok(network), Ok(length)) = (network.parse::<Ipv4Addr>(), length.parse::<u32>()) else { return false };
    let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

/// Which ways Tenants grant, among all that are looked at.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Other ends that are looked at.
    pub ends: Vec<End>,
    /// What is granted: at which namespace, in which direction, to or from what.
    pub open: BTreeSet<(String, Direction, String)>,
}

impl Grants {
    /// Whether a way is granted.
    pub fn allow(&self, at: &str, direction: Direction, end: &End) -> bool {
        self.open.contains(&(at.to_owned(), direction, end.name.clone()))
    }

    /// What is open at a namespace that is not granted.
    pub fn exceeded_by(&self, world: &World, at: &str) -> Vec<String> {
        let mut opened = Vec::new();
        for direction in Direction::BOTH {
            for end in self.ends.iter().filter(|end| !self.allow(at, direction, end)) {
                if world.is_open(at, direction, end) {
                    opened.push(format!("{direction:?} {}", end.name));
                }
            }
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_isolated_is_open_and_what_is_named_is_open() {
        let deny =
            json!({ "metadata": { "namespace": "a" }, "spec": { "podSelector": {}, "policyTypes": ["Ingress"] } });
        let mut narrow = deny.clone();
        narrow["spec"] = json!({ "podSelector": { "matchLabels": { "app": "x" } }, "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "namespaceSelector": { "matchExpressions": [{ "key": "team", "operator": "In", "values": ["b"] }] } }] }] });
        let namespaces = vec![
            json!({ "metadata": { "name": "b", "labels": { "team": "b" } } }),
            json!({ "metadata": { "name": "c", "labels": { "team": "c" } } }),
        ];
        let (b, c) = (End::pods("b"), End::pods("c"));
        let none = World { namespaces, policies: Vec::new() };
        assert!(none.is_open("a", Direction::Ingress, &b), "no policy at all");
        // A policy that selects some pods leaves the others open.
        assert!(none.with(&narrow).is_open("a", Direction::Ingress, &c));
        let both = none.with(&narrow).with(&deny);
        assert!(both.is_open("a", Direction::Ingress, &b) && !both.is_open("a", Direction::Ingress, &c));
        assert!(both.is_open("a", Direction::Egress, &c), "egress is nobody's concern");
    }

    #[test]
    fn blocks_leave_out_their_exceptions() {
        let open = json!({ "metadata": { "namespace": "a" }, "spec": { "podSelector": {}, "policyTypes": ["Egress"],
            "egress": [{ "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }] }] } });
        let world = World { namespaces: Vec::new(), policies: vec![open] };
        assert!(world.is_open("a", Direction::Egress, &End::address("out", Ipv4Addr::new(203, 0, 113, 7))));
        assert!(!world.is_open("a", Direction::Egress, &End::pods("b")));
    }
}
