//! Where built programs and the tools of CI live between runs. It never holds anything that cannot be built again.

use std::path::PathBuf;

/// `$TENANTRY_CACHE`, else `$XDG_CACHE_HOME/tenantry`, else `~/.cache/tenantry`: outside the checkout, so that a fresh clone finds
/// what an earlier one built.
pub fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("TENANTRY_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("tenantry")))
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache").join("tenantry")))
        .unwrap_or_else(|| std::env::temp_dir().join("tenantry-cache"))
}
