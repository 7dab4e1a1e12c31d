//! Kubernetes objects as plain JSON: read from YAML, applied, fetched and removed without kubectl. It knows no kind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

/// Owner of the fields that the demo and the benchmark set.
const FIELD_MANAGER: &str = "tenantry-e2e";

/// Why objects could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// A file or folder could not be read.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not YAML.
    #[error("{place} is not valid YAML: {why}")]
    Syntax {
        /// Where it was read.
        place: String,
        /// What the parser said.
        why: String,
    },
    /// The server said no, or nothing.
    #[error("{verb} {object}: {}", words(source))]
    Server {
        /// What was tried.
        verb: &'static str,
        /// `Kind namespace/name`.
        object: String,
        /// What kube said.
        source: Box<kube::Error>,
    },
}

/// What the server itself said, without what the client adds.
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// All objects of a folder's YAML files, in order of file name.
pub fn read_folder(folder: &Path) -> Result<Vec<Value>, ObjectError> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| ObjectError::Read { path, source }
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(fault(folder))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let mut objects = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(fault(&path))?;
        objects.extend(parse(&path.display().to_string(), &text)?);
    }
    Ok(objects)
}

/// All documents of a YAML text; `place` says where it is from.
pub fn parse(place: &str, text: &str) -> Result<Vec<Value>, ObjectError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| ObjectError::Syntax { place: place.to_owned(), why: error.to_string() })?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}

/// The collection an object belongs to.
pub fn collection(client: &Client, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str();
    collection_of(client, object["apiVersion"].as_str().unwrap_or_default(), kind, namespace)
}

/// The collection of a kind, in one namespace or in all.
pub fn collection_of(client: &Client, version: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Server-side apply, as the one who decides.
pub async fn apply(client: &Client, object: &Value) -> Result<Value, ObjectError> {
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let answer = collection(client, object).patch(name(object), &parameters, &Patch::Apply(object)).await;
    answer.map(plain).map_err(failed("applying", object))
}

/// Creates an object that does not exist yet.
pub async fn create(client: &Client, object: &Value) -> Result<Value, ObjectError> {
    let failed = failed("creating", object);
    match serde_json::from_value::<DynamicObject>(object.clone()) {
        Ok(typed) => collection(client, object).create(&PostParams::default(), &typed).await.map(plain).map_err(failed),
        Err(source) => Err(failed(kube::Error::SerdeError(source))),
    }
}

/// Says of an object what its controller would.
pub async fn say(client: &Client, object: &Value, status: &Value) -> Result<(), ObjectError> {
    let (parameters, change) = (PatchParams::default(), Patch::Merge(json!({ "status": status })));
    let said = collection(client, object).patch_status(name(object), &parameters, &change).await;
    said.map(drop).map_err(failed("writing the status of", object))
}

/// Removes an object; one that is not there is no error.
pub async fn delete(client: &Client, object: &Value) -> Result<(), ObjectError> {
    match collection(client, object).delete(name(object), &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed("deleting", object)(error)),
    }
}

/// The objects of a kind that carry these labels (`key=value,…`; empty for all), in one namespace or in all.
pub async fn list(
    client: &Client,
    version: &str,
    kind: &str,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Vec<Value>, ObjectError> {
    let found = collection_of(client, version, kind, namespace).list(&ListParams::default().labels(labels)).await;
    let found = found.map_err(|source| ObjectError::Server {
        verb: "listing",
        object: format!("{kind} {}", namespace.unwrap_or("in all namespaces")),
        source: source.into(),
    })?;
    Ok(found.items.into_iter().map(plain).collect())
}

/// `Kind namespace/name`, or `Kind name`.
pub fn title(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{}", name(object)),
        None => format!("{kind} {}", name(object)),
    }
}

/// Its name.
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The status of one of its conditions.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

fn failed(verb: &'static str, object: &Value) -> impl FnOnce(kube::Error) -> ObjectError {
    let object = title(object);
    move |source| ObjectError::Server { verb, object, source: source.into() }
}

fn plain(object: DynamicObject) -> Value {
    // Metadata is made of maps, lists and strings, which always convert.
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{parse, title};

    #[test]
    fn empty_documents_are_no_objects() {
        let text = "# only a comment\n---\nkind: Namespace\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: b, namespace: a}\n";
        let titles: Vec<String> = parse("test", text).expect("is YAML").iter().map(title).collect();
        assert_eq!(titles, ["Namespace a", "Pod a/b"]);
    }
}
