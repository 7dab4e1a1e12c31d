//! A TenantView for people to read: how it stands, environments, quota, members, and what may be used.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use tenantry_core::conditions::Truth;
use tenantry_core::fields::{AtRest, ContainerAmounts, Images, Limits, Permission, Port, PullPolicy, Quantities};
use tenantry_core::kinds::tenant_view::types::{
    TenantView, TenantViewSpec, TenantViewStatus, ViewedMember, ViewedNetwork, ViewedReplica,
};

use crate::table;
use crate::terminal::Palette;

/// Renders it.
pub(super) fn render(view: &TenantView, palette: Palette) -> String {
    let (spec, status) = (&view.spec, view.status.clone().unwrap_or_default());
    let mut lines = heading(view, &status, palette);
    let sections =
        [environments(spec, &status, palette), quota(&status, palette), members(spec, palette), uses(spec, palette)];
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        lines.push(String::new());
        lines.extend(section);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn heading(view: &TenantView, status: &TenantViewStatus, palette: Palette) -> Vec<String> {
    let (spec, name) = (&view.spec, view.metadata.name.as_deref().unwrap_or_default());
    let title = match &spec.display_name {
        Some(display) => format!("{display} (tenant {name}, class {})", spec.class_name),
        None => format!("Tenant {name}, class {}", spec.class_name),
    };
    let mut lines = vec![palette.strong(&title)];
    lines.push(match status.conditions.iter().find(|condition| condition.type_ == "Ready") {
        Some(ready) if ready.status == Truth::True => palette.added(&format!("Ready: {}", ready.message)),
        Some(ready) => palette.bad(&format!("Not ready ({}): {}", ready.reason, ready.message)),
        None => palette.changed("Nothing is told of it yet"),
    });
    if let Some(suspend) = &spec.suspend {
        let why = suspend.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(palette.bad(&format!("Suspended ({}){why}", suspend.mode.label())));
    }
    if !spec.unsettled.is_empty() {
        let text = format!(
            "Not all as asked for: in {}, something was refused, and what was in force before still is",
            spec.unsettled.join(", ")
        );
        lines.push(palette.changed(&text));
    }
    if let Some(contact) = &spec.contact {
        let ways: Vec<&str> =
            [&contact.team, &contact.email, &contact.escalation].into_iter().flatten().map(String::as_str).collect();
        lines.push(format!("Ask {}", ways.join(", ")));
    }
    lines
}

fn environments(spec: &TenantViewSpec, status: &TenantViewStatus, palette: Palette) -> Vec<String> {
    let mut rows = vec![row(&["ENVIRONMENT", "NAMESPACE", "STAGE", "POD SECURITY", "READY", "WHY"])];
    for environment in &spec.environments {
        let told = status.environments.iter().find(|told| told.name == environment.name);
        let level = environment.pod_security.map_or_else(nothing, |level| format!("{level:?}"));
        let (namespace, ready, why) = match told {
            Some(told) => {
                let ready = if told.ready { "yes" } else { "no" };
                let why =
                    told.message.as_ref().map(|message| format!("{}: {message}", told.reason)).unwrap_or_default();
                (told.namespace.clone().unwrap_or_else(nothing), ready, why)
            }
            None => (nothing(), "?", "nothing is told of it yet".to_owned()),
        };
        let stage = format!("{:?}", environment.stage);
        rows.push(vec![environment.name.clone(), namespace, stage, level, ready.to_owned(), why]);
    }
    with_head(&rows, palette)
}

/// One row for each resource, one column for each environment, and two for all: what is shared out, and the whole.
fn quota(status: &TenantViewStatus, palette: Palette) -> Vec<String> {
    let total = status.quota.clone().unwrap_or_default();
    let bounded: Vec<_> = status.environments.iter().filter_map(|one| Some((&one.name, one.quota.as_ref()?))).collect();
    let resources: BTreeSet<&String> =
        total.hard.keys().chain(bounded.iter().flat_map(|(_, quota)| quota.hard.keys())).collect();
    let mut head = vec!["QUOTA".to_owned()];
    head.extend(bounded.iter().map(|(name, _)| name.to_uppercase()));
    head.extend(["ASSIGNED".to_owned(), "ALL".to_owned()]);
    let mut rows = vec![head];
    for resource in resources {
        let amount = |of: &Quantities| of.get(resource).map_or_else(nothing, ToString::to_string);
        // As 3/10, where it is known what is used.
        let share = |used: &Quantities, hard: &Quantities| match used.get(resource) {
            Some(used) => format!("{used}/{}", amount(hard)),
            None => amount(hard),
        };
        let mut row = vec![resource.clone()];
        row.extend(bounded.iter().map(|(_, quota)| share(&quota.used, &quota.hard)));
        row.extend([amount(&total.assigned), share(&total.used, &total.hard)]);
        rows.push(row);
    }
    with_head(&rows, palette)
}

fn members(spec: &TenantViewSpec, palette: Palette) -> Vec<String> {
    let mut rows = vec![row(&["MEMBERS", "ROLE", "WHERE", "UNTIL"])];
    for ViewedMember { name, role, environments, until } in &spec.members {
        let place = environments.as_ref().map_or_else(|| "everywhere".to_owned(), |names| names.join(", "));
        let until = until.map_or_else(nothing, |until| until.to_string());
        rows.push(vec![name.clone(), format!("{role:?}"), place, until]);
    }
    with_head(&rows, palette)
}

/// What may be used, and how requests are bounded and recorded.
fn uses(spec: &TenantViewSpec, palette: Palette) -> Vec<String> {
    let mut rows = vec![row(&["MAY USE", ""])];
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            rows.push(vec![name.to_owned(), text]);
        }
    };
    if let Some(may) = &spec.images {
        add("images", images(may));
    }
    if let Some(classes) = &spec.classes {
        let kinds = [
            ("storage classes", &classes.storage, "any"),
            ("priority classes", &classes.priority, "any but system-*"),
            ("runtime classes", &classes.runtime, "any"),
            ("ingress classes", &classes.ingress, "any"),
            ("gateway classes", &classes.gateway, "any"),
        ];
        for (name, allowed, otherwise) in kinds {
            add(name, allowed.as_ref().map_or_else(|| otherwise.to_owned(), |allowed| listed(allowed)));
        }
    }
    if is_settled(spec, "hostnames") {
        add("hostnames", listed(&spec.hostnames));
    }
    if is_settled(spec, "services") {
        let types: Vec<&str> = spec.service_types.iter().map(|service| service.word()).collect();
        add("services", listed(&types));
    }
    add("network", spec.network.as_ref().map(network).unwrap_or_default());
    add("per container", spec.limits.as_ref().map(limits).unwrap_or_default());
    add("copied here", spec.replicated.iter().map(replica).collect::<Vec<_>>().join("\n"));
    if spec.encryption_at_rest == Some(AtRest::Required) {
        add("volumes", "encrypted ones only".to_owned());
    }
    add("audited", format!("{} of writes, if the API server has the policy", word(&spec.audit_level)));
    with_head(&rows, palette)
}

fn is_settled(spec: &TenantViewSpec, part: &str) -> bool {
    !spec.unsettled.iter().any(|unsettled| unsettled == part)
}

fn images(images: &Images) -> String {
    let mut lines = vec![match &images.registries {
        Some(registries) => listed(registries),
        None => "any".to_owned(),
    }];
    let stages = images.require_digest.as_deref().unwrap_or_default();
    if !stages.is_empty() {
        let stages: Vec<String> = stages.iter().map(word).collect();
        lines.push(format!("by digest in {}", stages.join(", ")));
    }
    if images.pull_policy == Some(PullPolicy::Always) {
        lines.push("with imagePullPolicy: Always".to_owned());
    }
    lines.join("\n")
}

fn network(network: &ViewedNetwork) -> String {
    let allowed = |permission: Permission, what: &str| (permission == Permission::Allow).then(|| what.to_owned());
    let egress = network.egress.iter().map(|egress| {
        let ports: Vec<String> = egress.ports.iter().map(port).collect();
        let except =
            if egress.to.except.is_empty() { String::new() } else { format!(" but {}", egress.to.except.join(", ")) };
        format!("{}: {}{except}, {}", egress.name, egress.to.cidr, ports.join(", "))
    });
    let lines: Vec<String> = ["the own environment, DNS".to_owned()]
        .into_iter()
        .chain(allowed(network.between_environments, "the other environments"))
        .chain(allowed(network.internet, "the internet"))
        .chain(allowed(network.api_server, "the API server"))
        .chain(egress)
        .collect();
    lines.join("\n")
}

fn port(port: &Port) -> String {
    let last = port.end_port.map(|last| format!("-{last}")).unwrap_or_default();
    format!("{} {}{last}", word(&port.protocol), port.port)
}

fn limits(limits: &Limits) -> String {
    let parts = [
        ("limits, if none are named", &limits.default),
        ("requests, if none are named", &limits.default_request),
        ("at most", &limits.max),
        ("at least", &limits.min),
    ];
    let lines: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, amounts)| Some(format!("{name}: {}", container(amounts.as_ref()?))))
        .collect();
    lines.join("\n")
}

fn container(amounts: &ContainerAmounts) -> String {
    let parts = [("cpu", amounts.cpu), ("memory", amounts.memory), ("ephemeral-storage", amounts.ephemeral_storage)];
    let named: Vec<String> =
        parts.into_iter().filter_map(|(name, amount)| Some(format!("{name} {}", amount?))).collect();
    named.join(", ")
}

fn replica(replica: &ViewedReplica) -> String {
    let place = replica.environments.as_ref().map(|names| format!(" in {}", names.join(", "))).unwrap_or_default();
    format!("{} {}{place}", word(&replica.kind), replica.name)
}

/// A table with its head marked; nothing if there is nothing but the head.
fn with_head(rows: &[Vec<String>], palette: Palette) -> Vec<String> {
    if rows.len() < 2 {
        return Vec::new();
    }
    let mut lines = table::lines(rows);
    if let Some(head) = lines.first_mut() {
        *head = palette.strong(head);
    }
    lines
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn nothing() -> String {
    "-".to_owned()
}

fn listed(items: &[impl AsRef<str>]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// The word by which an enum is written in YAML.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// `accept/<name>.yaml` of the kind, as `golden/<name>.txt` here.
    #[test]
    fn views_read_as_written_down() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["everything", "minimal"] {
            let input = here.join(format!("../tenantry-core/src/kinds/tenant_view/accept/{name}.yaml"));
            let text = fs::read_to_string(input).expect("readable");
            let view: TenantView = serde_saphyr::from_str(&text).expect("a view");
            let expected = here.join(format!("src/my/golden/{name}.txt"));
            let actual = render(&view, Palette::PLAIN);
            #[allow(clippy::disallowed_methods)] // A switch for whoever runs the tests.
            if std::env::var("UPDATE_GOLDEN").is_ok() {
                fs::write(&expected, &actual).expect("writable");
            }
            assert_eq!(actual, fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
        }
    }
}
