//! A real Kubernetes control plane for tests, the demo and the benchmark: built once, started in seconds, gone with its
//! parent. It never touches a cluster it was not given.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tenantry_e2e::{Cluster, Options};
//! let cluster = Cluster::start(Options::with_nodes(1)).await?;
//! let client = cluster.client().await?;
//! println!("{}", cluster.kubectl(&["get", "nodes"]).await?);
//! # Ok(()) }
//! ```

pub mod audit;
pub mod cache;
pub mod cargo;
pub mod certificates;
pub mod cluster;
pub mod components;
pub mod control_plane;
pub mod folder;
pub mod gateway;
pub mod identity;
pub mod image;
pub mod kubeconfig;
pub mod kubectl;
pub mod netns;
pub mod node;
pub mod objects;
pub mod operator;
pub mod options;
pub mod packages;
pub mod pki;
pub mod process;
pub mod skip;
pub mod toolchain;
pub mod usage;
pub mod wait;

pub use cluster::{Cluster, ClusterError, shared};
pub use components::Component;
pub use identity::Identity;
pub use options::Options;
pub use wait::eventually;
