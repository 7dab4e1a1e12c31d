//! A plan for people to read: what comes, changes and goes, who gains and loses rights, and a last line with the sum.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use super::contents::Conflict;
use super::report::{Changed, Finding, ObjectRef, Report, ResourceReport};
use super::rights::{Rights, Role};
use crate::format::{self, FormatError};
use crate::terminal::Palette;

/// Renders it. `full` shows created objects with their content.
pub(super) fn render(report: &Report, palette: Palette, full: bool) -> Result<String, FormatError> {
    let mut out = String::new();
    for resource in &report.resources {
        render_resource(&mut out, resource, palette, full)?;
    }
    if !report.rights.is_empty() {
        let _ = writeln!(out, "{}", palette.strong("Rights"));
        for rights in &report.rights {
            render_rights(&mut out, rights, palette);
        }
        out.push('\n');
    }
    if !report.incomplete.is_empty() {
        let text = format!(
            "! incomplete: you may not list {}; ask an administrator for the verb list on them",
            report.incomplete.join(", ")
        );
        let _ = writeln!(out, "{}", palette.bad(&text));
    }
    for note in &report.notes {
        let _ = writeln!(out, "{}", palette.faint(&format!("note: {note}")));
    }
    let _ = writeln!(out, "{}", palette.strong(&summary(report)));
    Ok(out)
}

fn render_resource(out: &mut String, report: &ResourceReport, palette: Palette, full: bool) -> Result<(), FormatError> {
    let place = report.source.as_deref().unwrap_or("in the cluster");
    let about = format!("({}, {place})", report.state.name());
    let _ = writeln!(out, "{} {}", palette.strong(&name(&report.resource)), palette.faint(&about));
    for finding in &report.refusals {
        let _ = writeln!(out, "  {}", palette.bad(&format!("! refused: {}", sentence(finding))));
    }
    for object in &report.not_owned {
        let text = format!("! refused: {} exists and is not Tenantry's; it is left alone", name(object));
        let _ = writeln!(out, "  {}", palette.bad(&text));
    }
    for finding in &report.denials {
        let _ = writeln!(out, "  {}", palette.bad(&format!("! denied: {}", sentence(finding))));
    }
    for finding in &report.waits {
        let _ = writeln!(out, "  {}", palette.changed(&format!("… waits: {}", sentence(finding))));
    }
    for Conflict { object, rule, field, message } in &report.conflicts {
        let field = if field.is_empty() { String::new() } else { format!("; {field}") };
        let text = format!("! stays, and could not be made again: {}: {message} [rule {rule}{field}]", name(object));
        let _ = writeln!(out, "  {}", palette.changed(&text));
    }
    for created in &report.created {
        let _ = writeln!(out, "  {}", palette.added(&format!("+ {}", name(&created.object))));
        if full {
            for line in format::yaml(&created.manifest)?.lines() {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    for changed in &report.changed {
        let _ = writeln!(out, "  {}", palette.changed(&format!("~ {}", name(&changed.object))));
        render_difference(out, changed, palette)?;
    }
    for object in &report.removed {
        let whole = if object.kind == "Namespace" { " and all that is in it" } else { "" };
        let _ = writeln!(out, "  {}", palette.removed(&format!("- {}{whole}", name(object))));
    }
    for what in &report.undecided {
        let _ = writeln!(out, "  {}", palette.faint(&format!("? left as it is: {what}")));
    }
    if report.unchanged > 0 {
        let _ = writeln!(out, "  {}", palette.faint(&format!("= {} unchanged", report.unchanged)));
    }
    if let Some(when) = &report.looked_at_again {
        let _ = writeln!(out, "  {}", palette.faint(&format!("@ {when}: something here expires; planned again then")));
    }
    out.push('\n');
    Ok(())
}

fn render_difference(out: &mut String, changed: &Changed, palette: Palette) -> Result<(), FormatError> {
    let (before, after) = (format::yaml(&changed.before)?, format::yaml(&changed.after)?);
    let difference = TextDiff::from_lines(&before, &after);
    for (index, group) in difference.grouped_ops(2).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(out, "      {}", palette.faint("…"));
        }
        for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Equal => format!("  {line}"),
                ChangeTag::Insert => palette.added(&format!("+ {line}")),
                ChangeTag::Delete => palette.removed(&format!("- {line}")),
            };
            let _ = writeln!(out, "      {line}");
        }
    }
    Ok(())
}

fn render_rights(out: &mut String, rights: &Rights, palette: Palette) {
    let subject = &rights.subject;
    let namespace = if subject.namespace.is_empty() { String::new() } else { format!("{}/", subject.namespace) };
    let _ = writeln!(out, "  {} {namespace}{}", subject.kind, subject.name);
    let line = |role: &Role| format!("{} in {}", role.role, role.namespaces.join(", "));
    for role in &rights.gains {
        let _ = writeln!(out, "    {}", palette.added(&format!("+ {}", line(role))));
    }
    for role in &rights.loses {
        let _ = writeln!(out, "    {}", palette.removed(&format!("- {}", line(role))));
    }
}

fn name(object: &ObjectRef) -> String {
    if object.namespace.is_empty() {
        format!("{} {}", object.kind, object.name)
    } else {
        format!("{} {}/{}", object.kind, object.namespace, object.name)
    }
}

fn sentence(finding: &Finding) -> String {
    match finding.field.as_deref() {
        None | Some("") => finding.message.clone(),
        Some(field) => format!("{field}: {}", finding.message),
    }
}

fn summary(report: &Report) -> String {
    let sum = &report.summary;
    let refused = if sum.refused == 0 { String::new() } else { format!(" {} refused.", sum.refused) };
    if sum.created + sum.changed + sum.removed == 0 {
        return format!("No change: {} unchanged.{refused}", sum.unchanged);
    }
    format!(
        "Plan: {} to create, {} to change, {} to remove, {} unchanged.{refused}",
        sum.created, sum.changed, sum.removed, sum.unchanged
    )
}
