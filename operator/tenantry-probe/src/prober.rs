//! The way in: a prober that many verifications share, and what each may ask for.

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderMap, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tenantry_protocol::address::Bounds;
use tenantry_protocol::{a2a, mcp};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connect::{self, Tls};
use crate::exchange::Exchanges;

/// What a verification may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All of its requests together.
    pub time: Duration,
    /// A request whose answer only one check needs.
    pub moment: Duration,
    /// Bytes of one answer.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), moment: Duration::from_secs(3), bytes: 1 << 20 }
    }
}

/// What a verification asks for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses may be asked.
    pub bounds: Bounds,
    /// What it may cost.
    pub limits: Limits,
    /// Sent to the URL itself and to nothing else, such as credentials.
    pub headers: HeaderMap,
    /// Certificates to trust instead of the system's.
    pub roots: Vec<CertificateDer<'static>>,
    /// How much is asked of an MCP server.
    pub depth: mcp::Depth,
    /// The URL by which callers know an agent, if its card is to be held to it.
    pub known_as: Option<Uri>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            limits: Limits::default(),
            headers: HeaderMap::new(),
            roots: Vec::new(),
            depth: mcp::Depth::Full,
            known_as: None,
        }
    }
}

/// Why a text holds no certificates.
#[derive(Debug, thiserror::Error)]
pub enum NoRoots {
    /// It is no PEM.
    #[error("it is not a list of certificates in PEM form")]
    NotPem,
    /// It holds other things, or nothing.
    #[error("there is no certificate in it")]
    Empty,
}

/// The certificates of a text in PEM form, for [`Options::roots`].
pub fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoRoots> {
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let roots = roots.map_err(|_| NoRoots::NotPem)?;
    if roots.is_empty() { Err(NoRoots::Empty) } else { Ok(roots) }
}

/// Verifies, so many at once and no more. Shared by all who verify.
#[derive(Debug)]
pub struct Prober {
    system: OnceLock<Tls>,
    gate: Semaphore,
}

impl Prober {
    /// How many at once the operator may verify.
    pub const AT_ONCE: usize = 64;

    /// A prober for so many verifications at once; further ones wait for their turn.
    pub fn new(at_once: usize) -> Self {
        Self { system: OnceLock::new(), gate: Semaphore::new(at_once) }
    }

    /// Verifies the MCP server at `url`. Whatever is there, this ends within [`Limits::time`] after its turn has come.
    pub async fn mcp(&self, url: &Uri, options: &Options) -> mcp::Verdict {
        let _turn = self.turn().await;
        let mut wire = Exchanges::new(url, options, self.tls(url, options));
        mcp::verify(&mut wire, url, options.depth).await
    }

    /// Verifies the card of the agent at `url`, within the same bounds.
    pub async fn a2a(&self, url: &Uri, options: &Options) -> a2a::Verdict {
        let _turn = self.turn().await;
        let mut wire = Exchanges::new(url, options, self.tls(url, options));
        a2a::verify(&mut wire, url, options.known_as.as_ref()).await
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.gate.acquire().await.ok()
    }

    fn tls(&self, url: &Uri, options: &Options) -> Option<Tls> {
        if url.scheme_str() != Some("https") {
            return None;
        }
        if options.roots.is_empty() {
            // Read once, as it takes a while; a certificate that the system comes to trust later needs a new start.
            return Some(self.system.get_or_init(connect::system_tls).clone());
        }
        Some(connect::tls(&options.roots))
    }
}
