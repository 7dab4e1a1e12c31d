//! Where the prober does not go, whom it does not trust, and how many it asks at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tenantry_probe::{Options, Prober};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::verdict::State;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::shared::{Reaction, Server, hasty, options, serve};
use crate::sound::{Sound, Speaks};

async fn verdict(url: &str, options: &Options) -> (State, String) {
    let verdict = Prober::new(1).mcp(&url.parse().expect("a URL"), options).await;
    (verdict.state, verdict.message)
}

fn blocked(message: &str) -> (State, String) {
    (State::ProbeBlocked, message.to_owned())
}

#[tokio::test]
async fn forbidden_addresses_are_not_asked_by_any_name() {
    let server = Server::start(|_| Reaction::status(200)).await;
    let port = server.address.port();
    let strict = Options::default();
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1"] {
        let (state, message) = verdict(&format!("http://{host}:{port}/mcp"), &strict).await;
        assert_eq!(state, State::ProbeBlocked, "{host}");
        // Not every resolver takes numbers for addresses.
        let is_refused = message.ends_with("and that is not asked: it is the prober's own machine");
        assert!(is_refused || message.contains("has no address"), "{host}: {message}");
    }
    for (host, address, why) in [
        ("169.254.169.254", "169.254.169.254", "link-local, where clouds serve credentials"),
        ("[fe80::1]", "fe80::1", "link-local, where clouds serve credentials"),
        ("[fd00:ec2::254]", "fd00:ec2::254", "link-local, where clouds serve credentials"),
        ("[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254", "link-local, where clouds serve credentials"),
        ("0.0.0.0", "0.0.0.0", "no host's address"),
        ("224.0.0.1", "224.0.0.1", "no single host's address"),
    ] {
        let name = host.trim_matches(['[', ']']);
        let message = format!("server/discover: {name} is at {address}, and that is not asked: it is {why}");
        assert_eq!(verdict(&format!("http://{host}:{port}/"), &options()).await, blocked(&message));
    }
    let forbidden: Vec<IpAddr> = vec![[127, 0, 0, 1].into()];
    let options = Options { bounds: Bounds { is_loopback_allowed: true, forbidden, openings: None }, ..options() };
    let message = "server/discover: 127.0.0.1 is at 127.0.0.1, and that is not asked: it is the API server's";
    assert_eq!(verdict(&format!("http://127.0.0.1:{port}/"), &options).await, blocked(message));
    assert!(server.heard().is_empty(), "nobody was asked anything");
}

#[tokio::test]
async fn nobody_there_is_blocked() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    assert_eq!(
        verdict(&format!("http://{free}/"), &options()).await,
        blocked("server/discover: cannot connect: connection refused")
    );
    let (state, message) = verdict("http://tenantry.invalid/", &options()).await;
    assert_eq!(state, State::ProbeBlocked);
    assert!(message.starts_with("server/discover: tenantry.invalid has no address: "), "{message}");
}

#[tokio::test]
async fn certificates_must_be_trusted() {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let certificate: CertificateDer<'static> = issued.cert.der().clone();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let sound = Arc::new(Sound::new(Speaks::Modern));
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sound) = (acceptor.clone(), Arc::clone(&sound));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                serve(stream, Arc::new(move |heard| sound.react(heard)), Arc::new(Mutex::default())).await;
            });
        }
    });
    let url = format!("https://localhost:{port}/mcp");
    let (state, message) = verdict(&url, &options()).await;
    assert_eq!(state, State::ProbeBlocked, "{message}");
    assert!(message.starts_with("server/discover: cannot agree on TLS: "), "{message}");
    let trusting = Options { roots: vec![certificate], ..options() };
    assert_eq!(verdict(&url, &trusting).await, (State::Verified, "3 tools".to_owned()));
    task.abort();
}

#[tokio::test]
async fn no_more_are_asked_at_once_than_the_gate_lets_through() {
    const AT_ONCE: usize = 3;
    // Every server hangs, so that verifications overlap for as long as they may.
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("a URL");
    let (counting, highest) = (Arc::clone(&now), Arc::clone(&most));
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (now, most) = (Arc::clone(&counting), Arc::clone(&highest));
            tokio::spawn(async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Until the prober has had enough.
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                now.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let mut options = hasty();
    options.limits.time /= 10;
    options.limits.moment /= 10;
    let prober = Prober::new(AT_ONCE);
    let verdicts = futures::future::join_all((0..10).map(|_| prober.mcp(&url, &options))).await;
    let states: BTreeMap<&str, usize> = verdicts.iter().fold(BTreeMap::new(), |mut states, verdict| {
        *states.entry(verdict.state.word()).or_default() += 1;
        states
    });
    assert_eq!(states, BTreeMap::from([("ProbeBlocked", 10)]));
    let most = most.load(Ordering::SeqCst);
    // A closed connection may be noticed a moment after the next one is opened.
    assert!((AT_ONCE..=2 * AT_ONCE).contains(&most), "{most}");
    task.abort();
}
