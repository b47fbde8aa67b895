//! Numbers that keep their spelling.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A JSON number. Keeps the exact spelling of its source, since AWS passes `1.0` and `1` on as they are written.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer that fits in 64 bits and is written in the ordinary way.
    Int(i64),
    /// A finite number whose shortest spelling is the one it had.
    Float(f64),
    /// Any other spelling (`1.50`, `1e5`, `-0`, an integer of 30 digits), kept letter by letter.
    Literal(Arc<str>),
}

impl Number {
    /// Makes a number from a JSON literal that the caller has checked against the JSON grammar.
    pub fn from_literal(text: &str) -> Number {
        if let Some(int) = short_integer(text) {
            return Number::Int(int);
        }
        if text != "-0"
            && let Ok(int) = text.parse::<i64>()
        {
            return Number::Int(int);
        }
        match text.parse::<f64>() {
            Ok(float) if is_shortest(text, float) || (float.is_finite() && float_text(float) == text) => {
                Number::Float(float)
            }
            _ => Number::Literal(Arc::from(text)),
        }
    }

    /// Makes a number from a float: an integer when it has no fraction and is exactly representable, as AWS prints it.
    /// `None` for NaN and the infinities, which JSON cannot spell.
    pub fn from_f64(float: f64) -> Option<Number> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        if !float.is_finite() {
            return None;
        }
        if float.fract() == 0.0 && float.abs() <= EXACT {
            return Some(Number::Int(float as i64));
        }
        Some(Number::Float(float))
    }

    /// The number as a 64-bit float; an integer beyond 2^53 is rounded.
    pub fn as_f64(&self) -> f64 {
        match self {
            Number::Int(int) => *int as f64,
            Number::Float(float) => *float,
            Number::Literal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// The number as an integer when its value is one (`3`, `3.0`, `3e0`) and fits in 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Number::Int(int) => Some(*int),
            _ => {
                let float = self.as_f64();
                let fits = float.fract() == 0.0 && float.abs() < 9_223_372_036_854_775_808.0;
                fits.then_some(float as i64)
            }
        }
    }

    /// Whether the number is written without fraction and exponent.
    pub fn is_integer_literal(&self) -> bool {
        match self {
            Number::Int(_) => true,
            Number::Float(_) => false,
            Number::Literal(text) => !text.contains(['.', 'e', 'E']),
        }
    }
}

/// An integer of up to 18 digits in the ordinary spelling.
fn short_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    match (value, digits.len() == text.len()) {
        (_, true) => Some(value),
        (0, false) => None, // `-0` is no integer that prints like that
        (_, false) => Some(-value),
    }
}

/// Whether a literal is the shortest spelling of its float for a reason that needs no printing: texts of up to 15 digits
/// belong to different floats (`f64::DIGITS`), so the shortest is the one without needless digits. False when in doubt.
fn is_shortest(text: &str, float: f64) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let Some((whole, fraction)) = digits.split_once('.') else { return false };
    let is_short = whole.len() + fraction.len() <= f64::DIGITS as usize;
    let is_plain = fraction == "0" || fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.ends_with('0');
    is_short && is_plain && (float == 0.0 || float.abs() >= 0.001) // smaller ones are printed with an exponent
}

/// The shortest text that reads back as the same float, always with a fraction or an exponent.
pub(crate) fn float_text(float: f64) -> String {
    format!("{float:?}")
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(int) => write!(out, "{int}"),
            Number::Float(float) => write!(out, "{float:?}"), // as `float_text`
            Number::Literal(text) => out.write_str(text),
        }
    }
}

impl PartialEq for Number {
    /// Numbers are equal by value: `1` equals `1.0`.
    fn eq(&self, other: &Number) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(one), Number::Int(two)) => Some(one.cmp(two)),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Number {
        Number::Int(int)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn number(text: &str) -> Number {
        Number::from_literal(text)
    }

    #[test]
    fn spelling_is_kept() {
        for text in
            ["0", "-0", "1", "1.0", "1.50", "1e5", "1E+5", "0.1", "123456789012345678901234567890", "-7", "1e400"]
        {
            assert_eq!(Number::from_literal(text).to_string(), text);
        }
    }

    /// What is found without printing is what printing finds.
    #[test]
    fn floats_are_those_that_print_as_they_are_spelled() {
        let texts = [
            "0.0",
            "-0.0",
            "0.00",
            "1.0",
            "1.10",
            "-2.5",
            "0.001",
            "0.0001",
            "0.00001",
            "0.30000000000000004",
            "12345678901234.5",
            "123456789012345.6",
            "999999999999999.0",
            "9999999999999999.0",
            "99999999999999999.0",
            "1.5e3",
            "1e-7",
            "0.000123",
            "5e-324",
            "74.125",
        ];
        for text in texts {
            let is_float = format!("{:?}", text.parse::<f64>().unwrap()) == text;
            assert_eq!(matches!(number(text), Number::Float(_)), is_float, "{text}");
        }
        for thousandths in 0..200_000 {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            let is_float = format!("{:?}", text.parse::<f64>().unwrap()) == text;
            assert_eq!(matches!(number(&text), Number::Float(_)), is_float, "{text}");
        }
    }

    #[test]
    fn integers_are_those_of_64_bits() {
        for text in
            ["0", "7", "-1", "999999999999999999", "-999999999999999999", "9223372036854775807", "-9223372036854775808"]
        {
            assert!(matches!(number(text), Number::Int(int) if int.to_string() == text), "{text}");
        }
        for text in ["-0", "9223372036854775808", "-9223372036854775809", "1.0", "1e1"] {
            assert!(!matches!(number(text), Number::Int(_)), "{text}");
        }
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(number("1"), number("1.0"));
        assert_eq!(number("100000"), number("1e5"));
        assert_ne!(number("1"), number("2"));
        assert!(number("9007199254740993") > number("9007199254740992"));
    }

    #[test]
    fn floats_without_fraction_become_integers() {
        assert_eq!(Number::from_f64(3.0).map(|n| n.to_string()), Some("3".to_owned()));
        assert_eq!(Number::from_f64(0.5).map(|n| n.to_string()), Some("0.5".to_owned()));
        assert!(Number::from_f64(f64::NAN).is_none());
    }
}
