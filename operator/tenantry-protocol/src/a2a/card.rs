//! Whether an agent card is one, and the exact field where it is not. Fetches nothing.

use std::collections::BTreeSet;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules;
use crate::check::{Issue, Rule, quote, shorten};
use crate::json::{canonical, sha256};

/// Which version's shape a card has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Shape {
    /// `supportedInterfaces`.
    #[serde(rename = "1.0")]
    V1,
    /// `url`, with a `protocolVersion` beside it.
    #[serde(rename = "0.3")]
    V03,
    /// `url` alone.
    #[serde(rename = "0.2")]
    V02,
}

/// What of a card a status shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Which version's shape it has.
    pub shape: Shape,
    /// The agent's name.
    #[schemars(length(max = 200))]
    pub name: String,
    /// The agent's version.
    #[schemars(length(max = 200))]
    pub version: String,
    /// URL of its first interface.
    #[schemars(length(max = 512))]
    pub url: String,
    /// Versions of A2A that its interfaces speak.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 32)))]
    pub protocol_versions: Vec<String>,
    /// How its interfaces are spoken to, such as `JSONRPC`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 200)))]
    pub bindings: Vec<String>,
    /// Ids of its skills, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 200)))]
    pub skills: Vec<String>,
    /// Whether it is signed. Signatures are not verified.
    pub is_signed: bool,
    /// SHA-256 of the whole card.
    #[schemars(length(max = 64))]
    pub hash: String,
}

/// Reads a card: what it says, and every rule it breaks. `known_as` is the URL that callers have, if one is known.
pub fn judge(card: &Value, known_as: Option<&Uri>) -> (Option<Card>, Vec<Issue>) {
    let mut issues = Vec::new();
    let Some(fields) = card.as_object() else {
        return (None, vec![rules::SERVED.broken("it is not a JSON object")]);
    };
    let shape = match (fields.contains_key("supportedInterfaces"), fields.contains_key("protocolVersion")) {
        _ if !fields.contains_key("supportedInterfaces") && !fields.contains_key("url") => Shape::V1,
        (true, _) => Shape::V1,
        (false, true) => Shape::V03,
        (false, false) => Shape::V02,
    };
    if shape != Shape::V1 {
        issues.push(rules::OLD_SHAPE.broken("it has url, and no supportedInterfaces"));
    }
    for field in ["name", "description", "version"] {
        issues.extend(text(&rules::TEXTS, "", card, field));
    }
    let interfaces = if shape == Shape::V1 { interfaces(card, &mut issues) } else { old_interfaces(card, &mut issues) };
    routed(&interfaces, known_as, &mut issues);
    capabilities(&card["capabilities"], &mut issues);
    for field in ["defaultInputModes", "defaultOutputModes"] {
        let modes = card[field].as_array();
        if !modes.is_some_and(|modes| !modes.is_empty() && modes.iter().all(Value::is_string)) {
            issues.push(rules::MODES.broken(format!("{field} is {}", shown(&card[field]))));
        }
    }
    let skills = skills(&card["skills"], &mut issues);
    let is_signed = signatures(&card["signatures"], &mut issues);
    issues.sort_by(|one, other| (other.level, &one.code).cmp(&(one.level, &other.code)));
    issues.truncate(64);
    let texts = |pick: fn(&Interface) -> &str| {
        let all: BTreeSet<&str> = interfaces.iter().map(pick).filter(|text| !text.is_empty()).collect();
        all.into_iter().take(16)
    };
    let card = Card {
        shape,
        name: shorten(card["name"].as_str().unwrap_or_default(), 200),
        version: shorten(card["version"].as_str().unwrap_or_default(), 200),
        url: interfaces.first().map(|first| shorten(&first.url, 512)).unwrap_or_default(),
        protocol_versions: texts(|interface| &interface.version).map(|text| shorten(text, 32)).collect(),
        bindings: texts(|interface| &interface.binding).map(|text| shorten(text, 200)).collect(),
        skills,
        is_signed,
        hash: sha256(&canonical(card)),
    };
    (Some(card), issues)
}

struct Interface {
    field: String,
    url: String,
    binding: String,
    version: String,
}

fn interfaces(card: &Value, issues: &mut Vec<Issue>) -> Vec<Interface> {
    let list = &card["supportedInterfaces"];
    let Some(entries) = list.as_array().filter(|entries| !entries.is_empty()) else {
        issues.push(rules::INTERFACES.broken(format!("supportedInterfaces is {}", shown(list))));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let field = format!("supportedInterfaces[{place}]");
        for name in ["url", "protocolBinding", "protocolVersion"] {
            issues.extend(text(&rules::INTERFACES, &format!("{field}."), entry, name));
        }
        let of = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        found.push(Interface { url: of("url"), binding: of("protocolBinding"), version: of("protocolVersion"), field });
    }
    for interface in &found {
        interface_faults(interface, issues);
    }
    found
}

fn old_interfaces(card: &Value, issues: &mut Vec<Issue>) -> Vec<Interface> {
    issues.extend(text(&rules::INTERFACES, "", card, "url"));
    let version = card["protocolVersion"].as_str().unwrap_or_default().to_owned();
    let of = |entry: &Value, field: &str, name: &str| entry[field].as_str().unwrap_or(name).to_owned();
    let mut found = vec![Interface {
        field: String::new(),
        url: of(card, "url", ""),
        binding: of(card, "preferredTransport", "JSONRPC"),
        version: version.clone(),
    }];
    for (place, entry) in card["additionalInterfaces"].as_array().into_iter().flatten().enumerate() {
        let field = format!("additionalInterfaces[{place}]");
        for name in ["url", "transport"] {
            issues.extend(text(&rules::INTERFACES, &format!("{field}."), entry, name));
        }
        found.push(Interface {
            url: of(entry, "url", ""),
            binding: of(entry, "transport", ""),
            version: version.clone(),
            field,
        });
    }
    for interface in &found {
        interface_faults(interface, issues);
    }
    found
}

fn interface_faults(interface: &Interface, issues: &mut Vec<Issue>) {
    let field =
        |name: &str| if interface.field.is_empty() { name.to_owned() } else { format!("{}.{name}", interface.field) };
    // gRPC clients take a host and a port.
    let is_grpc = interface.binding == "GRPC";
    let is_absolute = interface.url.parse::<Uri>().is_ok_and(|url| {
        url.host().is_some_and(|host| !host.is_empty())
            && (is_grpc || matches!(url.scheme_str(), Some("http" | "https")))
    });
    if !interface.url.is_empty() && !is_absolute {
        issues.push(rules::INTERFACE_URL.broken(format!("{} is {}", field("url"), quote(&interface.url))));
    }
    if !interface.binding.is_empty() && !matches!(interface.binding.as_str(), "JSONRPC" | "GRPC" | "HTTP+JSON") {
        issues.push(rules::BINDING.broken(format!("{} is {}", field("protocolBinding"), quote(&interface.binding))));
    }
}

fn routed(interfaces: &[Interface], known_as: Option<&Uri>, issues: &mut Vec<Issue>) {
    let Some(known_as) = known_as else { return };
    let is_known =
        |interface: &Interface| interface.url.parse::<Uri>().is_ok_and(|url| url.authority() == known_as.authority());
    if !interfaces.is_empty() && !interfaces.iter().any(is_known) {
        let url = quote(&interfaces[0].url);
        issues.push(rules::ROUTED.broken(format!("the first is {url}, and none is at {known_as}")));
    }
}

fn capabilities(capabilities: &Value, issues: &mut Vec<Issue>) {
    if !capabilities.is_object() {
        issues.push(rules::CAPABILITIES.broken(format!("capabilities is {}", shown(capabilities))));
        return;
    }
    for field in ["streaming", "pushNotifications"] {
        if !matches!(&capabilities[field], Value::Null | Value::Bool(_)) {
            let message = format!("capabilities.{field} is {}", shown(&capabilities[field]));
            issues.push(rules::CAPABILITIES.broken(message));
        }
    }
}

fn skills(skills: &Value, issues: &mut Vec<Issue>) -> Vec<String> {
    let Some(skills) = skills.as_array() else {
        issues.push(rules::SKILL_TEXTS.broken(format!("skills is {}", shown(skills))));
        return Vec::new();
    };
    if skills.is_empty() {
        issues.push(rules::SKILLS.broken("skills is empty"));
    }
    let (mut ids, mut seen) = (Vec::new(), BTreeSet::new());
    for (place, skill) in skills.iter().enumerate() {
        let field = format!("skills[{place}].");
        for name in ["id", "name", "description"] {
            issues.extend(text(&rules::SKILL_TEXTS, &field, skill, name));
        }
        if !skill["tags"].as_array().is_some_and(|tags| tags.iter().all(Value::is_string)) {
            issues.push(rules::SKILL_TEXTS.broken(format!("{field}tags is {}", shown(&skill["tags"]))));
        }
        if let Some(id) = skill["id"].as_str().filter(|id| !id.is_empty()) {
            if !seen.insert(id) {
                issues.push(rules::SKILL_UNIQUE.broken(format!("{field}id is {} like another", quote(id))));
            }
            ids.push(shorten(id, 200));
        }
    }
    ids.truncate(100);
    ids
}

fn signatures(signatures: &Value, issues: &mut Vec<Issue>) -> bool {
    let Some(entries) = signatures.as_array() else {
        if !signatures.is_null() {
            issues.push(rules::SIGNATURES.broken(format!("signatures is {}", shown(signatures))));
        }
        return false;
    };
    for (place, entry) in entries.iter().enumerate() {
        for name in ["protected", "signature"] {
            issues.extend(text(&rules::SIGNATURES, &format!("signatures[{place}]."), entry, name));
        }
    }
    !entries.is_empty()
}

/// That a field is no text, or an empty one.
fn text(rule: &Rule, before: &str, object: &Value, field: &str) -> Option<Issue> {
    let is_text = object[field].as_str().is_some_and(|text| !text.trim().is_empty());
    (!is_text).then(|| rule.broken(format!("{before}{field} is {}", shown(&object[field]))))
}

/// A value as a sentence ends with it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "missing".into(),
        Value::String(text) if text.trim().is_empty() => "empty".into(),
        Value::Array(items) if items.is_empty() => "empty".into(),
        other => quote(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn v1() -> Value {
        json!({
            "name": "Researcher", "description": "Finds things.", "version": "1.2.0",
            "supportedInterfaces": [
                {"url": "https://agent.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
                {"url": "agent.example:443", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            ],
            "capabilities": {"streaming": true}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "find", "name": "Find", "description": "Finds.", "tags": ["search"]}],
            "signatures": [{"protected": "e30", "signature": "x"}],
        })
    }

    fn v03() -> Value {
        json!({
            "name": "Old", "description": "Is old.", "version": "1", "protocolVersion": "0.3.0", "url": "http://agent.example/",
            "preferredTransport": "JSONRPC", "additionalInterfaces": [{"url": "http://agent.example/", "transport": "HTTP+JSON"}],
            "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "a", "name": "A", "description": "A.", "tags": []}],
        })
    }

    #[test]
    fn sound_cards_of_every_shape_are_read() {
        let (card, issues) = judge(&v1(), None);
        let card = card.expect("a card");
        assert_eq!(issues, []);
        assert_eq!((card.shape, card.url.as_str(), card.is_signed), (Shape::V1, "https://agent.example/a2a", true));
        assert_eq!((card.bindings, card.skills), (vec!["GRPC".into(), "JSONRPC".into()], vec!["find".to_owned()]));

        let (card, issues) = judge(&v03(), None);
        assert_eq!(issues.iter().map(|issue| issue.code.as_str()).collect::<Vec<_>>(), ["K3"]);
        assert_eq!(card.map(|card| (card.shape, card.protocol_versions)), Some((Shape::V03, vec!["0.3.0".to_owned()])));

        let mut v02 = v03();
        v02.as_object_mut().expect("an object").remove("protocolVersion");
        assert_eq!(judge(&v02, None).0.map(|card| card.shape), Some(Shape::V02));
    }

    #[test]
    fn the_exact_fault_is_named() {
        let cases = [
            ("/name", json!(""), "K5", "name is empty"),
            ("/description", Value::Null, "K5", "description is missing"),
            ("/version", json!(1), "K5", "version is \"1\""),
            ("/supportedInterfaces", json!([]), "K6", "supportedInterfaces is empty"),
            (
                "/supportedInterfaces/0/protocolVersion",
                Value::Null,
                "K6",
                "supportedInterfaces[0].protocolVersion is missing",
            ),
            ("/supportedInterfaces/0/url", json!("/a2a"), "K7", "supportedInterfaces[0].url is \"/a2a\""),
            (
                "/supportedInterfaces/1/protocolBinding",
                json!("CARRIER-PIGEON"),
                "K7",
                "supportedInterfaces[1].url is \"agent.example:443\"",
            ),
            ("/capabilities", json!([]), "K9", "capabilities is empty"),
            ("/capabilities/streaming", json!("yes"), "K9", "capabilities.streaming is \"\\\"yes\\\"\""),
            ("/defaultInputModes", json!([]), "K10", "defaultInputModes is empty"),
            ("/skills", json!([]), "K11", "skills is empty"),
            ("/skills/0/tags", Value::Null, "K12", "skills[0].tags is missing"),
            ("/signatures/0/protected", Value::Null, "K14", "signatures[0].protected is missing"),
        ];
        for (pointer, value, code, message) in cases {
            let mut card = v1();
            *card.pointer_mut(pointer).expect("is there") = value;
            let (_, issues) = judge(&card, None);
            let first = issues.first().map(|issue| (issue.code.as_str(), issue.message.as_str()));
            assert_eq!(first, Some((code, message)), "{pointer}");
        }
        let mut twins = v1();
        let skill = twins["skills"][0].clone();
        twins["skills"] = json!([skill, skill]);
        assert_eq!(judge(&twins, None).1[0].message, "skills[1].id is \"find\" like another");
    }

    #[test]
    fn a_card_that_sends_callers_elsewhere_is_warned_of() {
        let at = |url: &str| judge(&v1(), Some(&url.parse().expect("a URL"))).1.len();
        assert_eq!((at("https://agent.example/other"), at("https://another.example/")), (0, 1));
    }

    #[test]
    fn what_is_no_card_has_every_field_missing() {
        assert!(judge(&json!([]), None).0.is_none());
        let codes: BTreeSet<String> = judge(&json!({}), None).1.into_iter().map(|issue| issue.code).collect();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["K10", "K12", "K5", "K6", "K9"]);
    }
}
