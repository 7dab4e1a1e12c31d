//! The page of the command line: the help of every subcommand, as the program itself prints it.

use std::fmt::Write;
use std::path::Path;

use clap::Command;

use crate::cli;

/// Columns of the help texts; the same on every terminal.
const WIDTH: usize = 100;

pub(super) fn page() -> String {
    let mut command = cli::command(Path::new("tenantry")).term_width(WIDTH);
    command.build();
    let mut page = String::from(
        "# Command line\n\n`tenantry` is also a plugin of kubectl: as `kubectl-tenantry` on the PATH it is called as `kubectl tenantry`.\n",
    );
    section(&mut page, "tenantry", &command.render_long_help().to_string());
    sections(&mut page, "tenantry", &mut command);
    page
}

/// Of every subcommand, and of theirs.
fn sections(page: &mut String, title: &str, command: &mut Command) {
    for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
        let title = format!("{title} {}", subcommand.get_name());
        section(page, &title, &subcommand.render_long_help().to_string());
        sections(page, &title, subcommand);
    }
}

fn section(page: &mut String, title: &str, help: &str) {
    let _ = writeln!(page, "\n## {title}\n\n```text");
    for line in help.trim_end().lines() {
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push_str("```\n");
}
