//! Medians, ranges and percentiles of a few numbers. It knows no units.

use serde::Serialize;

/// What is told of several measurements of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// Of these; all zero if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        Self {
            median: percentile(&sorted, 50),
            lowest: sorted.first().copied().unwrap_or_default(),
            highest: sorted.last().copied().unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = out.precision().unwrap_or(2);
        write!(out, "{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.lowest, self.highest)
    }
}

/// The ends that matter of many measurements.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tail {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) highest: f64,
}

impl Tail {
    /// Of these.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        Self {
            count: sorted.len(),
            p50: percentile(&sorted, 50),
            p99: percentile(&sorted, 99),
            highest: sorted.last().copied().unwrap_or_default(),
        }
    }
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The smallest value that so many percent do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Spread, Tail};

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let tail = Tail::of((1..=200).map(f64::from));
        assert_eq!((tail.p50, tail.p99, tail.highest), (100.0, 198.0, 200.0));
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.lowest, spread.highest), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([]), Spread::default());
    }
}
