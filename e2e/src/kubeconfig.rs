//! Writes kubeconfig files, readable by their owner only. It never reads the user's own one unless given its path.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::pki::Certificate;

/// A kubeconfig could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigFileError {
    /// It could not be read.
    #[error("reading the kubeconfig {}: {source}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What kube said.
        source: Box<KubeconfigError>,
    },
    /// It names no usable context.
    #[error("the kubeconfig {} has no current context that exists: run `kubectl config use-context …`", path.display())]
    NoContext {
        /// Its path.
        path: PathBuf,
    },
    /// It could not be turned into text.
    #[error("writing the kubeconfig {}: {why}", path.display())]
    Encode {
        /// Its path.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// It could not be written.
    #[error("writing the kubeconfig {}: {source}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No client could be made from it.
    #[error("making a client from the kubeconfig {}: {source}", path.display())]
    Client {
        /// Its path.
        path: PathBuf,
        /// What kube said.
        source: Box<kube::Error>,
    },
}

/// Writes the kubeconfig of one user of a cluster that we started.
pub fn write(path: &Path, server: &str, authority: &str, user: &Certificate) -> Result<(), KubeconfigFileError> {
    let cluster = json!({ "server": server, "certificate-authority-data": encoded(authority) });
    write_document(path, &cluster, &certificate_user(user))
}

/// Writes a kubeconfig like `admin`'s current context, for another user.
pub fn write_for_user(path: &Path, admin: &Path, user: &Value) -> Result<(), KubeconfigFileError> {
    let (cluster, _) = current_context(admin)?;
    write_document(path, &cluster, user)
}

/// The `user` entry of a client certificate.
pub fn certificate_user(user: &Certificate) -> Value {
    json!({ "client-certificate-data": encoded(&user.certificate), "client-key-data": encoded(&user.key) })
}

/// The `cluster` and `user` entries of a kubeconfig's current context, file names made absolute.
pub fn current_context(path: &Path) -> Result<(Value, Value), KubeconfigFileError> {
    let read = Kubeconfig::read_from(path)
        .map_err(|source| KubeconfigFileError::Read { path: path.to_owned(), source: source.into() })?;
    let document = serde_json::to_value(read)
        .map_err(|error| KubeconfigFileError::Encode { path: path.to_owned(), why: error.to_string() })?;
    let named = |list: &str, name: &Value, field: &str| {
        let entry = document[list].as_array()?.iter().find(|entry| entry["name"] == *name)?;
        Some(entry[field].clone())
    };
    let no_context = || KubeconfigFileError::NoContext { path: path.to_owned() };
    let context = named("contexts", &document["current-context"], "context").ok_or_else(no_context)?;
    let cluster = named("clusters", &context["cluster"], "cluster").ok_or_else(no_context)?;
    let user = named("users", &context["user"], "user").ok_or_else(no_context)?;
    Ok((cluster, user))
}

/// A client for the current context of a kubeconfig. It belongs to the tokio runtime it is made in.
pub async fn client(path: &Path) -> Result<Client, KubeconfigFileError> {
    let read_error =
        |source: KubeconfigError| KubeconfigFileError::Read { path: path.to_owned(), source: source.into() };
    let kubeconfig = Kubeconfig::read_from(path).map_err(read_error)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(read_error)?;
    Client::try_from(config)
        .map_err(|source| KubeconfigFileError::Client { path: path.to_owned(), source: source.into() })
}

fn write_document(path: &Path, cluster: &Value, user: &Value) -> Result<(), KubeconfigFileError> {
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "tenantry-test", "cluster": cluster }],
        "users": [{ "name": "tenantry-test", "user": user }],
        "contexts": [{ "name": "tenantry-test", "context": { "cluster": "tenantry-test", "user": "tenantry-test" } }],
        "current-context": "tenantry-test",
    });
    let text = serde_saphyr::to_string(&document)
        .map_err(|error| KubeconfigFileError::Encode { path: path.to_owned(), why: error.to_string() })?;
    File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| KubeconfigFileError::Write { path: path.to_owned(), source })
}

/// Base64, which is how Kubernetes writes bytes.
fn encoded(text: &str) -> Value {
    json!(ByteString(text.as_bytes().to_vec()))
}
