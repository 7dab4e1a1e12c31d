//! Reads Kubernetes objects from files, folders and stdin, as YAML of one or many documents or as JSON. Judges none.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_saphyr::Spanned;

/// One object and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    /// `file:line`, for messages.
    pub(crate) place: String,
    /// The object.
    pub(crate) object: Value,
}

/// Why objects cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot read stdin")]
    Stdin(#[source] io::Error),
    #[error("{place}: not valid YAML: {message}")]
    Syntax { place: String, message: String },
    #[error("{place}: not a Kubernetes object: {missing} is missing")]
    NotAnObject { place: String, missing: &'static str },
    #[error("{}: no object in it", path.display())]
    Empty { path: PathBuf },
}

impl ManifestError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path; `-` reads from stdin".into())
            }
            Self::Read { .. } | Self::Stdin(_) => None,
            Self::Syntax { .. } => {
                Some("mend the file at this line; indentation is by spaces, and keys end in a colon".into())
            }
            Self::NotAnObject { .. } => Some("every document needs apiVersion, kind and metadata.name".into()),
            Self::Empty { .. } => Some("give a file or folder (*.yaml, *.yml, *.json) with at least one object".into()),
        }
    }
}

/// All objects of a file, of a folder and what is in it (in order of name), or of stdin (`-`).
pub(crate) fn read(path: &Path) -> Result<Vec<Manifest>, ManifestError> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(ManifestError::Stdin)?;
        return parse("stdin", &text);
    }
    let fault = |source| ManifestError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(fault)?.is_dir() {
        return parse(&path.display().to_string(), &std::fs::read_to_string(path).map_err(fault)?);
    }
    let mut entries = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
        .map_err(fault)?;
    entries.sort();
    let mut manifests = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_dir() || has_objects(entry)) {
        manifests.extend(read(entry)?);
    }
    Ok(manifests)
}

/// As [`read`], but no object at all is an error: a plan of nothing is not what anybody asked for.
pub(crate) fn read_some(path: &Path) -> Result<Vec<Manifest>, ManifestError> {
    let manifests = read(path)?;
    if manifests.is_empty() { Err(ManifestError::Empty { path: path.to_owned() }) } else { Ok(manifests) }
}

fn has_objects(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
}

fn parse(file: &str, text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let documents: Vec<Spanned<Value>> = serde_saphyr::from_multiple(text).map_err(|error| {
        let place = error.location().map_or_else(|| file.to_owned(), |at| format!("{file}:{}", at.line()));
        let message = error.without_snippet().to_string();
        ManifestError::Syntax { place, message: message.lines().next().unwrap_or_default().to_owned() }
    })?;
    let mut manifests = Vec::new();
    for document in documents {
        let place = format!("{file}:{}", document.referenced.line());
        for object in expand(document.value) {
            let missing = ["apiVersion", "kind"]
                .into_iter()
                .find(|field| !object[field].is_string())
                .or_else(|| (!object["metadata"]["name"].is_string()).then_some("metadata.name"));
            if let Some(missing) = missing {
                return Err(ManifestError::NotAnObject { place, missing });
            }
            manifests.push(Manifest { place: place.clone(), object });
        }
    }
    Ok(manifests)
}

/// The items of a list, as `kubectl get -o yaml` prints it, or the object itself.
fn expand(object: Value) -> Vec<Value> {
    let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match (is_list, &object["items"]) {
        (true, Value::Array(items)) => items.clone(),
        _ => vec![object],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_placed_by_line() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n# more\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";
        let manifests = parse("file.yaml", text).expect("reads");
        let places: Vec<&str> = manifests.iter().map(|manifest| manifest.place.as_str()).collect();
        assert_eq!(places, ["file.yaml:1", "file.yaml:6"]);
    }

    #[test]
    fn a_list_is_its_items() {
        let text = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]}"#;
        assert_eq!(parse("list.json", text).expect("reads")[0].object["metadata"]["name"], "a");
    }

    #[test]
    fn broken_yaml_is_placed_by_line() {
        let error = parse("file.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a\n").expect_err("broken");
        assert!(error.to_string().starts_with("file.yaml:"), "{error}");
    }

    #[test]
    fn what_has_no_name_is_no_object() {
        let error = parse("file.yaml", "apiVersion: v1\nkind: Namespace\n").expect_err("no name");
        assert_eq!(error.to_string(), "file.yaml:1: not a Kubernetes object: metadata.name is missing");
    }
}
