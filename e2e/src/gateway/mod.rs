//! A real gateway for tests: Traefik as Gateway API controller and as proxy, with its definitions and rights, pods that answer through it,
//! and somebody who asks. Everything lives in the network of one test (`netns`), or in a pod of a real node; it decides nothing about routes.
//!
//! ```no_run
//! use tenantry_e2e::gateway::{Caller, Gateway, PodServer, programs};
//! use tenantry_e2e::{Cluster, Options, netns};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Before `netns::enter`, which leads to where no registry is: what is missing is a reason to skip.
//! let programs = programs()?;
//! // Inside:
//! let cluster = Cluster::start(Options { address: netns::ADDRESS, ..Options::with_nodes(1) }).await?;
//! let mut gateway = Gateway::start(&cluster, &programs).await?;
//! // All pods of fake nodes answer at their own addresses, and say which they are.
//! let pods = PodServer::start(cluster.client().await?);
//! pods.listen(8080).await?;
//! let answer = gateway.caller().get("infra-proxy", "/api/v1/shop/orders").await?;
//! println!("{} from {}", answer.status, answer.backend());
//! gateway.check_alive()?;
//! # Ok(()) }
//! ```

mod answer;
mod caller;
mod definitions;
pub mod in_pod;
mod pods;
mod rights;
mod secure;
mod traefik;
mod websocket;

pub use caller::{Answer, CallError, Caller, Rpc};
pub use definitions::{DefinitionError, define, fetch as definitions_of_gateway_api, install};
pub use in_pod::InPod;
pub use pods::{PodServer, Seen};
pub use secure::{SecureError, acceptor, tls_secret};
pub use traefik::{
    CLASS, CONTROLLER, Gateway, GatewayError, NAMESPACE, NoPrograms, Programs, Settings, VERSION, WEB_PORT,
    WEBSECURE_PORT, programs,
};
