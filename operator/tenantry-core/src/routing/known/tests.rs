//! Tests of the table: that it is what was seen.

#![allow(clippy::panic)] // A line that is wrong is named.

use std::path::Path;

use serde_json::Value;

use super::super::features::Feature;
use super::{ENVOY_GATEWAY, KNOWN, TRAEFIK, of};

const ALL: [Feature; 7] = [
    Feature::PathRewrite,
    Feature::ResponseHeaders,
    Feature::RequestTimeout,
    Feature::BackendTimeout,
    Feature::Cors,
    Feature::Grpc,
    Feature::BackendTls,
];

fn facts() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/tests/gateway/facts.json");
    let text = std::fs::read_to_string(path).expect("what was seen of Traefik");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn of_traefik_it_says_what_was_seen_with_requests() {
    let facts = facts();
    assert_eq!(facts["controllerName"], TRAEFIK);
    let version = facts["version"].as_str().expect("a version");
    let traefik = of(TRAEFIK).expect("known");
    for (name, fact) in facts["facts"].as_object().expect("facts") {
        let Some(feature) = ALL.into_iter().find(|feature| fact["feature"] == feature.name()) else { continue };
        let is_done = fact["does"] == "honoured";
        // What it says and does needs no line; what it does not do needs one, lest a later version say it before it does it.
        let believed = traefik.word(feature).unwrap_or(fact["advertised"] == true);
        assert_eq!(believed, is_done, "{name}: {feature:?} was seen to be {}", fact["does"]);
    }
    for deed in traefik.deeds {
        assert!(deed.because.starts_with(version), "{:?} was seen of another version than {version}", deed.feature);
        let seen = facts["facts"].as_object().expect("facts").values();
        assert!(seen.into_iter().any(|fact| fact["feature"] == deed.feature.name()), "{:?} was not seen", deed.feature);
    }
}

#[test]
fn a_controller_whose_class_lists_nothing_has_a_word_on_everything() {
    let envoy = of(ENVOY_GATEWAY).expect("known");
    for feature in ALL {
        assert!(envoy.word(feature).is_some(), "{feature:?}");
    }
}

#[test]
fn each_controller_has_one_entry_and_each_line_a_reason() {
    for known in KNOWN {
        assert_eq!(KNOWN.iter().filter(|one| one.controller == known.controller).count(), 1, "{}", known.controller);
        for deed in known.deeds {
            assert!(deed.because.starts_with(char::is_numeric), "{}: {:?}", known.controller, deed.feature);
            assert_eq!(known.deeds.iter().filter(|one| one.feature == deed.feature).count(), 1);
        }
    }
}
