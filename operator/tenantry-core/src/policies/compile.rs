//! Makes policies of groups: all rules of a group become validations of one policy, so that a request meets one of them
//! (docs/benchmarks.md has what each further policy costs). Bodies are as the API server stores them, every default spelt
//! out, because drift is found by comparing content.

use serde_json::{Value, json};

use super::rule::{ALL, CHANGE, Group, Operation, Rule, Target};
use super::rules::{GROUPS, NAMESPACES, OBJECTS, SELF_GUARD, UNIVERSAL};
use super::text;
use crate::{meta, names};

const API_VERSION: &str = "admissionregistration.k8s.io/v1";

/// Too frequent and too harmless to be looked at: nobody of a tenant may write them.
const UNWATCHED: [Target; 1] = [Target { groups: &["", "events.k8s.io"], resources: &["events"] }];

/// Rules of a group, those that hold for everything first.
pub fn rules_of(group: &Group) -> Vec<Rule> {
    let universal =
        if group.name == NAMESPACES.name || group.name == SELF_GUARD.name { &[][..] } else { &UNIVERSAL[..] };
    universal.iter().chain(group.rules).copied().collect()
}

/// The policy of a group of resources in tenants' namespaces, and its binding.
pub fn tenants(group: &Group) -> [Value; 2] {
    let constraints = if group.name == OBJECTS.name {
        let others = GROUPS.iter().flat_map(|group| group.targets).chain(&UNWATCHED);
        let excluded: Vec<Value> = others.map(|target| resource_rule(target, ALL, "*")).collect();
        let mut constraints = constraints(&[resource_rule(&EVERYTHING, ALL, "Namespaced")], true);
        constraints["excludeResourceRules"] = Value::from(excluded);
        constraints
    } else {
        let rules: Vec<Value> =
            group.targets.iter().map(|target| resource_rule(target, CHANGE, "Namespaced")).collect();
        constraints(&rules, true)
    };
    objects(group, &constraints, &[], "namespaceObject.metadata")
}

/// The policy of namespaces themselves, and its binding.
pub fn namespaces() -> [Value; 2] {
    let rules: Vec<Value> = NAMESPACES.targets.iter().map(|target| resource_rule(target, CHANGE, "Cluster")).collect();
    objects(&NAMESPACES, &constraints(&rules, false), &[], "(oldObject == null ? object : oldObject).metadata")
}

/// The policy that binds the operator in `namespace`, and its binding.
pub fn self_guard(namespace: &str) -> [Value; 2] {
    let account = format!("system:serviceaccount:{namespace}:{}", names::OPERATOR_ACCOUNT);
    let condition = json!({ "name": "operator", "expression": format!("request.userInfo.username == '{account}'") });
    let constraints = constraints(&[resource_rule(&EVERYTHING, ALL, "*")], false);
    let mut pair = objects(&SELF_GUARD, &constraints, &[condition], "");
    for validation in pair[0]["spec"]["validations"].as_array_mut().into_iter().flatten() {
        if let Some(expression) = validation["expression"].as_str() {
            validation["expression"] = expression.replace("{operator-namespace}", namespace).into();
        }
    }
    pair
}

const EVERYTHING: Target = Target { groups: &["*"], resources: &["*/*"] };

fn constraints(rules: &[Value], in_tenants_only: bool) -> Value {
    let selector = if in_tenants_only {
        json!({ "matchExpressions": [{ "key": meta::TENANT, "operator": "Exists" }] })
    } else {
        json!({})
    };
    json!({
        "matchPolicy": "Equivalent",
        "namespaceSelector": selector,
        "objectSelector": {},
        "resourceRules": rules,
    })
}

fn resource_rule(target: &Target, operations: &[Operation], scope: &str) -> Value {
    let operations: Vec<&str> = operations.iter().map(|operation| operation.word()).collect();
    json!({
        "apiGroups": target.groups,
        "apiVersions": ["*"],
        "operations": operations,
        "resources": target.resources,
        "scope": scope,
    })
}

fn objects(group: &Group, constraints: &Value, conditions: &[Value], namespace: &str) -> [Value; 2] {
    let name = format!("tenantry-{}", group.name);
    let metadata = json!({
        "name": name,
        "labels": { meta::MANAGED_BY: meta::MANAGER, meta::PART_OF: meta::MANAGER },
    });
    let platform = text::platform();
    let validations: Vec<Value> = rules_of(group).iter().map(|rule| validation(rule, group, &platform)).collect();
    let mut spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        "validations": validations,
    });
    if !conditions.is_empty() {
        spec["matchConditions"] = conditions.into();
    }
    if !namespace.is_empty() {
        spec["auditAnnotations"] = [("environment", meta::ENVIRONMENT), ("tenant", meta::TENANT)]
            .map(|(name, label)| audit_annotation(name, label, namespace))
            .into();
    }
    let policy = json!({
        "apiVersion": API_VERSION, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec,
    });
    let binding = json!({
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        // Audit besides Deny: the refusal, with rule and tenant in its text, is on the audit event, too.
        "spec": { "policyName": name, "validationActions": ["Deny", "Audit"] },
    });
    [policy, binding]
}

fn validation(rule: &Rule, group: &Group, platform: &str) -> Value {
    let mut validation = json!({
        "expression": text::validation(rule, group, platform),
        "message": format!("{} [rule {}]", rule.message, rule.name),
        "reason": "Forbidden",
    });
    if group.name != SELF_GUARD.name {
        validation["messageExpression"] = text::refusal(rule, group).into();
    }
    validation
}

/// An annotation of the audit event of every request that the policy looks at; omitted by the server where the text is empty.
fn audit_annotation(name: &str, label: &str, metadata: &str) -> Value {
    json!({
        "key": name,
        "valueExpression": format!("has({metadata}.labels) && '{label}' in {metadata}.labels ? string({metadata}.labels['{label}']) : ''"),
    })
}
