//! Who of the examples' people tries what in the next part: found in the Tenants themselves. It invents names, no rights.

use std::collections::BTreeMap;

use serde_json::Value;

use super::onboard::environments;

/// Somebody of a tenant, by one of its groups.
#[derive(Clone)]
pub(crate) struct Person {
    /// Name of the user in their certificate.
    pub(crate) user: &'static str,
    /// The group that the Tenant names.
    pub(crate) group: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// Namespaces where they have rights, environments first.
    pub(crate) at_home: Vec<String>,
    /// Namespaces of the same tenant where they have none.
    pub(crate) elsewhere: Vec<String>,
    /// A namespace of another tenant.
    pub(crate) foreign: String,
}

/// A developer of one tenant with rights in all its environments, and somebody whose rights end at some of them.
pub(crate) fn find(tenants: &BTreeMap<String, Value>) -> (Option<Person>, Option<Person>) {
    let all = || tenants.iter().flat_map(|(name, tenant)| people(name, tenant, tenants));
    let developer = all()
        .filter(|(role, person)| role == "Developer" && person.elsewhere.is_empty())
        .chain(all().filter(|(role, _)| role == "Developer"))
        .chain(all().filter(|(role, _)| role == "Admin"))
        .next();
    let limited = all().find(|(role, person)| role != "Viewer" && !person.elsewhere.is_empty());
    (
        developer.map(|(_, person)| Person { user: "nadia", ..person }),
        limited.map(|(_, person)| Person { user: "tomas", ..person }),
    )
}

fn people(name: &str, tenant: &Value, tenants: &BTreeMap<String, Value>) -> Vec<(String, Person)> {
    let foreign = tenants
        .iter()
        .filter(|(other, _)| *other != name)
        .find_map(|(other, tenant)| environments(tenant).first().map(|environment| format!("{other}-{environment}")));
    let namespace = |environment: &String| format!("{name}-{environment}");
    let mut found = Vec::new();
    for member in tenant["spec"]["members"].as_array().into_iter().flatten() {
        let mut subjects = member["subjects"].as_array().into_iter().flatten();
        let group = subjects.find(|subject| subject["kind"] == "Group").and_then(|subject| subject["name"].as_str());
        let (Some(group), Some(role), Some(foreign)) = (group, member["role"].as_str(), &foreign) else { continue };
        let named: Option<Vec<&str>> =
            member["environments"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect());
        let may = |environment: &String| named.as_ref().is_none_or(|named| named.contains(&environment.as_str()));
        let (here, there): (Vec<String>, Vec<String>) = environments(tenant).into_iter().partition(may);
        if here.is_empty() {
            continue;
        }
        let person = Person {
            user: "",
            group: group.to_owned(),
            tenant: name.to_owned(),
            at_home: here.iter().map(namespace).collect(),
            elsewhere: there.iter().map(namespace).collect(),
            foreign: foreign.clone(),
        };
        found.push((role.to_owned(), person));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::find;

    #[test]
    fn people_are_found_in_the_tenants() {
        let environments = json!([{ "name": "dev" }, { "name": "prod" }]);
        let member =
            |role: &str, group: &str| json!({ "role": role, "subjects": [{ "kind": "Group", "name": group }] });
        let mut juniors = member("Developer", "juniors");
        juniors["environments"] = json!(["dev"]);
        let acme = json!({ "metadata": { "name": "acme" }, "spec": {
            "environments": environments, "members": [juniors, member("Viewer", "guests"), member("Developer", "seniors")],
        } });
        let other = json!({ "metadata": { "name": "other" }, "spec": { "environments": environments } });
        let (developer, limited) = find(&BTreeMap::from([("acme".to_owned(), acme), ("other".to_owned(), other)]));
        let (developer, limited) = (developer.expect("found"), limited.expect("found"));
        assert_eq!((developer.group.as_str(), developer.foreign.as_str()), ("seniors", "other-dev"));
        assert_eq!((limited.group.as_str(), limited.elsewhere), ("juniors", vec!["acme-prod".to_owned()]));
    }
}
