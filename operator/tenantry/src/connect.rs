//! The way to a cluster: from kubeconfig to client, and from what goes wrong on it to words a user can act on.
//! Sends nothing by itself.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::failure::one_line;

/// Which cluster to talk to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConnectArgs {
    /// Kubeconfig file. [default: $KUBECONFIG, then ~/.kube/config, then the pod's ServiceAccount]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig; without a name, its current one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) context: Option<String>,
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Half a minute.
    Bounded,
    /// As long as it likes: watches are quiet for hours, and the engine bounds its other calls itself.
    Endless,
}

/// A cluster that can be talked to.
pub(crate) struct Connection {
    /// The client.
    pub(crate) client: Client,
    /// URL of its API server, for messages.
    pub(crate) server: String,
    /// The namespace of the context, `default` where that names none.
    pub(crate) namespace: String,
}

/// Why a cluster cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot read kubeconfig {}", path.display())]
    File { path: PathBuf, source: Box<KubeconfigError> },
    #[error("cannot find a kubeconfig")]
    NotFound(#[source] Box<KubeconfigError>),
    #[error("the kubeconfig has no context {wanted}; it has {}", known.join(", "))]
    NoContext { wanted: String, known: Vec<String> },
    #[error("cannot use the kubeconfig")]
    Unusable(#[source] Box<KubeconfigError>),
    #[error("cannot make a client for {server}")]
    Client { server: String, source: Box<kube::Error> },
    #[error("cannot {attempt}: cannot reach {server}: {cause}")]
    Unreachable { attempt: String, server: String, cause: String },
    #[error("cannot {attempt}: {server} cannot prove who it is: {cause}")]
    Untrusted { attempt: String, server: String, cause: String },
    #[error("cannot {attempt}: {server} does not know these credentials")]
    Unauthenticated { attempt: String, server: String },
    #[error("cannot {attempt}: {message}")]
    Forbidden { attempt: String, message: String },
    #[error("cannot {attempt}: {message}")]
    Answer { attempt: String, message: String },
}

impl ConnectError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::File { .. } => "check the path and the content of --kubeconfig; `kubectl config view` reads the same file",
            Self::NotFound(_) => "give one by --kubeconfig FILE or KUBECONFIG",
            Self::NoContext { .. } => "name one of these by --context",
            Self::Unusable(_) | Self::Client { .. } => "check the kubeconfig with `kubectl version`",
            Self::Unreachable { .. } => {
                "see that the cluster runs and that this is the right one (--context, --kubeconfig); `kubectl version` asks the same server"
            }
            Self::Untrusted { .. } => {
                "check the certificate authority in the kubeconfig: the cluster may have been made anew since it was written"
            }
            Self::Unauthenticated { .. } => "log in again, or use another context; `kubectl auth whoami` says who you are",
            Self::Forbidden { .. } => {
                "ask an administrator for this right, or use another context; `kubectl auth can-i --list` says what you may do"
            }
            Self::Answer { .. } => "look at what the server says above; `kubectl version` tells whether it answers at all",
        }
        .to_owned()
    }
}

impl ConnectArgs {
    /// Whether a cluster was named at all.
    pub(crate) fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// A client for it. Reads files, sends nothing.
    pub(crate) async fn connect(&self, patience: Patience) -> Result<Connection, ConnectError> {
        let mut config = self.config().await?;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = match patience {
            Patience::Bounded => Some(Duration::from_secs(30)),
            Patience::Endless => None,
        };
        let namespace = config.default_namespace.clone();
        // A person at a terminal would rather hear of a failure than see nothing for minutes; the engine has its own way.
        config.default_retry = false;
        match Client::try_from(config) {
            Ok(client) => Ok(Connection { client, server, namespace }),
            Err(source) => Err(ConnectError::Client { server, source: Box::new(source) }),
        }
    }

    async fn config(&self) -> Result<Config, ConnectError> {
        let kubeconfig = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path)
                .map_err(|source| ConnectError::File { path: path.clone(), source: Box::new(source) })?,
            None => match Kubeconfig::read() {
                Ok(kubeconfig) => kubeconfig,
                Err(error) if self.context.is_none() => {
                    return Config::incluster().map_err(|_| ConnectError::NotFound(Box::new(error)));
                }
                Err(error) => return Err(ConnectError::NotFound(Box::new(error))),
            },
        };
        let context = self.context.clone().filter(|name| !name.is_empty());
        if let Some(wanted) = &context
            && !kubeconfig.contexts.iter().any(|known| known.name == *wanted)
        {
            let known = kubeconfig.contexts.into_iter().map(|known| known.name).collect();
            return Err(ConnectError::NoContext { wanted: wanted.clone(), known });
        }
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| ConnectError::Unusable(Box::new(source)))
    }
}

impl Connection {
    /// The version of its API server: the first question, so that a wrong address is found before anything is done.
    pub(crate) async fn version(&self) -> Result<String, ConnectError> {
        match self.client.apiserver_version().await {
            Ok(version) => Ok(version.git_version),
            Err(error) => Err(self.explain("ask the API server for its version", &error)),
        }
    }

    /// Says in words what went wrong with a request.
    pub(crate) fn explain(&self, attempt: impl Into<String>, error: &kube::Error) -> ConnectError {
        let (attempt, server) = (attempt.into(), self.server.clone());
        match error {
            kube::Error::Api(status) if status.code == 401 => ConnectError::Unauthenticated { attempt, server },
            kube::Error::Api(status) if status.code == 403 => {
                ConnectError::Forbidden { attempt, message: status.message.clone() }
            }
            kube::Error::Api(status) => ConnectError::Answer { attempt, message: status.message.clone() },
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                let cause = root_cause(error);
                if cause.contains("certificate") {
                    ConnectError::Untrusted { attempt, server, cause }
                } else {
                    ConnectError::Unreachable { attempt, server, cause }
                }
            }
            other => ConnectError::Answer { attempt, message: one_line(other) },
        }
    }
}

/// The innermost source: "connection refused" rather than the layers around it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
