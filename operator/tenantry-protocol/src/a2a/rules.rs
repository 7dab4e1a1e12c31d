//! Every rule that an agent card is held to, in one table, which the reference page is made from.

use crate::check::{Level, Rule};

const V1: &str = "A2A 1.0, Agent Card";
const DISCOVERY: &str = "A2A 1.0, Agent Discovery";
const OURS: &str = "Tenantry";

const fn rule(code: &'static str, level: Level, source: &'static str, requirement: &'static str) -> Rule {
    Rule { code, level, requirement, source, sends: "" }
}

/// All of them, in the order of the page.
pub static RULES: [&Rule; 15] = [
    &SERVED,
    &OLD_PLACE,
    &OLD_SHAPE,
    &BOUNDS,
    &TEXTS,
    &INTERFACES,
    &INTERFACE_URL,
    &BINDING,
    &CAPABILITIES,
    &MODES,
    &SKILLS,
    &SKILL_TEXTS,
    &SKILL_UNIQUE,
    &SIGNATURES,
    &ROUTED,
];

pub(super) static SERVED: Rule =
    rule("K1", Level::Error, DISCOVERY, "GET /.well-known/agent-card.json is answered by HTTP 200 with a JSON object");
pub(super) static OLD_PLACE: Rule =
    rule("K2", Level::Warning, DISCOVERY, "the card is at agent-card.json: agent.json is of versions before 0.3");
pub(super) static OLD_SHAPE: Rule = rule(
    "K3",
    Level::Warning,
    V1,
    "the card has supportedInterfaces: url and preferredTransport are of versions before 1.0",
);
pub(super) static BOUNDS: Rule =
    rule("K4", Level::Error, OURS, "the card has at most 1 MiB, comes within 10 s, without redirect");
pub(super) static TEXTS: Rule = rule("K5", Level::Error, V1, "name, description and version are texts, and not empty");
pub(super) static INTERFACES: Rule = rule(
    "K6",
    Level::Error,
    V1,
    "there is at least one interface, each with url, protocolBinding and protocolVersion; before 1.0 a url",
);
pub(super) static INTERFACE_URL: Rule =
    rule("K7", Level::Error, V1, "an interface's url is absolute, with scheme and host");
pub(super) static BINDING: Rule =
    rule("K8", Level::Info, V1, "an interface's binding is JSONRPC, GRPC or HTTP+JSON: few know others");
pub(super) static CAPABILITIES: Rule =
    rule("K9", Level::Error, V1, "capabilities is an object whose streaming and pushNotifications are true or false");
pub(super) static MODES: Rule =
    rule("K10", Level::Error, V1, "defaultInputModes and defaultOutputModes name at least one media type each");
pub(super) static SKILLS: Rule = rule("K11", Level::Warning, V1, "there is at least one skill");
pub(super) static SKILL_TEXTS: Rule =
    rule("K12", Level::Error, V1, "skills is a list, and each skill has id, name, description and tags");
pub(super) static SKILL_UNIQUE: Rule = rule("K13", Level::Error, V1, "no two skills have the same id");
pub(super) static SIGNATURES: Rule =
    rule("K14", Level::Error, V1, "each of signatures has protected and signature; they are shown and not verified");
pub(super) static ROUTED: Rule =
    rule("K15", Level::Warning, OURS, "an interface's url is one that callers reach: the one the agent is known by");
