//! `cargo xtask new-kind Foo`: makes the folder of a kind and its line in the registry. It overwrites nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::root;

/// Why no kind was made.
#[derive(Debug)]
pub(crate) enum NewKindError {
    Name(String),
    Exists(PathBuf),
    Registry(PathBuf),
    Files { doing: &'static str, path: PathBuf, source: io::Error },
}

impl std::fmt::Display for NewKindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => {
                write!(
                    f,
                    "{name:?} is no name of a kind: letters and digits that start with a capital, such as McpServer"
                )
            }
            Self::Exists(path) => write!(f, "{} is already there", path.display()),
            Self::Registry(path) => write!(f, "{} has no registry that a line could be added to", path.display()),
            Self::Files { doing, path, source } => write!(f, "{doing} {}: {source}", path.display()),
        }
    }
}

/// The files of a kind, by name, as text with placeholders. Rust files end in `.txt` here, so that no tool takes them for code.
const TEMPLATE: [(&str, &str); 6] = [
    ("mod.rs", include_str!("new_kind/template/mod.rs.txt")),
    ("types.rs", include_str!("new_kind/template/types.rs.txt")),
    ("plan.rs", include_str!("new_kind/template/plan.rs.txt")),
    ("status.rs", include_str!("new_kind/template/status.rs.txt")),
    ("tests.rs", include_str!("new_kind/template/tests.rs.txt")),
    ("golden/minimal/cr.yaml", include_str!("new_kind/template/golden/minimal/cr.yaml")),
];

/// Makes it in this repository; answers its folder.
pub(crate) fn run(kind: &str, cluster_scoped: bool) -> Result<PathBuf, NewKindError> {
    let folder = make(&root().join("operator/tenantry-core/src"), kind, cluster_scoped)?;
    // Lines break elsewhere in a long name than in a short one. A machine without rustfmt learns it from `cargo xtask check`.
    let _ = Command::new("rustfmt").args(["--edition", "2024"]).arg(folder.join("mod.rs")).status();
    Ok(folder)
}

fn make(core: &Path, kind: &str, cluster_scoped: bool) -> Result<PathBuf, NewKindError> {
    if !kind.starts_with(|first: char| first.is_ascii_uppercase()) || !kind.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(NewKindError::Name(kind.to_owned()));
    }
    let files = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| NewKindError::Files { doing, path, source }
    };
    let module = snake_case(kind);
    let folder = core.join("kinds").join(&module);
    if folder.exists() {
        return Err(NewKindError::Exists(folder));
    }
    let registry = core.join("kinds.rs");
    let text = fs::read_to_string(&registry).map_err(files("reading", &registry))?;
    let text = registered(&text, &module, kind).ok_or_else(|| NewKindError::Registry(registry.clone()))?;

    for (name, template) in TEMPLATE {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(files("creating", parent))?;
        fs::write(&path, filled_in(template, kind, cluster_scoped)).map_err(files("writing", &path))?;
    }
    // Last: a folder without a line is found by a test, a line without a folder does not compile.
    fs::write(&registry, text).map_err(files("writing", &registry))?;
    Ok(folder)
}

fn filled_in(template: &str, kind: &str, cluster_scoped: bool) -> String {
    template
        .replace("__Kind__", kind)
        .replace("__plural__", &plural(kind))
        .replace("    __scope__\n", if cluster_scoped { "" } else { "    namespaced,\n" })
        .replace("__namespaced__", if cluster_scoped { "false" } else { "true" })
        .replace("  __namespace__\n", if cluster_scoped { "" } else { "  namespace: example\n" })
        .replace("__name__", &snake_case(kind).replace('_', "-"))
}

/// The registry with one more module and one more kind, the latter as the last in reading order.
fn registered(text: &str, module: &str, kind: &str) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let declaration = format!("pub mod {module};");
    let is_module = |line: &String| line.starts_with("pub mod ");
    let after = lines.iter().position(|line| is_module(line) && *line > declaration);
    let at = after.or_else(|| lines.iter().rposition(is_module).map(|last| last + 1))?;
    lines.insert(at, declaration);
    let end = lines.iter().rposition(|line| line == "];")?;
    lines.insert(end, format!("    Registration::of::<{module}::{kind}Kind>(),"));
    Some(lines.join("\n") + "\n")
}

fn snake_case(kind: &str) -> String {
    let mut name = String::new();
    for (index, letter) in kind.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn plural(kind: &str) -> String {
    let name = kind.to_ascii_lowercase();
    if let Some(stem) = name.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        format!("{stem}ies")
    } else if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") {
        format!("{name}es")
    } else {
        format!("{name}s")
    }
}

#[cfg(test)]
mod tests {
    use super::{NewKindError, make, plural, registered, snake_case};

    const REGISTRY: &str = "use crate::kind::Registration;\n\npub mod tenant;\npub mod tenant_class;\n\npub static KINDS: &[Registration] = &[\n    \
                            Registration::of::<tenant::TenantKind>(),\n];\n";

    #[test]
    fn names_follow_from_the_kind() {
        assert_eq!(snake_case("McpServer"), "mcp_server");
        assert_eq!(
            ["Agent", "Policy", "Gateway", "TenantClass"].map(plural),
            ["agents", "policies", "gateways", "tenantclasses"]
        );
    }

    #[test]
    fn the_registry_gets_two_lines_and_stays_sorted() {
        let text = registered(REGISTRY, "agent", "Agent").expect("has a place for it");
        assert!(text.contains("\npub mod agent;\npub mod tenant;\n"), "{text}");
        assert!(text.ends_with("TenantKind>(),\n    Registration::of::<agent::AgentKind>(),\n];\n"), "{text}");
        let text = registered(REGISTRY, "tool", "Tool").expect("has a place for it");
        assert!(text.contains("\npub mod tenant_class;\npub mod tool;\n\n"), "{text}");
    }

    #[test]
    fn a_kind_is_made_once_and_leaves_no_placeholder() {
        let core = std::env::temp_dir().join(format!("tenantry-new-kind-{}", std::process::id()));
        std::fs::create_dir_all(&core).expect("created");
        std::fs::write(core.join("kinds.rs"), REGISTRY).expect("written");
        let folder = make(&core, "McpServer", false).expect("made");
        for file in ["mod.rs", "types.rs", "plan.rs", "status.rs", "tests.rs", "golden/minimal/cr.yaml"] {
            let text = std::fs::read_to_string(folder.join(file)).expect("there");
            assert!(!text.contains("__") && text.contains("McpServer"), "{file}:\n{text}");
        }
        assert!(matches!(make(&core, "McpServer", false), Err(NewKindError::Exists(_))));
        assert!(matches!(make(&core, "mcp-server", false), Err(NewKindError::Name(_))));
        std::fs::remove_dir_all(&core).expect("removed");
    }
}
