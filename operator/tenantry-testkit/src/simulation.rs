//! The real engine over the in-memory API server, in paused time: scenarios, a fault at every call and every watch event,
//! and oracles that look at each state in between. Nothing here waits for a real clock, and equal seeds give equal traces.

pub mod campaign;
pub mod fault;
pub mod network;
pub mod operator;
pub mod oracle;
pub mod outside;
pub mod report;
pub mod scenario;
pub mod scenarios;
pub mod stage;
pub mod trace;
