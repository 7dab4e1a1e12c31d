//! Everything that is generated, as pure functions from the kinds to text. Nothing here reads or writes a file; `files`
//! lists what belongs into the repository, and `tests/generated.rs` holds the repository to it.

pub mod chart;
pub mod crds;
pub mod examples;
pub mod files;
pub mod manifests;
pub mod reference;
