//! What the rules say to a request, by evaluating their CEL here: for tests, and to tell of what exists already whether it could
//! be made again. The API server stays the judge; tests hold the two together.
//!
//! kube-cel has an evaluator for policies of its own, but that one escapes the keys of labels and annotations as the keys of
//! schemas are escaped, which the API server does not do here. So only its functions are used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, Program, Value as Cel};
use serde_json::{Value, json};

use super::rule::{Group, Operation, Rule, Target};
use super::{rules, text};
use crate::meta;

/// One request, as admission sees it. Parts that a request does not have are null.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is done.
    pub operation: Operation,
    /// API group of the resource.
    pub group: &'a str,
    /// Plural name of the resource.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// Kind of the object.
    pub kind: &'a str,
    /// Where it happens; empty for what is in no namespace.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// Who asks.
    pub username: &'a str,
    /// Whether they have the verb `exempt`.
    pub exempt: bool,
    /// What is there afterwards.
    pub object: &'a Value,
    /// What was there before.
    pub old: &'a Value,
    /// The namespace it happens in.
    pub namespace_object: &'a Value,
}

/// The group of resources that requests about this resource (`pods`, `pods/resize`) fall into.
pub fn group_of(api_group: &str, resource: &str) -> &'static Group {
    static GROUPS: [Group; 11] = rules::GROUPS;
    let covers = |target: &Target| target.groups.contains(&api_group) && target.resources.contains(&resource);
    let mut groups = GROUPS.iter().chain([&rules::NAMESPACES]);
    groups.find(|group| group.targets.iter().any(covers)).unwrap_or(&rules::OBJECTS)
}

/// Those of these rules that refuse the request, each with what it says.
pub fn refusals<'r>(rules: &'r [Rule], group: &Group, request: &Request) -> Vec<(&'r Rule, String)> {
    let context = context(request);
    let exempt = if request.exempt { "true" } else { "false" };
    let refuses = |rule: &'r Rule| match evaluate(&text::validation(rule, group, exempt), &context) {
        Ok(Cel::Bool(true)) => None,
        Ok(Cel::Bool(false)) => Some((rule, words(&text::refusal(rule, group), &context))),
        Ok(other) => Some((rule, format!("is no boolean: {other:?}"))),
        // As on the server: what cannot be evaluated is refused.
        Err(fault) => Some((rule, fault)),
    };
    rules.iter().filter_map(refuses).collect()
}

/// The rules that would refuse a member of the tenant this object, which exists, if it were made as it is in this namespace.
/// What the cluster itself has filled in since is left out, and so is a suspension, which ends.
pub fn refused_anew(api_group: &str, resource: &str, object: &Value, namespace: &Value) -> Vec<&'static Rule> {
    let mut object = object.clone();
    for (made, field) in [("pods", "nodeName"), ("persistentvolumeclaims", "volumeName")] {
        if resource == made {
            object["spec"].as_object_mut().map(|spec| spec.remove(field));
        }
    }
    let mut namespace = namespace.clone();
    namespace["metadata"]["labels"].as_object_mut().map(|labels| labels.remove(meta::SUSPEND));
    let group = group_of(api_group, resource);
    let request = Request {
        operation: Operation::Create,
        group: api_group,
        resource,
        subresource: "",
        kind: object["kind"].as_str().unwrap_or_default(),
        namespace: namespace["metadata"]["name"].as_str().unwrap_or_default(),
        name: object["metadata"]["name"].as_str().unwrap_or_default(),
        username: "",
        exempt: false,
        object: &object,
        old: &Value::Null,
        namespace_object: &namespace,
    };
    refusals(group.rules, group, &request).into_iter().map(|(rule, _)| rule).collect()
}

fn words(expression: &str, context: &Context) -> String {
    match evaluate(expression, context) {
        Ok(Cel::String(words)) => words.to_string(),
        other => format!("no text: {other:?}"),
    }
}

fn evaluate(expression: &str, context: &Context) -> Result<Cel, String> {
    let program = compiled(expression)?;
    program.execute(context).map_err(|error| format!("{error}: {expression}"))
}

/// Compiling takes a thousand times as long as evaluating, and the rules are always the same.
fn compiled(expression: &str) -> Result<Arc<Program>, String> {
    static PROGRAMS: Mutex<BTreeMap<String, Arc<Program>>> = Mutex::new(BTreeMap::new());
    let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = programs.get(expression) {
        return Ok(Arc::clone(known));
    }
    let program = Program::compile(expression).map_err(|error| format!("{error}: {expression}"))?;
    let program = Arc::new(program);
    programs.insert(expression.to_owned(), Arc::clone(&program));
    Ok(program)
}

/// The variables of a policy's expressions.
fn context(request: &Request) -> Context<'static> {
    let mut context = Context::default();
    context.register_all();
    let told = json!({
        "operation": request.operation.word(),
        "userInfo": { "username": request.username, "groups": [] },
        "name": request.name,
        "namespace": request.namespace,
        "kind": { "group": request.group, "kind": request.kind },
        "resource": { "group": request.group, "resource": request.resource },
        "subResource": request.subresource,
    });
    let variables = [
        ("object", request.object),
        ("oldObject", request.old),
        ("request", &told),
        ("namespaceObject", request.namespace_object),
    ];
    for (name, value) in variables {
        context.add_variable_from_value(name, converted(value));
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
