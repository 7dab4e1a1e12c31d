//! `e2e bench`: the figures of docs/benchmarks.md. What it does is in `bench/`.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::bench;

/// Measure the operator against two bare clients that create the same objects.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Tenants in each round, and in the storm
    #[arg(long, default_value_t = 200, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=9999))]
    pub(crate) tenants: usize,
    /// Rounds; five or more for figures to publish
    #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=99))]
    pub(crate) rounds: usize,
    /// Measure instead what the admission policies cost with so many tenants
    #[arg(long, value_name = "TENANTS", value_delimiter = ',', num_args = 0.., default_missing_values = ["10", "1000"])]
    pub(crate) admission: Vec<usize>,
    /// Measure instead so many workloads of the four kinds, ten for each tenant
    #[arg(long, value_name = "WORKLOADS", num_args = 0..=1, default_missing_value = "1000", conflicts_with = "admission")]
    pub(crate) workloads: Option<usize>,
    /// Measure instead so many routes of 100 tenants on one gateway that the benchmark plays itself
    #[arg(long, value_name = "ROUTES", num_args = 0..=1, default_missing_value = "1000", conflicts_with_all = ["admission", "workloads"])]
    pub(crate) routes: Option<usize>,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        result = bench::run(arguments) => result,
        _ = interrupt.recv() => Err("interrupted".into()),
    }
}
