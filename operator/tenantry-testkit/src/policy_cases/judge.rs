//! What the rules say to a case, by evaluating their CEL here. The API server stays the judge; e2e compares.
//!
//! kube-cel has an evaluator for policies of its own, but that one escapes the keys of labels and annotations as the keys of
//! schemas are escaped, which the API server does not do here. So only its functions are used.

use std::sync::Arc;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Program, Value as Cel};
use serde_json::{Value, json};
use tenantry_core::policies::rule::Operation;
use tenantry_core::policies::{rules_of, text};

use super::{Case, PLATFORM, TENANT};

/// The rules that refuse a request, each with what it says.
pub type Verdict = Vec<(String, String)>;

/// Evaluates every rule that looks at this request.
pub fn judge(case: &Case) -> Verdict {
    let group = case.group();
    let exempt = if case.user == PLATFORM { "true" } else { "false" };
    let context = context(&case.placed_in("acme-dev"), "acme-dev");
    let rules = rules_of(group);
    let refusals = rules.iter().filter_map(|rule| match evaluate(&text::validation(rule, group, exempt), &context) {
        Ok(Cel::Bool(true)) => None,
        Ok(Cel::Bool(false)) => Some((rule.name.to_owned(), words(&text::refusal(rule, group), &context))),
        Ok(other) => Some((rule.name.to_owned(), format!("is no boolean: {other:?}"))),
        // As on the server: what cannot be evaluated is refused.
        Err(fault) => Some((rule.name.to_owned(), fault)),
    });
    refusals.collect()
}

fn words(expression: &str, context: &Context) -> String {
    match evaluate(expression, context) {
        Ok(Cel::String(words)) => words.to_string(),
        other => format!("no text: {other:?}"),
    }
}

fn evaluate(expression: &str, context: &Context) -> Result<Cel, String> {
    let program = Program::compile(expression).map_err(|error| format!("{error}: {expression}"))?;
    program.execute(context).map_err(|error| format!("{error}: {expression}"))
}

/// The variables of a policy's expressions.
fn context(case: &Case, namespace: &str) -> Context<'static> {
    let mut context = Context::default();
    context.register_all();
    let username = match case.user.as_str() {
        TENANT => "kim",
        PLATFORM => "platform-admin",
        other => other,
    };
    let in_namespace = if case.is_namespace() { "" } else { namespace };
    let request = json!({
        "operation": case.operation.word(),
        "userInfo": { "username": username, "groups": [] },
        "name": case.object["metadata"]["name"],
        "namespace": in_namespace,
        "kind": { "group": case.api_group(), "kind": case.object["kind"] },
        "resource": { "group": case.api_group(), "resource": case.resource },
        "subResource": case.subresource,
    });
    let object = if case.operation == Operation::Delete { Value::Null } else { case.object.clone() };
    let namespace_object = if case.is_namespace() { Value::Null } else { case.namespace(namespace) };
    let old = case.old.clone().unwrap_or(Value::Null);
    let variables =
        [("object", object), ("oldObject", old), ("request", request), ("namespaceObject", namespace_object)];
    for (name, value) in variables {
        context.add_variable_from_value(name, converted(&value));
    }
    context
}

fn converted(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Cel::Float(number.as_f64().unwrap_or_default()), Cel::Int)
        }
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(converted).collect())),
        Value::Object(fields) => Cel::Map(Map {
            map: Arc::new(
                fields.iter().map(|(key, value)| (Key::String(Arc::new(key.clone())), converted(value))).collect(),
            ),
        }),
    }
}
