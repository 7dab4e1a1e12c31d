//! What the rules say to a case, by evaluating their CEL here. The API server stays the judge; e2e compares.

use serde_json::Value;
use tenantry_core::policies::judge::{self, Request};
use tenantry_core::policies::rule::Operation;
use tenantry_core::policies::rules_of;

use super::{Case, PLATFORM, TENANT};

/// The rules that refuse a request, each with what it says.
pub type Verdict = Vec<(String, String)>;

/// Evaluates every rule that looks at this request.
pub fn judge(case: &Case) -> Verdict {
    let namespace = "acme-dev";
    let case = case.placed_in(namespace);
    let username = match case.user.as_str() {
        TENANT => "kim",
        PLATFORM => "platform-admin",
        other => other,
    };
    let (nothing, namespace_object) = (Value::Null, case.namespace(namespace));
    let request = Request {
        operation: case.operation,
        group: case.api_group(),
        resource: &case.resource,
        subresource: &case.subresource,
        kind: case.object["kind"].as_str().unwrap_or_default(),
        namespace: if case.is_namespace() { "" } else { namespace },
        name: case.object["metadata"]["name"].as_str().unwrap_or_default(),
        username,
        exempt: case.user == PLATFORM,
        object: if case.operation == Operation::Delete { &nothing } else { &case.object },
        old: case.old.as_ref().unwrap_or(&nothing),
        namespace_object: if case.is_namespace() { &nothing } else { &namespace_object },
    };
    let group = case.group();
    let rules = rules_of(group);
    let refusals = judge::refusals(&rules, group, &request).into_iter();
    refusals.map(|(rule, words)| (rule.name.to_owned(), words)).collect()
}
