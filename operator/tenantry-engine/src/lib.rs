//! How plans reach a cluster: watches, a queue, and for each resource the path wake, read, plan, check, apply, prune,
//! status, requeue. Generic over the registered kinds; the only crate that talks to Kubernetes.

pub mod calls;
pub mod clock;
pub mod error;
pub mod external;
pub mod health;
pub mod kept;
pub mod leader;
pub mod merge;
pub mod metrics;
pub mod run;
pub mod store;

mod adjust;
mod apply;
mod asked;
mod backoff;
mod blind;
mod cleanup;
mod engine;
mod events;
mod inventory;
mod prune;
mod queue;
mod reconcile;
mod silence;
mod status;
mod view;
mod wake;
mod watch;
mod watchdog;

pub use engine::Engine;
pub use external::{Asking, Outside};
pub use leader::LEASES;
pub use run::{Election, Settings, run};
