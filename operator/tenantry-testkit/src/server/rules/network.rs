//! Rules of NetworkPolicies.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{items, text};
use crate::server::error::FieldError;
use crate::server::meta;

/// NetworkPolicy.
pub fn policy(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    selector("spec.podSelector", &spec["podSelector"], errors);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in items(&spec[direction]) {
            let path = format!("spec.{direction}[{index}]");
            for (index, port) in items(&rule["ports"]) {
                port_problems(&format!("{path}.ports[{index}]"), port, errors);
            }
            for (index, peer) in items(&rule[peers]) {
                peer_problems(&format!("{path}.{peers}[{index}]"), peer, errors);
            }
        }
    }
    let types = items(&spec["policyTypes"]).collect::<Vec<_>>();
    if types.len() > 2 {
        let why = "may not specify more than two policyTypes";
        return errors.push(FieldError::invalid("spec.policyTypes", &spec["policyTypes"], why));
    }
    for (index, kind) in types {
        if !["Ingress", "Egress"].contains(&text(kind)) {
            let supported = ["Ingress".to_owned(), "Egress".to_owned()];
            errors.push(FieldError::not_supported(format!("spec.policyTypes[{index}]"), kind, &supported));
        }
    }
}

fn selector(path: &str, selector: &Value, errors: &mut Vec<FieldError>) {
    meta::label_problems(&format!("{path}.matchLabels"), &selector["matchLabels"], errors);
    for (index, expression) in items(&selector["matchExpressions"]) {
        let here = format!("{path}.matchExpressions[{index}]");
        let has_values = expression["values"].as_array().is_some_and(|values| !values.is_empty());
        match text(&expression["operator"]) {
            "In" | "NotIn" if !has_values => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{here}.values"), why));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{here}.values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let operator = &expression["operator"];
                errors.push(FieldError::invalid(format!("{here}.operator"), operator, "not a valid selector operator"));
            }
        }
    }
}

fn port_problems(path: &str, port: &Value, errors: &mut Vec<FieldError>) {
    const RANGE: &str = "must be between 1 and 65535, inclusive";
    if !["TCP", "UDP", "SCTP"].contains(&text(&port["protocol"])) {
        let supported = ["TCP", "UDP", "SCTP"].map(ToOwned::to_owned);
        errors.push(FieldError::not_supported(format!("{path}.protocol"), &port["protocol"], &supported));
    }
    let (number, end) = (&port["port"], &port["endPort"]);
    let is_port = |value: i64| (1..=65535).contains(&value);
    match (number, end.as_i64()) {
        (Value::Number(_), end_number) => {
            let first = number.as_i64().unwrap_or_default();
            if !is_port(first) {
                errors.push(FieldError::invalid(format!("{path}.port"), number, RANGE));
            }
            if let Some(last) = end_number {
                if last < first {
                    let why = "must be greater than or equal to `port`";
                    errors.push(FieldError::invalid(format!("{path}.endPort"), number, why));
                }
                if !is_port(last) {
                    errors.push(FieldError::invalid(format!("{path}.endPort"), end, RANGE));
                }
            }
        }
        (Value::String(_), Some(_)) => {
            let why = "may not be specified when `port` is non-numeric";
            errors.push(FieldError::invalid(format!("{path}.endPort"), end, why));
        }
        (Value::Null, Some(_)) => {
            let why = "may not be specified when `port` is not specified";
            errors.push(FieldError::invalid(format!("{path}.endPort"), end, why));
        }
        _ => {}
    }
    if let Value::String(name) = number {
        let is_name = name.len() <= 15
            && name.chars().any(|character| character.is_ascii_lowercase())
            && name
                .chars()
                .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-');
        if !is_name {
            let why = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
            errors.push(FieldError::invalid(format!("{path}.port"), number, why));
        }
    }
}

fn peer_problems(path: &str, peer: &Value, errors: &mut Vec<FieldError>) {
    let mut count = 0;
    for name in ["podSelector", "namespaceSelector"] {
        if !peer[name].is_null() {
            count += 1;
            selector(&format!("{path}.{name}"), &peer[name], errors);
        }
    }
    let has_block = !peer["ipBlock"].is_null();
    if has_block {
        block_problems(&format!("{path}.ipBlock"), &peer["ipBlock"], errors);
    }
    if count == 0 && !has_block {
        errors.push(FieldError::required(path, "must specify a peer"));
    } else if count > 0 && has_block {
        errors.push(FieldError::forbidden(path, "may not specify both ipBlock and another peer"));
    }
}

fn block_problems(path: &str, block: &Value, errors: &mut Vec<FieldError>) {
    const RULE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    if text(&block["cidr"]).is_empty() {
        return errors.push(FieldError::required(format!("{path}.cidr"), ""));
    }
    let Some(outer) = parse_cidr(text(&block["cidr"])) else {
        return errors.push(FieldError::invalid(format!("{path}.cidr"), &block["cidr"], RULE));
    };
    for (index, except) in items(&block["except"]) {
        let here = format!("{path}.except[{index}]");
        match parse_cidr(text(except)) {
            None => errors.push(FieldError::invalid(here, &json!(text(except)), RULE)),
            Some(inner) if !contains(outer, inner) => {
                errors.push(FieldError::invalid(here, except, "must be a strict subset of `cidr`"));
            }
            Some(_) => {}
        }
    }
}

fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
}

fn contains(outer: (IpAddr, u8), inner: (IpAddr, u8)) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 4),
        IpAddr::V6(address) => (address.to_bits(), 6),
    };
    let ((a, family), (b, other)) = (bits(outer.0), bits(inner.0));
    let mask = if outer.1 == 0 { 0 } else { u128::MAX << (128 - u32::from(outer.1)) };
    family == other && a & mask == b & mask && outer.1 < inner.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let faults = |block: Value| {
            let mut errors = Vec::new();
            block_problems("b", &block, &mut errors);
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert!(faults(json!({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]})).is_empty());
        assert!(faults(json!({"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]})).is_empty());
        assert_eq!(
            faults(json!({"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8"]})),
            ["b.except[0]", "b.except[1]"]
        );
        assert_eq!(faults(json!({"cidr": "10.0.0.0/33"})), ["b.cidr"]);
    }
}
