//! Answers of the real server that are kept in files, to be read and to be held to. `UPDATE_GOLDEN=1` rewrites them.

use std::fs;
use std::path::Path;

/// Fails where the file says something else.
pub fn check(path: &Path, actual: &str) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        fs::write(path, actual).expect("written");
        return;
    }
    let (one, other) = (expected.lines().collect::<Vec<_>>(), actual.lines().collect::<Vec<_>>());
    let gone: Vec<&&str> = one.iter().filter(|line| !other.contains(line)).collect();
    let new: Vec<&&str> = other.iter().filter(|line| !one.contains(line)).collect();
    panic!("{}: written down {gone:#?}, and now {new:#?}; UPDATE_GOLDEN=1 accepts that if it is right", path.display());
}
