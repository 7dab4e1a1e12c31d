//! An in-memory Kubernetes API server, placed under `kube::Client` as a tower service; it never opens a socket.
//!
//! It is deterministic: time is tokio's (so paused time works), uids come from a counter, every map is ordered.

mod clock;
mod compiled;
mod controllers;
mod crd;
mod create;
mod defaults;
mod delete;
mod discovery;
mod error;
mod fieldset;
mod http;
mod list;
mod managed;
mod merge;
mod meta;
mod patch;
pub(crate) mod quantity;
mod record;
mod registry;
mod request;
mod rules;
mod schema;
mod selector;
mod state;
mod store;
mod structure;
mod typed;
mod update;
mod validate;
mod watch;

pub use error::ApiError;
pub use http::ApiServer;
pub use record::{Change, ChangeKind, Record};
pub use request::{Call, Verb};
