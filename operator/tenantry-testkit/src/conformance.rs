//! Random request lists that go to two API servers, and the comparison of their answers: a fake that disagrees is a bug in the fake.
//!
//! Nothing here knows which of the two is real.

mod bodies;
mod generate;
mod normalise;
mod run;
mod step;

pub use generate::{definition, generate};
pub use normalise::Answer;
pub use run::{ConformanceError, Difference, compare, prepare, run, versions, watch};
pub use step::Step;
