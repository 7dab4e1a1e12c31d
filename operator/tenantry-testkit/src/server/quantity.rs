//! Quantities (`500m`, `1Gi`) in the canonical form the API server stores. It never rounds but where the API server does: up.

/// One, in billionths.
pub const ONE: i128 = 1_000_000_000;
const DECIMAL: [(i32, &str); 10] =
    [(-9, "n"), (-6, "u"), (-3, "m"), (0, ""), (3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P"), (18, "E")];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

/// The canonical text of a quantity; none if it is not one.
pub fn canonical(text: &str) -> Option<String> {
    let (nanos, family) = parse(text)?;
    Some(format(nanos, family))
}

/// The value in billionths; none if it is no quantity.
pub fn nanos(text: &str) -> Option<i128> {
    parse(text).map(|(nanos, _)| nanos)
}

/// A count as a quantity.
pub fn of_nanos(nanos: i128) -> String {
    format(nanos, Family::Decimal)
}

fn parse(text: &str) -> Option<(i128, Family)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.is_empty() || number == "." || fraction.contains('.') || whole.len() > 20 {
        return None;
    }
    let (multiplier, divisor, family) = scale(suffix)?;
    let fraction = fraction.get(..fraction.len().min(12))?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = digits.checked_mul(ONE)?.checked_mul(multiplier)?;
    let denominator = places.checked_mul(divisor)?;
    let value = numerator / denominator + i128::from(numerator % denominator != 0);
    Some((if negative { -value } else { value }, family))
}

fn scale(suffix: &str) -> Option<(i128, i128, Family)> {
    let power = |exponent: i32| 10_i128.checked_pow(exponent.unsigned_abs());
    let decimal = |exponent: i32, family| {
        if exponent < 0 { Some((1, power(exponent)?, family)) } else { Some((power(exponent)?, 1, family)) }
    };
    if let Some((exponent, _)) = DECIMAL.iter().find(|(_, name)| *name == suffix) {
        return decimal(*exponent, Family::Decimal);
    }
    if let Some(index) = BINARY.iter().position(|name| *name == suffix) {
        return Some((1024_i128.checked_pow(u32::try_from(index).ok()?)?, 1, Family::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
    (-9..=18).contains(&exponent).then(|| decimal(exponent, Family::Exponent))?
}

fn format(nanos: i128, family: Family) -> String {
    if nanos == 0 {
        return "0".to_owned();
    }
    if family == Family::Binary && nanos.abs() >= 1024 * ONE {
        let mut value = nanos / ONE + i128::from(nanos % ONE != 0);
        let mut index = 0;
        while value % 1024 == 0 && index + 1 < BINARY.len() {
            value /= 1024;
            index += 1;
        }
        return format!("{value}{}", BINARY[index]);
    }
    let (mut value, mut index) = (nanos, 0);
    while value % 1000 == 0 && index + 1 < DECIMAL.len() {
        value /= 1000;
        index += 1;
    }
    let (exponent, suffix) = DECIMAL[index];
    match family {
        Family::Exponent if exponent != 0 => format!("{value}e{exponent}"),
        _ => format!("{value}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (given, stored) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("160Gi", "160Gi"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("0", "0"),
            ("1e3", "1e3"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("-500m", "-500m"),
            ("100000n", "100u"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(stored), "{given}");
        }
        for bad in ["", "abc", "1.2.3", "1 Gi", "1gi", "."] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }
}
