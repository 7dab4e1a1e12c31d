//! How the operator asks MCP servers and agents: over the network, within bounds that no tenant can widen. What a question may cost is
//! the prober's to say; where it may lead is said here.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use tenantry_core::external::{Answer, Protocol, Question, Reach};
use tenantry_engine::{Asking, Outside};
use tenantry_probe::{Options, Prober};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::verdict::State;
use tenantry_protocol::{a2a, mcp, target};

/// Asks over the network.
pub(crate) struct Network {
    prober: Arc<Prober>,
    bounds: Bounds,
}

impl Network {
    /// Asks nobody at the addresses of these hosts, which are the API server's; the machine's own only if that is allowed.
    pub(crate) async fn apart_from(api_servers: &[String], is_loopback_allowed: bool) -> Self {
        let mut forbidden: BTreeSet<IpAddr> = BTreeSet::new();
        for host in api_servers {
            // A name that cannot be resolved now cannot be connected to either; the other ways to the API server are named beside it.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            forbidden.extend(found.into_iter().flatten().map(|place| place.ip().to_canonical()));
        }
        if is_loopback_allowed {
            forbidden.retain(|address| !address.is_loopback());
        }
        let bounds = Bounds { is_loopback_allowed, forbidden: forbidden.into_iter().collect(), openings: None };
        Self { prober: Arc::new(Prober::new(Prober::AT_ONCE)), bounds }
    }

    fn options(&self, reach: Reach) -> Options {
        let openings = match reach {
            Reach::Service => None,
            Reach::Openings(openings) => Some(openings),
        };
        Options { bounds: Bounds { openings, ..self.bounds.clone() }, ..Options::default() }
    }
}

impl Outside for Network {
    fn ask(&self, question: Question) -> Asking {
        let (prober, options) = (self.prober.clone(), self.options(question.reach));
        Box::pin(async move {
            let url = target::parse(&question.url).map_err(|fault| fault.to_string());
            match question.protocol {
                Protocol::Mcp => Answer::Mcp(match url {
                    Ok(url) => prober.mcp(&url, &options).await,
                    Err(fault) => mcp::Verdict::new(State::ProbeBlocked, fault),
                }),
                Protocol::A2a => Answer::A2a(match url {
                    Ok(url) => prober.a2a(&url, &Options { known_as: Some(url.clone()), ..options }).await,
                    Err(fault) => a2a::Verdict::new(State::ProbeBlocked, fault),
                }),
            }
        })
    }
}

/// The host of a URL, as one resolves it.
pub(crate) fn host(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(url.host()?.trim_matches(['[', ']']).to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tenantry_core::object::ObjectKey;
    use tenantry_core::resources::MCP_SERVER;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn question(protocol: Protocol, url: String, reach: Reach) -> Question {
        let asker = ObjectKey::namespaced(&MCP_SERVER, "acme-dev", "tickets");
        Question { asker, state: String::new(), protocol, url, reach, interval: Duration::from_mins(5) }
    }

    /// Serves the same answer to everybody.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}/mcp")
    }

    #[tokio::test]
    async fn the_api_server_and_the_own_machine_are_out_of_reach() {
        let url = server("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        let ask =
            async |network: &Network, protocol| network.ask(question(protocol, url.clone(), Reach::Service)).await;
        let strict = Network::apart_from(&["203.0.113.1".to_owned()], false).await;
        for protocol in [Protocol::Mcp, Protocol::A2a] {
            assert_eq!(ask(&strict, protocol).await.state(), State::ProbeBlocked);
        }
        let lenient = Network::apart_from(&["127.0.0.1".to_owned()], true).await;
        for protocol in [Protocol::Mcp, Protocol::A2a] {
            assert_eq!(ask(&lenient, protocol).await.state(), State::AuthRequired);
        }
        let remote = question(Protocol::Mcp, "http://203.0.113.1:6443/mcp".into(), Reach::Service);
        let Answer::Mcp(verdict) = strict.ask(remote).await else { panic!("another protocol") };
        assert_eq!(
            verdict.message,
            "server/discover: 203.0.113.1 is at 203.0.113.1, and that is not asked: it is the API server's"
        );
    }

    #[tokio::test]
    async fn a_tenants_url_leads_no_further_than_its_pods_may_go() {
        let network = Network::apart_from(&[], false).await;
        let remote = question(Protocol::Mcp, "http://10.96.0.10:8080/mcp".into(), Reach::Openings(Vec::new()));
        let Answer::Mcp(verdict) = network.ask(remote).await else { panic!("another protocol") };
        assert_eq!(verdict.state, State::ProbeBlocked);
        assert!(verdict.message.contains("no egress of the Tenant opens"), "{}", verdict.message);
    }

    #[test]
    fn hosts_are_found_in_urls() {
        for (url, expected) in [
            ("https://10.0.0.1:6443", "10.0.0.1"),
            ("https://[fd00::1]:6443", "fd00::1"),
            ("https://kubernetes.default.svc/", "kubernetes.default.svc"),
        ] {
            assert_eq!(host(url).as_deref(), Some(expected));
        }
    }
}
