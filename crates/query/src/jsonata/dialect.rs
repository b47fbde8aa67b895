//! The functions Step Functions adds to JSONata, and those of JSONata that depend on the moment of evaluation.

use std::cell::Cell;
use std::rc::Rc;

use jsonata_core::evaluator::{Evaluator, EvaluatorError, HostFnResult};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use stepwell_value::{Timestamp, Value};

use super::convert;
use super::reads::WHOLE;

/// What a function may know of the outside: handed in, so that a step is deterministic.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// The time of the step.
    pub now: Timestamp,
    /// Where the random bits of this evaluation start.
    pub random: Rc<Cell<u64>>,
    /// The longest sequence a function may make.
    pub sequence_length_max: usize,
}

impl Moment {
    /// The next 64 random bits (SplitMix64).
    fn random_bits(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Functions that this module supplies, sorted.
const OURS: &[&str] =
    &["clone", "eval", "hash", "millis", "now", "parse", "partition", "random", "range", "shuffle", "uuid"];

/// Functions of JSONata that the engine supplies, sorted, with the number of arguments they take at most.
#[rustfmt::skip]
const ENGINE: &[(&str, usize)] = &[
    ("abs", 1), ("append", 2), ("assert", 2), ("average", 1), ("base64decode", 1), ("base64encode", 1), ("boolean", 1),
    ("ceil", 1), ("contains", 2), ("count", 1), ("decodeUrl", 1), ("decodeUrlComponent", 1), ("distinct", 1), ("each", 2),
    ("encodeUrl", 1), ("encodeUrlComponent", 1), ("error", 1), ("exists", 1), ("filter", 2), ("floor", 1),
    ("formatBase", 2), ("formatInteger", 2), ("formatNumber", 3), ("fromMillis", 3), ("join", 2), ("keys", 1),
    ("length", 1), ("lookup", 2), ("lowercase", 1), ("map", 2), ("match", 3), ("max", 1), ("merge", 1), ("min", 1),
    ("not", 1), ("number", 1), ("pad", 3), ("parseInteger", 2), ("power", 2), ("reduce", 3), ("replace", 4), ("reverse", 1),
    ("round", 2), ("sift", 2), ("single", 2), ("sort", 2), ("split", 3), ("spread", 1), ("sqrt", 1), ("string", 1),
    ("substring", 3), ("substringAfter", 2), ("substringBefore", 2), ("sum", 1), ("toMillis", 2), ("trim", 1), ("type", 1),
    ("uppercase", 1), ("zip", 255),
];

/// How many arguments a function of JSONata takes at most.
pub(super) fn arguments_max(name: &str) -> Option<usize> {
    let index = ENGINE.binary_search_by_key(&name, |(known, _)| known).ok()?;
    ENGINE.get(index).map(|(_, arguments)| *arguments)
}

/// Whether a name is a function of JSONata or of Step Functions. `$eval` counts, though calling it is an error.
pub(super) fn is_function(name: &str) -> bool {
    is_ours(name) || arguments_max(name).is_some()
}

/// Whether a function of this name reads the clock or random bits, or is otherwise supplied by this module.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.binary_search(&name).is_ok()
}

/// Teaches the evaluator one of our functions; does nothing for any other name.
///
/// # Errors
/// When the engine refuses the name, which would be a bug of ours.
pub(super) fn register(evaluator: &mut Evaluator, name: &str, moment: &Moment) -> Result<(), EvaluatorError> {
    let moment = moment.clone();
    match name {
        "clone" => evaluator.register_fn(name, clone),
        "eval" => evaluator.register_fn_override(name, |_: &[JValue]| no_eval()),
        "hash" => evaluator.register_fn(name, hash),
        "millis" => evaluator.register_fn_override(name, move |_: &[JValue]| Ok(millis(moment.now))),
        "now" => evaluator.register_fn_override(name, move |args: &[JValue]| now(args, moment.now)),
        "parse" => evaluator.register_fn(name, parse),
        "partition" => evaluator.register_fn(name, partition),
        "random" => evaluator.register_fn_override(name, move |args: &[JValue]| random(args, &moment)),
        "range" => evaluator.register_fn(name, move |args: &[JValue]| range(args, moment.sequence_length_max)),
        "shuffle" => evaluator.register_fn_override(name, move |args: &[JValue]| shuffle(args, &moment)),
        "uuid" => evaluator.register_fn(name, move |_: &[JValue]| Ok(uuid(&moment))),
        _ => Ok(()),
    }
}

fn fault(code: &str, message: &str) -> EvaluatorError {
    EvaluatorError::EvaluationError(format!("{code}: {message}"))
}

fn bad_argument(function: &str, index: usize) -> EvaluatorError {
    fault("T0410", &format!("Argument {index} of function {function} does not match function signature"))
}

/// The argument at `index` (from 0); undefined when it is not given.
fn argument(args: &[JValue], index: usize) -> &JValue {
    args.get(index).unwrap_or(&JValue::Undefined)
}

/// A number argument without its fraction, as AWS takes it; `None` when undefined.
fn whole_number(args: &[JValue], index: usize, function: &str) -> Result<Option<i64>, EvaluatorError> {
    match argument(args, index) {
        JValue::Undefined => Ok(None),
        JValue::Number(float) if float.is_finite() => Ok(Some(*float as i64)),
        _ => Err(bad_argument(function, index + 1)),
    }
}

/// A string argument; `None` when undefined.
fn text<'a>(args: &'a [JValue], index: usize, function: &str) -> Result<Option<&'a str>, EvaluatorError> {
    match argument(args, index) {
        JValue::Undefined => Ok(None),
        JValue::String(text) => Ok(Some(text)),
        _ => Err(bad_argument(function, index + 1)),
    }
}

/// `$clone(value)` of an object or an array, which is the same value: nothing here changes one in place.
fn clone(args: &[JValue]) -> HostFnResult {
    match argument(args, 0) {
        value @ (JValue::Undefined | JValue::Object(_) | JValue::Array(_)) => Ok(value.clone()),
        _ => Err(bad_argument("clone", 1)),
    }
}

/// `$eval` is not there on AWS: calling it is calling nothing.
fn no_eval() -> HostFnResult {
    Err(fault("T1006", "Attempted to invoke a non-function"))
}

fn millis(now: Timestamp) -> JValue {
    JValue::Number(now.0 as f64)
}

/// `$now([picture[, timezone]])`
fn now(args: &[JValue], now: Timestamp) -> HostFnResult {
    if args.len() > 2 {
        return Err(bad_argument("now", 3));
    }
    let (picture, timezone) = (text(args, 0, "now")?, text(args, 1, "now")?);
    if picture.is_none() && timezone.is_none() {
        return Ok(JValue::from(now.to_rfc3339()));
    }
    let format = parser::parse("$fromMillis($millis, $picture, $timezone)")
        .map_err(|error| EvaluatorError::EvaluationError(error.to_string()))?;
    let mut context = jsonata_core::evaluator::Context::new();
    context.bind("millis".to_owned(), millis(now));
    context.bind("picture".to_owned(), argument(args, 0).clone());
    context.bind("timezone".to_owned(), argument(args, 1).clone());
    Evaluator::with_context(context).evaluate(&format, &JValue::Undefined)
}

/// `$hash(text, algorithm)`: lower-case hexadecimal digits.
fn hash(args: &[JValue]) -> HostFnResult {
    let (Some(data), Some(algorithm)) = (text(args, 0, "hash")?, text(args, 1, "hash")?) else {
        return Ok(JValue::Undefined);
    };
    let digits = match algorithm {
        "MD5" => hex(&Md5::digest(data)),
        "SHA-1" => hex(&Sha1::digest(data)),
        "SHA-256" => hex(&Sha256::digest(data)),
        "SHA-384" => hex(&Sha384::digest(data)),
        "SHA-512" => hex(&Sha512::digest(data)),
        _ => return Err(bad_argument("hash", 2)),
    };
    Ok(JValue::from(digits))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| DIGITS.get(usize::from(four)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// `$parse(text)`: the value a JSON text stands for.
fn parse(args: &[JValue]) -> HostFnResult {
    let Some(json) = text(args, 0, "parse")? else {
        return Ok(JValue::Undefined);
    };
    let value = Value::parse(json)
        .map_err(|error| EvaluatorError::EvaluationError(format!("$parse: the text is not JSON: {error}")))?;
    Ok(convert::to_engine(&value, &WHOLE))
}

/// `$partition(array, size)`: an array of arrays of `size` items, the last one maybe shorter.
fn partition(args: &[JValue]) -> HostFnResult {
    let Some(size) = whole_number(args, 1, "partition")? else {
        return Ok(JValue::Undefined);
    };
    let array = match argument(args, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items.to_vec(),
        single => vec![single.clone()],
    };
    match usize::try_from(size) {
        Err(_) => Err(bad_argument("partition", 2)),
        Ok(0) => Ok(JValue::Undefined),
        Ok(size) => Ok(JValue::array(array.chunks(size).map(|chunk| JValue::array(chunk.to_vec())).collect())),
    }
}

/// `$range(first, last, step)`: a sequence, so that a single number stands alone (recorded: test_array_range).
fn range(args: &[JValue], length_max: usize) -> HostFnResult {
    let numbers = (whole_number(args, 0, "range")?, whole_number(args, 1, "range")?, whole_number(args, 2, "range")?);
    let (Some(first), Some(last), Some(step)) = numbers else {
        return Ok(JValue::Undefined);
    };
    let (first, last, step) = (i128::from(first), i128::from(last), i128::from(step));
    if step == 0 || (last - first).signum() * step.signum() < 0 {
        return Ok(JValue::sequence(Vec::new()));
    }
    let length = (last - first) / step + 1;
    if length > length_max as i128 {
        return Err(fault("D2015", "The maximum sequence length was exceeded."));
    }
    let numbers = (0..length).map(|index| JValue::Number((first + index * step) as f64));
    Ok(JValue::sequence(numbers.collect()))
}

/// `$random([seed])`: with a seed the first number of Java's generator, as AWS answers.
fn random(args: &[JValue], moment: &Moment) -> HostFnResult {
    let float = match whole_number(args, 0, "random")? {
        Some(seed) => java_random(seed),
        None => (moment.random_bits() >> 11) as f64 / (1_u64 << 53) as f64,
    };
    Ok(JValue::Number(float))
}

/// The first `nextDouble()` of `java.util.Random(seed)`.
fn java_random(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed as u64 ^ MULTIPLIER) & MASK;
    let mut next = |bits: u32| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        state >> (48 - bits)
    };
    let high = next(26);
    ((high << 27) + next(27)) as f64 / (1_u64 << 53) as f64
}

/// `$shuffle(array)` (Fisher–Yates)
fn shuffle(args: &[JValue], moment: &Moment) -> HostFnResult {
    let mut items = match argument(args, 0) {
        JValue::Undefined => return Ok(JValue::Undefined),
        JValue::Array(items) => items.to_vec(),
        single => vec![single.clone()],
    };
    for index in (1..items.len()).rev() {
        let other = moment.random_bits() % (index as u64 + 1);
        items.swap(index, usize::try_from(other).unwrap_or(index));
    }
    Ok(JValue::array(items))
}

/// `$uuid()`: version 4.
fn uuid(moment: &Moment) -> JValue {
    JValue::from(stepwell_value::uuid_v4(moment.random_bits(), moment.random_bits()))
}

#[cfg(test)]
mod tests {
    use super::{ENGINE, OURS, java_random};

    #[test]
    fn names_are_sorted() {
        assert!(OURS.is_sorted() && ENGINE.is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn seeded_random_is_java_s() {
        assert_eq!(java_random(42), 0.727_563_680_032_868_1);
    }
}
