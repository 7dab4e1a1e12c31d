//! Answers for all pods of fake nodes. Their addresses are all local in the network of a test (`netns`), so one listener on a port answers
//! for every pod, and knows by the address that was called which one it stands for. Whether a pod should answer is its Service's to
//! say: nothing here looks at readiness.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer;

/// What a pod was asked, as it also answers it.
pub type Seen = Value;

/// Listeners of all pods; they end when this is dropped.
pub struct PodServer {
    shared: Arc<Shared>,
    listeners: Mutex<JoinSet<()>>,
}

pub(super) struct Shared {
    client: Client,
    /// Names of addresses. That of a pod is kept once it is known: fake nodes give an address anew only after all 65,000 others.
    names: Mutex<BTreeMap<IpAddr, String>>,
    seen: Mutex<Vec<Seen>>,
    /// How often has been refused what is to be refused some times.
    refusals: Mutex<BTreeMap<String, u32>>,
}

impl PodServer {
    /// Nobody listens yet. The client looks up which pod has which address.
    pub fn start(client: Client) -> Self {
        let shared = Shared { client, names: Mutex::default(), seen: Mutex::default(), refusals: Mutex::default() };
        Self { shared: Arc::new(shared), listeners: Mutex::default() }
    }

    /// Answers on this port of every pod: HTTP/1.1, HTTP/2 in the clear, gRPC, WebSocket, event streams. Not on the gateway's own ports,
    /// 80, 443 and 9000.
    pub async fn listen(&self, port: u16) -> io::Result<()> {
        self.serve(port, None).await
    }

    /// The same over TLS.
    pub async fn listen_secure(&self, port: u16, acceptor: TlsAcceptor) -> io::Result<()> {
        self.serve(port, Some(acceptor)).await
    }

    /// Gives an address that is no pod's a name, for EndpointSlices made by hand: any of 10.200.0.0/16 and 10.244.0.0/16.
    pub fn name(&self, address: IpAddr, name: &str) {
        lock(&self.shared.names).insert(address, name.to_owned());
    }

    /// All that has been asked so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    async fn serve(&self, port: u16, acceptor: Option<TlsAcceptor>) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        lock(&self.listeners).spawn(accept(listener, acceptor, self.shared.clone()));
        Ok(())
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Ends all connections when it is ended itself.
    let mut connections = JoinSet::new();
    // An error is that of one connection that is gone already.
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let Ok(called) = stream.local_addr() else { continue };
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => speak(stream, called, false, shared).await,
                // Who does not speak TLS gets no answer.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        speak(stream, called, true, shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    called: SocketAddr,
    is_secure: bool,
    shared: Arc<Shared>,
) {
    let service = service_fn(move |request| answer::answer(request, called, is_secure, shared.clone()));
    let server = auto::Builder::new(TokioExecutor::new());
    // A client that breaks off is nobody's fault.
    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

impl Shared {
    /// Whom this address stands for: `namespace/name` of a pod, a name given by the test, or the address itself.
    pub(super) async fn name_of(&self, address: IpAddr) -> String {
        if let Some(name) = lock(&self.names).get(&address) {
            return name.clone();
        }
        let pods: Api<Pod> = Api::all(self.client.clone());
        let parameters = ListParams::default().fields(&format!("status.podIP={address}"));
        let Ok(found) = pods.list(&parameters).await else { return address.to_string() };
        let named = found
            .items
            .iter()
            .find_map(|pod| Some(format!("{}/{}", pod.metadata.namespace.as_deref()?, pod.metadata.name.as_deref()?)));
        let Some(name) = named else { return address.to_string() };
        lock(&self.names).insert(address, name.clone());
        name
    }

    pub(super) fn note(&self, seen: Seen) {
        lock(&self.seen).push(seen);
    }

    /// Whether the request with this key is still to be refused.
    pub(super) fn refuses(&self, key: &str, times: u32) -> bool {
        let mut refusals = lock(&self.refusals);
        let so_far = refusals.entry(key.to_owned()).or_default();
        *so_far += 1;
        *so_far <= times
    }
}

/// A task that panicked while holding it left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
