//! Kubernetes quantities: parsed, compared, added and written exactly as the API server does it, without floats.
//! A wanted quota is compared with an observed one by content, so the canonical form must be the server's own.

use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nanos in one.
const ONE: i128 = 1_000_000_000;
/// Nanos in one thousandth: resource lists are rounded up to it by the server.
const MILLI: i128 = 1_000_000;
/// The server caps what is larger than this.
const MAX: i128 = i64::MAX as i128 * ONE;

/// An amount of something, not negative: `500m`, `4`, `160Gi`, `1e3`.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    family: Family,
}

/// Which suffixes a quantity is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `n u m k M G T P E`.
    Decimal,
    /// `Ki Mi Gi Ti Pi Ei`.
    Binary,
    /// `e3`.
    Exponent,
}

/// A text that is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a quantity such as 500m, 4 or 160Gi")]
pub struct NotAQuantity(String);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, family: Family::Decimal };

    /// Whether it is a whole number.
    pub fn is_whole(self) -> bool {
        self.nanos % ONE == 0
    }

    /// The plain number, such as `0.5` or `1024`, for those who know no suffixes.
    pub fn decimal(self) -> String {
        let (whole, part) = (self.nanos / ONE, self.nanos % ONE);
        if part == 0 { whole.to_string() } else { format!("{whole}.{part:09}").trim_end_matches('0').to_owned() }
    }

    /// The amount in billionths, the smallest part that can be told.
    pub(crate) fn nanos(self) -> i128 {
        self.nanos
    }

    /// So many billionths, written with the suffixes of this one. Less than nothing is nothing.
    pub(crate) fn with_nanos(self, nanos: i128) -> Self {
        Self { nanos: nanos.clamp(0, MAX), ..self }
    }

    /// What is left when so much is taken away; nothing if it is more.
    pub fn less(self, taken: Self) -> Self {
        self.with_nanos(self.nanos - taken.nanos)
    }

    /// The step in which shares of this amount are made: a round number, at most a 64th of it. `counted` things have no
    /// fractions.
    pub(crate) fn grain(self, counted: bool) -> i128 {
        let (least, factor) = match (counted, self.family) {
            (true, _) => (ONE, 10),
            (false, Family::Binary) => (ONE, 1024),
            (false, _) => (MILLI, 10),
        };
        let mut grain = least;
        while grain * factor <= self.nanos / 64 {
            grain *= factor;
        }
        grain
    }

    /// Rounded up to thousandths, as the API server does with every resource list.
    pub fn rounded_up(self) -> Self {
        Self { nanos: round_up(self.nanos, MILLI), ..self }
    }
}

/// By amount: `1Gi` equals `1073741824`.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// Sums up, written with the suffixes of the first that is not zero.
impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |total, amount| Self {
            nanos: (total.nanos + amount.nanos).min(MAX),
            family: if total.nanos == 0 { amount.family } else { total.family },
        })
    }
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        parse(text).ok_or_else(|| NotAQuantity(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Quantity> {
    // The schema lets `-0` pass, which is not negative.
    if let Some(negated) = text.strip_prefix('-') {
        return parse(negated).filter(|amount| amount.nanos == 0 && !negated.starts_with(['-', '+']));
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let end = unsigned.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let (family, base, exponent) = interpret(suffix)?;
    // digits × 10^-fraction.len() × base^exponent, in nanos.
    let digits = whole.bytes().chain(fraction.bytes()).map(|digit| i128::from(digit - b'0'));
    let digits = digits.fold(0_i128, |value, digit| value.saturating_mul(10).saturating_add(digit));
    let mut decimal = 9 - i32::try_from(fraction.len()).ok()?;
    let mut nanos = digits;
    if base == 2 {
        nanos = nanos.saturating_mul(2_i128.saturating_pow(exponent.unsigned_abs()));
    } else {
        decimal += exponent;
    }
    nanos = if decimal >= 0 {
        nanos.saturating_mul(10_i128.saturating_pow(decimal.unsigned_abs()))
    } else {
        // What is too small to be told is rounded up: who wants some gets some.
        10_i128.checked_pow(decimal.unsigned_abs()).map_or(i128::from(nanos > 0), |unit| round_up(nanos, unit) / unit)
    };
    let nanos = nanos.min(MAX);
    let family = if family == Family::Binary && nanos < ONE { Family::Decimal } else { family };
    Some(Quantity { nanos, family })
}

/// Family, base and exponent of a suffix.
fn interpret(suffix: &str) -> Option<(Family, u8, i32)> {
    let decimal = |exponent| Some((Family::Decimal, 10, exponent));
    let binary = |exponent| Some((Family::Binary, 2, exponent));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        other => {
            let digits = other.strip_prefix(['e', 'E'])?;
            let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            // As many digits as the schema's 32 characters hold; what is beyond 99 is all or nothing.
            let valid = !unsigned.is_empty() && unsigned.bytes().all(|digit| digit.is_ascii_digit());
            valid
                .then(|| digits.parse::<i128>().ok())
                .flatten()
                .map(|exponent| (Family::Exponent, 10, i32::try_from(exponent.clamp(-99, 99)).unwrap_or_default()))
        }
    }
}

fn round_up(value: i128, unit: i128) -> i128 {
    value.saturating_add(unit - 1) / unit * unit
}

/// The canonical form: the largest suffix that leaves a whole number.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Below 1024, and where a binary suffix would round, the server writes decimal suffixes.
        if self.family == Family::Binary && self.nanos >= 1024 * ONE && self.is_whole() {
            return write_binary(self.nanos / ONE, out);
        }
        let (mut value, mut exponent) = (self.nanos, -9_i32);
        if value == 0 {
            return out.write_str("0");
        }
        while value % 1000 == 0 && (exponent < 18 || self.family == Family::Exponent) {
            value /= 1000;
            exponent += 3;
        }
        if exponent == 0 {
            return write!(out, "{value}");
        }
        if self.family == Family::Exponent {
            return write!(out, "{value}e{exponent}");
        }
        let suffix = match exponent {
            -9 => "n",
            -6 => "u",
            -3 => "m",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            _ => "E",
        };
        write!(out, "{value}{suffix}")
    }
}

fn write_binary(mut value: i128, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut suffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
    let mut suffix = "";
    while value % 1024 == 0 {
        let Some(next) = suffixes.next() else { break };
        value /= 1024;
        suffix = next;
    }
    write!(out, "{value}{suffix}")
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
            "x-kubernetes-validations": [{
                "rule": "isQuantity(string(self)) && !quantity(string(self)).isLessThan(quantity('0'))",
                "message": "must be a quantity that is not negative, such as 500m, 4 or 160Gi",
            }],
        })
    }
}

#[cfg(test)]
mod tests;
