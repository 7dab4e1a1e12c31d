//! What the API server makes of a built-in object before it stores it: unknown and empty fields go, defaults come. It refuses only
//! what cannot be decoded.

use serde_json::{Map, Value, json};

use super::error::{ApiError, ApiResult};
use super::quantity;
use super::registry::Resource;
use super::schema::Node;

/// Optional strings that Go keeps when they are empty.
const STRING_POINTERS: [&str; 4] = ["holderIdentity", "preferredHolder", "strategy", "storageClassName"];

/// Decode a built-in object as Go would: wrong types are refused, unknown fields dropped (refused if `strict`), empties omitted.
pub fn decode(resource: &Resource, object: &mut Value, strict: bool) -> ApiResult<()> {
    let mut unknown = Vec::new();
    decode_at(resource.node(), object, "", &mut unknown).map_err(|why| undecodable(resource, &why))?;
    refuse_unknown(resource, &unknown, strict)?;
    emit_structs(resource, object);
    fill(resource, object);
    Ok(())
}

/// Decode only the metadata, as is done for custom objects.
pub fn decode_metadata(resource: &Resource, object: &mut Value) -> ApiResult<()> {
    let (Some(node), Some(metadata)) = (resource.node().field("metadata"), object.get_mut("metadata")) else {
        return Ok(());
    };
    decode_at(node, metadata, "metadata", &mut Vec::new()).map_err(|why| undecodable(resource, &why))
}

fn undecodable(resource: &Resource, why: &str) -> ApiError {
    let (kind, version) = (&resource.kind, &resource.version);
    ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

/// Fill an object of which nothing was said with what Go always writes.
pub fn blank(resource: &Resource, object: &mut Value) {
    emit_structs(resource, object);
    // What is empty has nothing that could be wrong.
    let _ = decode_at(resource.node(), object, "", &mut Vec::new());
}

/// 400 for unknown fields under strict validation.
pub fn refuse_unknown(resource: &Resource, unknown: &[String], strict: bool) -> ApiResult<()> {
    if !strict || unknown.is_empty() {
        return Ok(());
    }
    let fields = unknown.iter().map(|field| format!("unknown field {field:?}")).collect::<Vec<_>>().join(", ");
    let (kind, version) = (&resource.kind, &resource.version);
    Err(ApiError::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {fields}"
    )))
}

fn decode_at(node: Node<'_>, value: &mut Value, path: &str, unknown: &mut Vec<String>) -> Result<(), String> {
    if node.is_untyped() {
        return Ok(());
    }
    let is_quantity = node.definition().ends_with("api.resource.Quantity");
    match (node.type_name(), &mut *value) {
        ("object", Value::Object(map)) => decode_fields(node, map, path, unknown),
        ("array", Value::Array(items)) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| decode_at(node.items(), item, &format!("{path}[{index}]"), unknown)),
        ("string", Value::String(_) | Value::Number(_)) if is_quantity => {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let canonical = quantity::canonical(&text)
                .ok_or("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")?;
            *value = json!(canonical);
            Ok(())
        }
        (_, Value::String(_) | Value::Number(_)) if node.is_int_or_string() => Ok(()),
        ("string", Value::String(text)) if node.format() == "byte" => check_base64(text),
        ("string", Value::String(text)) if node.format() == "date-time" && !text.is_empty() => check_time(text),
        ("string", Value::String(_))
        | ("integer" | "number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("", _) => Ok(()),
        (wanted, found) => {
            let found = match found {
                Value::Object(_) => "object",
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Number(_) => "number",
                _ => "bool",
            };
            Err(format!("json: cannot unmarshal {found} into Go struct field {path} of type {wanted}"))
        }
    }
}

fn check_time(text: &str) -> Result<(), String> {
    let is_time = text.parse::<jiff::Timestamp>().is_ok();
    is_time.then_some(()).ok_or_else(|| format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse"))
}

fn check_base64(text: &str) -> Result<(), String> {
    let body = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let bad = body.bytes().position(|byte| !is_digit(byte));
    match bad.or_else(|| (!text.len().is_multiple_of(4) || text.len() - body.len() > 2).then_some(text.len())) {
        Some(place) => Err(format!("illegal base64 data at input byte {place}")),
        None => Ok(()),
    }
}

fn decode_fields(
    node: Node<'_>,
    map: &mut Map<String, Value>,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let required = node.schema().and_then(|schema| schema["required"].as_array());
    let required = required.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    let mut gone = Vec::new();
    for (key, value) in map.iter_mut() {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(field) = node.field(key) else {
            unknown.push(here);
            gone.push(key.clone());
            continue;
        };
        if here == "metadata.managedFields" {
            continue;
        }
        if value.is_null() && node.is_free_map() && field.type_name() == "string" {
            *value = json!("");
        }
        if value.is_null() {
            gone.push(key.clone());
            continue;
        }
        decode_at(field, value, &here, unknown)?;
        let is_empty = match &*value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty() && field.is_free_map(),
            Value::String(text) => {
                text.is_empty()
                    && !node.is_free_map()
                    && !field.is_int_or_string()
                    && !STRING_POINTERS.contains(&key.as_str())
            }
            _ => false,
        };
        if is_empty && !required.contains(&key.as_str()) {
            gone.push(key.clone());
        }
    }
    for key in gone {
        map.remove(&key);
    }
    for key in required.into_iter().filter(|key| !map.contains_key(*key)).map(ToOwned::to_owned).collect::<Vec<_>>() {
        let zero = match node.field(&key).map_or("", Node::type_name) {
            "array" => Value::Null,
            "string" => json!(""),
            "integer" => json!(0),
            _ => continue,
        };
        map.insert(key, zero);
    }
    Ok(())
}

/// Empty lists that may not be left out are stored as nothing: null.
pub fn settle(node: Node<'_>, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, below) in map.iter_mut() {
                let Some(field) = node.field(key) else { continue };
                if below.as_array().is_some_and(Vec::is_empty) {
                    *below = Value::Null;
                } else {
                    settle(field, below);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| settle(node.items(), item)),
        _ => {}
    }
}

/// Structs that Go always writes, by kind.
fn emit_structs(resource: &Resource, object: &mut Value) {
    let paths: &[&[&str]] = match resource.kind.as_str() {
        "Namespace"
        | "ResourceQuota"
        | "PersistentVolumeClaim"
        | "Node"
        | "CustomResourceDefinition"
        | "ReplicaSet"
        | "Pod"
        | "HorizontalPodAutoscaler"
        | "PodDisruptionBudget"
        | "APIService" => &[&["spec"], &["status"]],
        "Deployment" | "DaemonSet" | "StatefulSet" | "Job" => {
            &[&["spec"], &["spec", "template"], &["spec", "template", "spec"], &["status"]]
        }
        "Service" => &[&["spec"], &["status"], &["status", "loadBalancer"]],
        "LimitRange" | "Lease" => &[&["spec"]],
        "NetworkPolicy" => &[&["spec"], &["spec", "podSelector"]],
        "RoleBinding" | "ClusterRoleBinding" => &[&["roleRef"]],
        _ => &[],
    };
    for path in paths {
        let place = path.iter().fold(&mut *object, |value, key| &mut value[*key]);
        if place.is_null() {
            *place = json!({});
        }
    }
}

fn set_default(object: &mut Value, key: &str, value: Value) {
    if object.is_object() && object.get(key).is_none() {
        object[key] = value;
    }
}

/// Items of a list below a value; unlike indexing, it adds nothing.
fn list_mut<'a>(value: &'a mut Value, path: &[&str]) -> impl Iterator<Item = &'a mut Value> {
    let found = path.iter().try_fold(value, |value, key| value.get_mut(*key));
    found.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Defaults of the kinds that Tenantry writes.
fn fill(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => fill_namespace(object),
        ("", "LimitRange") => fill_limit_range(object),
        ("", "Secret") => fill_secret(object),
        ("", "Service") => fill_service(object),
        ("networking.k8s.io", "NetworkPolicy") => fill_network_policy(object),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => fill_binding(object),
        ("apps", "Deployment") => {
            set_default(&mut object["spec"], "replicas", json!(1));
            set_default(&mut object["spec"], "revisionHistoryLimit", json!(10));
            set_default(&mut object["spec"], "progressDeadlineSeconds", json!(600));
            let strategy =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
            set_default(&mut object["spec"], "strategy", strategy);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => super::crd::fill(object),
        _ => {}
    }
}

/// `stringData` is written only: it ends up in `data`.
fn fill_secret(object: &mut Value) {
    set_default(object, "type", json!("Opaque"));
    let Some(Value::Object(strings)) = object.as_object_mut().and_then(|map| map.remove("stringData")) else { return };
    if object["data"].is_null() {
        object["data"] = json!({});
    }
    for (key, text) in strings {
        object["data"][key] = json!(base64(text.as_str().unwrap_or_default().as_bytes()));
    }
}

/// The standard alphabet, padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    out
}

fn fill_namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if name.as_str().is_some_and(|name| !name.is_empty()) {
        if object["metadata"]["labels"].is_null() {
            object["metadata"]["labels"] = json!({});
        }
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    }
}

fn fill_limit_range(object: &mut Value) {
    for item in list_mut(object, &["spec", "limits"]) {
        if item["type"] != "Container" {
            continue;
        }
        let both = |from: &Value| from.as_object().cloned().unwrap_or_default();
        let mut default = both(&item["default"]);
        let mut request = both(&item["defaultRequest"]);
        for (key, value) in both(&item["max"]) {
            default.entry(key).or_insert(value);
        }
        for (key, value) in default.clone() {
            request.entry(key).or_insert(value);
        }
        for (key, value) in both(&item["min"]) {
            request.entry(key).or_insert(value);
        }
        for (key, map) in [("default", default), ("defaultRequest", request)] {
            if !map.is_empty() {
                item[key] = Value::Object(map);
            }
        }
    }
}

fn fill_service(object: &mut Value) {
    let spec = &mut object["spec"];
    set_default(spec, "type", json!("ClusterIP"));
    set_default(spec, "sessionAffinity", json!("None"));
    set_default(spec, "internalTrafficPolicy", json!("Cluster"));
    for port in list_mut(spec, &["ports"]) {
        set_default(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        set_default(port, "targetPort", number);
    }
}

fn fill_network_policy(object: &mut Value) {
    let spec = &mut object["spec"];
    for direction in ["ingress", "egress"] {
        for rule in list_mut(spec, &[direction]) {
            for port in list_mut(rule, &["ports"]) {
                set_default(port, "protocol", json!("TCP"));
            }
        }
    }
    if spec.get("policyTypes").is_none() {
        let has_egress = spec["egress"].as_array().is_some_and(|rules| !rules.is_empty());
        spec["policyTypes"] = if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
}

fn fill_binding(object: &mut Value) {
    if object["roleRef"]["apiGroup"].as_str().unwrap_or_default().is_empty() {
        object["roleRef"]["apiGroup"] = json!("rbac.authorization.k8s.io");
    }
    for subject in list_mut(object, &["subjects"]) {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            set_default(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::Registry;

    fn decoded(group: &str, plural: &str, mut object: Value) -> Value {
        let registry = Registry::built_in();
        decode(&registry.find(group, "v1", plural).unwrap(), &mut object, false).unwrap();
        object
    }

    #[test]
    fn network_policies() {
        let given = json!({"metadata": {"labels": {}}, "spec": {"egress": [{"ports": [{"port": 53}], "to": [{"podSelector": {}}]}]}});
        let expected = json!({"metadata": {}, "spec": {
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "egress": [{"ports": [{"port": 53, "protocol": "TCP"}], "to": [{"podSelector": {}}]}],
        }});
        assert_eq!(decoded("networking.k8s.io", "networkpolicies", given), expected);
    }

    #[test]
    fn quotas_are_canonical() {
        let given = json!({"spec": {"hard": {"requests.cpu": "4000m", "pods": 10, "requests.memory": "1024Mi"}}});
        let quota = decoded("", "resourcequotas", given);
        assert_eq!(quota["spec"]["hard"], json!({"requests.cpu": "4", "pods": "10", "requests.memory": "1Gi"}));
    }

    #[test]
    fn strict_decoding_names_unknown_fields() {
        let registry = Registry::built_in();
        let map = registry.find("", "v1", "configmaps").unwrap();
        let error = decode(&map, &mut json!({"metadata": {}, "spec": {"x": 1}}), true).unwrap_err();
        assert!(error.message.ends_with("strict decoding error: unknown field \"spec\""), "{}", error.message);
        assert_eq!(decode(&map, &mut json!({"data": {"a": 1}}), false).unwrap_err().code, 400);
    }
}
