//! Examples of how a total is shared out, and in `model` every interleaving of who writes, admits, lags, crashes.

mod model;
mod sharing;

use super::*;
use crate::quantity::Quantity;

fn amounts(name: &str, amount: i128) -> Quantities {
    Quantities::from([(name.to_owned(), amount.to_string().parse::<Quantity>().expect("a quantity"))])
}

fn number(amounts: &Quantities, name: &str) -> Option<i128> {
    amounts.get(name).map(|amount| amount.nanos() / 1_000_000_000)
}
