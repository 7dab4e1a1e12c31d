//! `docs/reference/`: one page each for every kind, the conditions, the permissions, the metrics, the checks of protocols,
//! the command line and the values of the chart.

mod chart;
mod command_line;
mod conditions;
mod kinds;
mod metrics;
mod permissions;
mod policies;
mod protocols;

use std::fmt::Write;

use tenantry_core::kind::Registration;

use super::files::{Files, NOTICE};
use crate::format::FormatError;

/// Pages by path.
pub(super) fn files(registered: &[Registration]) -> Result<Files, FormatError> {
    let mut pages = Files::new();
    for kind in registered {
        pages.insert(kinds::path(kind), kinds::page(kind)?);
    }
    pages.insert("conditions.md".into(), conditions::page());
    pages.insert("permissions.md".into(), permissions::page(registered));
    pages.insert("policies.md".into(), policies::page());
    pages.insert("mcp-checks.md".into(), protocols::mcp());
    pages.insert("a2a-checks.md".into(), protocols::a2a());
    pages.insert("metrics.md".into(), metrics::page());
    pages.insert("chart.md".into(), chart::page());
    pages.insert("command-line.md".into(), command_line::page());
    pages.insert("README.md".into(), index(registered));
    Ok(pages.into_iter().map(|(path, page)| (path, format!("<!-- {NOTICE} -->\n{page}"))).collect())
}

fn index(registered: &[Registration]) -> String {
    let mut page = String::from("# Reference\n\n");
    for kind in registered {
        let _ = writeln!(page, "- [{}]({}): {}", kind.resource.kind, kinds::path(kind), kinds::about(kind));
    }
    page.push_str(
        "- [Conditions and reasons](conditions.md)\n- [Permissions](permissions.md) of the operator and of members\n\
         - [Admission rules](policies.md)\n- [Checks of MCP servers](mcp-checks.md)\n- [Checks of agents' cards](a2a-checks.md)\n\
         - [Metrics](metrics.md)\n- [Command line](command-line.md)\n\
         - [Values of the Helm chart](chart.md)\n",
    );
    page
}

/// A table in Markdown.
fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heads.map(str::to_owned));
    text.push_str(&line(&heads.map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(
            &row.map(|cell| cell.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")),
        ));
    }
    text
}

/// Code in a table cell or sentence; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
