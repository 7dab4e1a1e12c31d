//! Every call to the API server but the watches: bounded in number and time, counted, and named by object. It offers the
//! verbs; only apply, blind, prune, adjust, inventory, status, cleanup, events and leader use those that write.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use serde_json::{Value, json};
use tenantry_core::meta::{ADJUSTER, MANAGER};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::Resource;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::error::{Cause, Error};
use crate::metrics::Metrics;
use crate::silence;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How many calls may be under way at once. More is slower: the API server's own plateau is at about 32.
const CALLS_IN_FLIGHT: usize = 32;

/// A client that keeps the bounds.
#[derive(Clone)]
pub struct Calls {
    client: kube::Client,
    watching: kube::Client,
    in_flight: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Calls {
    /// Bounds and counts the calls of this client.
    pub fn new(client: kube::Client, metrics: Arc<Metrics>) -> Self {
        Self {
            watching: silence::ended(client.clone()),
            client,
            in_flight: Arc::new(Semaphore::new(CALLS_IN_FLIGHT)),
            metrics,
        }
    }

    /// The client for watches.
    pub fn watching(&self) -> kube::Client {
        self.watching.clone()
    }

    /// Reads one object.
    pub async fn get(&self, key: &ObjectKey) -> Result<Value, Error> {
        self.send("get", key, Method::GET, &path(key), &Value::Null).await
    }

    /// Creates an object that must not exist yet.
    pub async fn create(&self, key: &ObjectKey, body: &Value) -> Result<Value, Error> {
        let path = format!("{}?fieldManager={MANAGER}", collection(key.resource, &key.namespace));
        self.send("create", key, Method::POST, &path, body).await
    }

    /// Reads one object by a list of that name alone, for which the right to list is enough. `None` if it is not there.
    pub async fn find(&self, key: &ObjectKey) -> Result<Option<Value>, Error> {
        let path = format!("{}?fieldSelector=metadata.name%3D{}", collection(key.resource, &key.namespace), key.name);
        let mut list = self.send("list", key, Method::GET, &path, &Value::Null).await?;
        Ok(list["items"].as_array_mut().and_then(Vec::pop))
    }

    /// Creates an object, or overrules what others say of these fields: the one way to create that names the object in the
    /// URL, so that the right to do so can be limited to names.
    pub async fn apply(&self, key: &ObjectKey, body: &Value) -> Result<Value, Error> {
        let path = format!("{}?fieldManager={MANAGER}&force=true", path(key));
        self.send_as("application/apply-patch+yaml", "apply", key, Method::PATCH, &path, body).await
    }

    /// Puts a whole object in the place of the one with this uid and resourceVersion.
    pub async fn replace(&self, key: &ObjectKey, body: &Value, seen: &Version) -> Result<Value, Error> {
        let path = format!("{}?fieldManager={MANAGER}", path(key));
        self.send("update", key, Method::PUT, &path, &seen.stamp(body.clone())).await
    }

    /// Puts a whole object in the place of the one with this uid, or of any, whatever state it is in.
    pub async fn replace_unseen(&self, key: &ObjectKey, body: &Value, uid: Option<&str>) -> Result<Value, Error> {
        let mut body = body.clone();
        if let Some(uid) = uid {
            body["metadata"]["uid"] = Value::from(uid);
        }
        let path = format!("{}?fieldManager={MANAGER}", path(key));
        self.send("update", key, Method::PUT, &path, &body).await
    }

    /// Merge-patches the object with this uid and resourceVersion, or a subresource of it (`/status`).
    pub async fn merge(
        &self,
        key: &ObjectKey,
        subresource: &str,
        patch: Value,
        seen: &Version,
    ) -> Result<Value, Error> {
        let path = format!("{}{subresource}?fieldManager={MANAGER}", path(key));
        self.send("patch", key, Method::PATCH, &path, &seen.stamp(patch)).await
    }

    /// Merge-patches an object that is not ours in nothing but this, under a name of its own: the server's record of who
    /// wrote what proves ownership elsewhere.
    pub async fn adjust(&self, key: &ObjectKey, patch: Value, seen: &Version) -> Result<Value, Error> {
        let path = format!("{}?fieldManager={ADJUSTER}", path(key));
        self.send("patch", key, Method::PATCH, &path, &seen.stamp(patch)).await
    }

    /// Deletes the object with this uid. `Ok` also if it is gone or another has taken its place.
    pub async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), Error> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": { "uid": uid },
        });
        match self.send("delete", key, Method::DELETE, &path(key), &options).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(404) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes whatever object has this name. `Ok` also if there is none.
    pub async fn delete_unseen(&self, key: &ObjectKey) -> Result<(), Error> {
        match self.send("delete", key, Method::DELETE, &path(key), &json!({})).await {
            Err(error) if error.code() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// The newest resourceVersion of the server, by the smallest possible list.
    pub async fn newest_version(&self, resource: &'static Resource) -> Result<u64, Error> {
        let key = ObjectKey::cluster(resource, "");
        let path = format!("{}?limit=1", collection(resource, ""));
        let list = self.send("list", &key, Method::GET, &path, &Value::Null).await?;
        Ok(version_number(&list))
    }

    async fn send(
        &self,
        verb: &'static str,
        key: &ObjectKey,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        self.send_as(content_type, verb, key, method, path, body).await
    }

    async fn send_as(
        &self,
        content_type: &'static str,
        verb: &'static str,
        key: &ObjectKey,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(bytes)
            .map_err(|error| Error::new(verb, key, Cause::from(kube::Error::HttpError(error))))?;
        // The semaphore is never closed; if it were, running unbounded would be the lesser evil.
        let _permit = self.in_flight.acquire().await.ok();
        let started = Instant::now();
        let result = match timeout(CALL_TIMEOUT, self.client.request::<Value>(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Error::new(verb, key, error.into())),
            Err(_) => Err(Error::new(verb, key, Cause::Timeout(CALL_TIMEOUT))),
        };
        let code = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code().map_or_else(|| error.category().to_owned(), |code| code.to_string()),
        };
        self.metrics.api_call(verb, key.resource.kind, &code, started.elapsed());
        result
    }
}

/// The version of an object that a write is based on; the API server refuses the write if it is another by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Uid of the object.
    pub uid: String,
    /// Its resourceVersion.
    pub version: u64,
}

impl Version {
    /// Of an object as the API server showed it.
    pub fn of(object: &Value) -> Self {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        Self { uid, version: version_number(object) }
    }

    fn stamp(&self, mut body: Value) -> Value {
        body["metadata"]["uid"] = Value::from(self.uid.clone());
        body["metadata"]["resourceVersion"] = Value::from(self.version.to_string());
        body
    }
}

/// The resourceVersion as the number it is (comparable since Kubernetes 1.35); 0 if there is none.
pub fn version_number(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn collection(resource: &Resource, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    if resource.namespaced && !namespace.is_empty() {
        format!("{root}/namespaces/{namespace}/{}", resource.plural)
    } else {
        format!("{root}/{}", resource.plural)
    }
}

fn path(key: &ObjectKey) -> String {
    format!("{}/{}", collection(key.resource, &key.namespace), key.name)
}
