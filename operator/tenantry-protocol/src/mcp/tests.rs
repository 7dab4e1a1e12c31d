//! The table of checks as a whole. Each check against a server is tested in `tenantry-probe/tests`.

use std::collections::BTreeSet;

use super::checks::GROUPS;
use super::message::Reply;

#[test]
fn every_code_is_there_once_and_every_rule_says_what_it_asks() {
    let mut codes = BTreeSet::new();
    for check in GROUPS.iter().flat_map(|group| group.checks) {
        let rule = &check.rule;
        assert!(codes.insert(rule.code), "{} is there twice", rule.code);
        assert!(rule.code.len() <= 8 && !rule.source.is_empty(), "{}", rule.code);
        assert!(!rule.requirement.ends_with('.') && rule.requirement.len() + rule.source.len() < 500, "{}", rule.code);
    }
    assert!(codes.len() > 45, "{}", codes.len());
}

#[test]
fn no_request_calls_a_tool() {
    let offers = serde_json::json!({"capabilities": {"tools": {}, "resources": {}, "prompts": {}}});
    for version in [super::MODERN, super::LEGACY] {
        for is_dual in [true, false] {
            let context = super::context::Context {
                hello: offers.clone(),
                version: version.into(),
                session: Some("s".into()),
                is_dual,
            };
            for check in GROUPS.iter().flat_map(|group| group.checks) {
                let Some(ask) = check.ask(&context) else { continue };
                let text = format!("{:?} {:?}", ask.headers, ask.body);
                assert!(!text.contains("tools/call"), "{}: {text}", check.rule.code);
            }
        }
    }
}

#[test]
fn an_error_is_told_on_one_line() {
    let error = Reply::Error { code: -32600, message: "a\nb".into(), data: serde_json::Value::Null };
    assert_eq!(error.words(), "error -32600 \"a\\nb\"");
}
