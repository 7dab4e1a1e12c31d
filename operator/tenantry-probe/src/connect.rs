//! A connection to an address that has been judged: the name is resolved once, and what it resolved to is what is connected
//! to, so that no second answer of the resolver can lead elsewhere. Goes through no proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tenantry_protocol::address::{Bounds, admit};
use tenantry_protocol::wire::Trouble;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// An open connection.
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How TLS is spoken, or why it cannot be.
pub(crate) type Tls = Result<Arc<ClientConfig>, rustls::Error>;

/// TLS that trusts the system's certificates.
pub(crate) fn system_tls() -> Tls {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// TLS that trusts these certificates and no others.
pub(crate) fn tls(roots: &[CertificateDer<'static>]) -> Tls {
    let mut store = RootCertStore::empty();
    roots.iter().try_for_each(|root| store.add(root.clone()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Opens a connection to where the URL leads, unless that may not be asked.
pub(crate) async fn connect(url: &Uri, bounds: &Bounds, tls: Option<&Tls>) -> Result<Connection, Trouble> {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = url.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = open(&resolve(host, port, bounds).await?).await?;
    let Some(tls) = tls else { return Ok(Connection::Plain(stream)) };
    let tls = tls.as_ref().map_err(|error| Trouble::Tls(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Trouble::Tls(error.to_string()))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    stream.map(|stream| Connection::Tls(Box::new(stream))).map_err(|error| Trouble::Tls(error.to_string()))
}

async fn resolve(host: &str, port: u16, bounds: &Bounds) -> Result<Vec<SocketAddr>, Trouble> {
    let unresolved = |reason: String| Trouble::Unresolved { host: host.to_owned(), reason };
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| unresolved(reason(&error)))?;
    let found: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    if found.is_empty() {
        return Err(unresolved("the resolver knows none".into()));
    }
    // One that may not be asked taints the name: nobody has such a name by accident. Of several the smallest is told, as
    // resolvers turn their order.
    let refused = |place: &SocketAddr| admit(*place, bounds).err().map(|refusal| (place.ip(), refusal));
    if let Some((address, refusal)) = found.iter().filter_map(refused).min_by_key(|(address, _)| *address) {
        return Err(Trouble::Refused { host: host.to_owned(), address, refusal });
    }
    Ok(found)
}

async fn open(addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
    let mut last = Trouble::Unreachable("there is no address".into());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Trouble::Unreachable(reason(&error)),
        }
    }
    Err(last)
}

/// What the system says, without its numbers.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
