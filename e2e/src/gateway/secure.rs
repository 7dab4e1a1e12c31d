//! TLS in front of a gateway and behind it, with certificates of the test's own authority.

use std::sync::Arc;

use k8s_openapi::ByteString;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::pki::Certificate;

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecureError {
    /// It is not PEM.
    #[error("reading a certificate or key: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// rustls refuses it.
    #[error("using a certificate or key: {0}")]
    Tls(#[from] rustls::Error),
}

/// A client that trusts one authority.
pub(super) fn trusting(authority: &str) -> Result<Arc<ClientConfig>, SecureError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// What a server answers with.
pub fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor, SecureError> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The Secret of a listener's certificate.
pub fn tls_secret(namespace: &str, name: &str, certificate: &Certificate) -> Value {
    let encoded = |text: &str| json!(ByteString(text.as_bytes().to_vec()));
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "namespace": namespace, "name": name },
        "data": { "tls.crt": encoded(&certificate.certificate), "tls.key": encoded(&certificate.key) },
    })
}
