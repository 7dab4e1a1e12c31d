//! Holds the repository to what the renderers say: a generated file that differs, is missing or is not theirs fails.
//! With UPDATE_GENERATED=1 it writes instead; that is what `cargo xtask generate` does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tenantry::render::files::{self, Files};
use tenantry_core::kinds::KINDS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn generated_files_are_up_to_date() {
    let wanted = files::all(KINDS).expect("the renderers succeed");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        update(&root(), &wanted);
    }
    let faults = faults(&root(), &wanted);
    assert!(faults.is_empty(), "run `cargo xtask generate`:\n  {}", faults.join("\n  "));
}

#[test]
fn new_missing_and_changed_files_are_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wanted = Files::from([("crds/a.yaml".into(), "a\n".into()), ("docs/reference/b.md".into(), "b\n".into())]);
    update(folder.path(), &wanted);
    assert_eq!(faults(folder.path(), &wanted), Vec::<String>::new());
    fs::write(folder.path().join("crds/a.yaml"), "b\n").expect("writes");
    fs::write(folder.path().join("crds/c.yaml"), "c\n").expect("writes");
    fs::remove_file(folder.path().join("docs/reference/b.md")).expect("removes");
    let found = faults(folder.path(), &wanted);
    assert_eq!(
        found,
        ["different: crds/a.yaml (line 1)", "missing: docs/reference/b.md", "not generated: crds/c.yaml"]
    );
    update(folder.path(), &wanted);
    assert_eq!(faults(folder.path(), &wanted), Vec::<String>::new());
}

/// What of the folder is not as the renderers want it.
fn faults(root: &Path, wanted: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in wanted {
        match fs::read_to_string(root.join(path)) {
            Ok(found) if found == *text => {}
            Ok(found) => {
                let line = found.lines().zip(text.lines()).take_while(|(one, other)| one == other).count() + 1;
                faults.push(format!("different: {path} (line {line})"));
            }
            Err(_) => faults.push(format!("missing: {path}")),
        }
    }
    faults.extend(extra(root, wanted).iter().map(|path| format!("not generated: {path}")));
    faults
}

/// Files in generated folders that no renderer makes.
fn extra(root: &Path, wanted: &Files) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in files::FOLDERS {
        collect(root, &root.join(folder), &mut found);
    }
    found.into_iter().filter(|path| !wanted.contains_key(path)).collect()
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.insert(relative.display().to_string());
        }
    }
}

fn update(root: &Path, wanted: &Files) {
    for (path, text) in wanted {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("makes the folder");
        // Untouched files keep their time, so that nothing is built again for them.
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::write(&path, text).expect("writes the file");
        }
    }
    for path in extra(root, wanted) {
        fs::remove_file(root.join(path)).expect("removes what is no longer generated");
    }
}
