//! Rules of Roles and RoleBindings.

use serde_json::{Value, json};

use super::{is_empty, items, text};
use crate::server::error::FieldError;

const GROUP: &str = "rbac.authorization.k8s.io";

fn not_supported(path: String, value: &Value, supported: &[&str]) -> FieldError {
    let supported = supported.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    FieldError::not_supported(path, &json!(text(value)), &supported)
}

/// RoleBinding, or ClusterRoleBinding if not namespaced.
pub fn binding(namespaced: bool, object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let role = &object["roleRef"];
    if text(&role["apiGroup"]) != GROUP {
        errors.push(not_supported("roleRef.apiGroup".to_owned(), &role["apiGroup"], &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"])) {
        errors.push(not_supported("roleRef.kind".to_owned(), &role["kind"], kinds));
    }
    if text(&role["name"]).is_empty() {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (index, subject) in items(&object["subjects"]) {
        subject_problems(namespaced, &format!("subjects[{index}]"), subject, errors);
    }
    if old.is_some_and(|old| old["roleRef"] != *role) {
        errors.push(FieldError::invalid("roleRef", role, "cannot change roleRef"));
    }
}

fn subject_problems(namespaced: bool, path: &str, subject: &Value, errors: &mut Vec<FieldError>) {
    if text(&subject["name"]).is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    }
    match text(&subject["kind"]) {
        "ServiceAccount" => {
            if !text(&subject["apiGroup"]).is_empty() {
                errors.push(not_supported(format!("{path}.apiGroup"), &subject["apiGroup"], &[""]));
            }
            if !namespaced && text(&subject["namespace"]).is_empty() {
                errors.push(FieldError::required(format!("{path}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if text(&subject["apiGroup"]) != GROUP {
                errors.push(not_supported(format!("{path}.apiGroup"), &subject["apiGroup"], &[GROUP]));
            }
        }
        _ => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(not_supported(format!("{path}.kind"), &subject["kind"], &kinds));
        }
    }
}

/// Role, or ClusterRole if not namespaced.
pub fn role(namespaced: bool, object: &Value, errors: &mut Vec<FieldError>) {
    for (index, rule) in items(&object["rules"]) {
        let path = format!("rules[{index}]");
        if is_empty(&rule["verbs"]) {
            errors.push(FieldError::required(format!("{path}.verbs"), "verbs must contain at least one value"));
        }
        if !is_empty(&rule["nonResourceURLs"]) {
            let urls = &rule["nonResourceURLs"];
            let here = format!("{path}.nonResourceURLs");
            if namespaced {
                errors.push(FieldError::invalid(&here, urls, "namespaced rules cannot apply to non-resource URLs"));
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|field| !is_empty(&rule[*field])) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(FieldError::invalid(&here, urls, why));
            }
            continue;
        }
        for (field, why) in [
            ("apiGroups", "resource rules must supply at least one api group"),
            ("resources", "resource rules must supply at least one resource"),
        ] {
            if is_empty(&rule[field]) {
                errors.push(FieldError::required(format!("{path}.{field}"), why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_name_their_faults() {
        let mut errors = Vec::new();
        let object = json!({"roleRef": {"apiGroup": GROUP, "kind": "Robot", "name": ""}, "subjects": [{"kind": "User", "name": "u"}]});
        binding(true, &object, None, &mut errors);
        let fields = errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>();
        assert_eq!(fields, ["roleRef.kind", "roleRef.name", "subjects[0].apiGroup"]);
    }
}
