//! States.MathAdd, States.MathRandom and States.UUID. Randomness comes from the scope only.

use stepwell_value::{Number, Value};

use super::Arguments;

/// Rounds as `Math.round` of Java does: half up, towards positive infinity. `None` beyond 64 bits.
pub(super) fn rounded(number: &Number) -> Option<i64> {
    if let Number::Int(int) = number {
        return Some(*int);
    }
    let float = number.as_f64();
    let floor = float.floor();
    let rounded = if float - floor >= 0.5 { floor + 1.0 } else { floor };
    (rounded.abs() < 9_223_372_036_854_775_808.0).then_some(rounded as i64)
}

/// States.MathAdd(a, b): each is rounded, then they are added. Recorded: test_math_add.
pub(super) fn add(arguments: &Arguments<'_>) -> Result<Value, String> {
    let sum = arguments.integer(0)?.checked_add(arguments.integer(1)?);
    sum.map(Value::from).ok_or_else(|| "the sum does not fit in 64 bits".to_owned())
}

/// States.MathRandom(start, end, seed): a whole number, `start` included and `end` not. The same seed gives the same
/// number always.
pub(super) fn random(arguments: &Arguments<'_>) -> Result<Value, String> {
    let (start, end) = (arguments.integer(0)?, arguments.integer(1)?);
    let width = end.checked_sub(start).and_then(|width| u64::try_from(width).ok()).filter(|width| *width > 0);
    let width = width.ok_or("the start (argument 1) must be less than the end (argument 2)")?;
    let bits = match arguments.values.get(2) {
        Some(_) => mixed(arguments.integer(2)?.cast_unsigned()),
        None => arguments.scope.random(),
    };
    let offset = (u128::from(bits) * u128::from(width)) >> 64; // less than `width`
    let offset = i64::try_from(offset).map_err(|error| error.to_string())?;
    Ok(Value::from(start.saturating_add(offset)))
}

/// Spreads a seed over 64 bits (splitmix64).
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// States.UUID(): a UUID of version 4.
pub(super) fn uuid(arguments: &Arguments<'_>) -> Result<Value, String> {
    Ok(Value::from(stepwell_value::uuid_v4(arguments.scope.random(), arguments.scope.random()).as_str()))
}
