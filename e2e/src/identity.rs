//! Somebody who can talk to a cluster: a kubeconfig of their own, and what follows from it. It grants no rights: RBAC is the test's.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::kubeconfig::{self, KubeconfigFileError};
use crate::kubectl::{KubectlError, kubectl, kubectl_json};
use crate::pki::{Authority, PkiError};

/// Why no identity could be issued.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The kubeconfig could not be read or written.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigFileError),
    /// The server gave no token.
    #[error("asking for a token of ServiceAccount {namespace}/{name}: {source}")]
    Token {
        /// The account's namespace.
        namespace: String,
        /// The account's name.
        name: String,
        /// What the server said.
        source: Box<kube::Error>,
    },
}

/// Somebody with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Identity {
    name: String,
    kubeconfig: PathBuf,
}

impl Identity {
    pub(crate) fn new(name: &str, kubeconfig: PathBuf) -> Self {
        Self { name: name.to_owned(), kubeconfig }
    }

    /// The user name, as the server sees it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Path of the kubeconfig; it lives as long as the cluster.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client; make one per test, as it belongs to the tokio runtime it was made in.
    pub async fn client(&self) -> Result<Client, KubeconfigFileError> {
        kubeconfig::client(&self.kubeconfig).await
    }

    /// Runs `kubectl <arguments>`; answers its stdout.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, KubectlError> {
        kubectl(&self.kubeconfig, arguments, "").await
    }

    /// Runs `kubectl <arguments>` with `input` on stdin (`apply -f -`); answers its stdout.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String, KubectlError> {
        kubectl(&self.kubeconfig, arguments, input).await
    }

    /// Runs `kubectl <arguments> -o json`; answers the parsed stdout.
    pub async fn kubectl_json(&self, arguments: &[&str]) -> Result<Value, KubectlError> {
        kubectl_json(&self.kubeconfig, arguments).await
    }
}

/// A user with groups. With the cluster's own `authority` and at most one group it is a client certificate, as most people have;
/// otherwise the admin's credentials impersonate the user, which the server treats the same from authorization on.
pub(crate) fn user(
    admin: &Path,
    authority: Option<&Authority>,
    file: PathBuf,
    name: &str,
    groups: &[&str],
) -> Result<Identity, IdentityError> {
    let entry = match authority {
        Some(authority) if groups.len() <= 1 => {
            kubeconfig::certificate_user(&authority.client(name, groups.first().copied())?)
        }
        _ => {
            let (_, mut entry) = kubeconfig::current_context(admin)?;
            entry["as"] = json!(name);
            entry["as-groups"] = json!(groups);
            entry
        }
    };
    kubeconfig::write_for_user(&file, admin, &entry)?;
    Ok(Identity::new(name, file))
}

/// A ServiceAccount, by a token that lasts as long as any test: the same way its pods would come.
pub(crate) async fn service_account(
    admin: &Path,
    file: PathBuf,
    namespace: &str,
    name: &str,
) -> Result<Identity, IdentityError> {
    let accounts: Api<ServiceAccount> = Api::namespaced(kubeconfig::client(admin).await?, namespace);
    let spec = TokenRequestSpec { expiration_seconds: Some(8 * 3600), ..Default::default() };
    let request = TokenRequest { spec: Some(spec), ..Default::default() };
    let answer = accounts.create_token_request(name, &PostParams::default(), &request).await.map_err(|source| {
        IdentityError::Token { namespace: namespace.to_owned(), name: name.to_owned(), source: source.into() }
    })?;
    let token = answer.status.map(|status| status.token).unwrap_or_default();
    kubeconfig::write_for_user(&file, admin, &json!({ "token": token }))?;
    Ok(Identity::new(&format!("system:serviceaccount:{namespace}:{name}"), file))
}
