//! JSONata's functions that plain expressions may call. Each gives up on arguments that it is not sure of.

use std::fmt::Write as _;
use std::sync::Arc;

use stepwell_value::{Map, Value};

use super::evaluate::Evaluation;
use super::got::{GaveUp, Got};

/// A function that plain expressions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Append,
    Average,
    Boolean,
    Ceil,
    Contains,
    Count,
    Exists,
    Floor,
    Join,
    Keys,
    Length,
    Lookup,
    Lowercase,
    Max,
    Merge,
    Min,
    Not,
    Reverse,
    Sort,
    Split,
    String,
    Substring,
    Sum,
    Type,
    Uppercase,
}

/// Names, sorted, with how many arguments leave none to be taken from `$`.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, Function, std::ops::RangeInclusive<usize>)] = &[
    ("abs", Function::Abs, 1..=1), ("append", Function::Append, 2..=2), ("average", Function::Average, 1..=1),
    ("boolean", Function::Boolean, 1..=1), ("ceil", Function::Ceil, 1..=1), ("contains", Function::Contains, 2..=2),
    ("count", Function::Count, 1..=1), ("exists", Function::Exists, 1..=1), ("floor", Function::Floor, 1..=1),
    ("join", Function::Join, 1..=2), ("keys", Function::Keys, 1..=1), ("length", Function::Length, 1..=1),
    ("lookup", Function::Lookup, 2..=2), ("lowercase", Function::Lowercase, 1..=1), ("max", Function::Max, 1..=1),
    ("merge", Function::Merge, 1..=1), ("min", Function::Min, 1..=1), ("not", Function::Not, 1..=1),
    ("reverse", Function::Reverse, 1..=1), ("sort", Function::Sort, 1..=1), ("split", Function::Split, 2..=2),
    ("string", Function::String, 1..=1), ("substring", Function::Substring, 3..=3), ("sum", Function::Sum, 1..=1),
    ("type", Function::Type, 1..=1), ("uppercase", Function::Uppercase, 1..=1),
];

impl Function {
    /// The function of this name, when it may be called with so many arguments.
    pub(super) fn named(name: &str, arguments: usize) -> Option<Function> {
        let index = FUNCTIONS.binary_search_by_key(&name, |(known, ..)| known).ok()?;
        let (_, function, allowed) = FUNCTIONS.get(index)?;
        allowed.contains(&arguments).then_some(*function)
    }
}

/// Calls a function; `count` of `args` are given.
pub(super) fn call<'s>(
    evaluation: &mut Evaluation<'s>,
    function: Function,
    count: usize,
    args: &[Got<'s>; 3],
) -> Result<Got<'s>, GaveUp> {
    let [first, second, third] = args;
    evaluation.work(first.len().unwrap_or(0))?;
    match function {
        Function::Exists => return Ok(Got::Bool(!first.is_undefined())),
        Function::Count => return Ok(Got::Number(first.items().len() as f64)),
        Function::Append => return append(evaluation, first, second),
        _ if count > 1 && (first.is_undefined() || second.is_undefined()) => return Err(GaveUp),
        _ if first.is_undefined() => return Ok(Got::Undefined),
        _ => {}
    }
    match function {
        Function::Sum => Got::number(numbers(first)?.iter().sum()),
        Function::Max => Ok(fold(&numbers(first)?, f64::max)),
        Function::Min => Ok(fold(&numbers(first)?, f64::min)),
        Function::Average => {
            let numbers = numbers(first)?;
            if numbers.is_empty() {
                Ok(Got::Undefined)
            } else {
                Got::number(numbers.iter().sum::<f64>() / numbers.len() as f64)
            }
        }
        Function::Abs => Got::number(first.as_number().ok_or(GaveUp)?.abs()),
        Function::Ceil => Got::number(first.as_number().ok_or(GaveUp)?.ceil()),
        Function::Floor => Got::number(first.as_number().ok_or(GaveUp)?.floor()),
        Function::Boolean => Ok(Got::Bool(first.truth())),
        Function::Not => Ok(Got::Bool(!first.truth())),
        Function::Type => Ok(Got::text(kind(first))),
        Function::Merge => merge(first),
        Function::Keys => keys(first),
        Function::Lookup => lookup(first, second),
        Function::Reverse => reverse(first),
        Function::Sort => sort(first),
        _ => of_text(evaluation, function, count, [first, second, third]),
    }
}

fn of_text<'s>(
    evaluation: &mut Evaluation<'s>,
    function: Function,
    count: usize,
    args: [&Got<'s>; 3],
) -> Result<Got<'s>, GaveUp> {
    let [first, second, third] = args;
    if function == Function::Join {
        return join(evaluation, first, if count > 1 { Some(second) } else { None });
    }
    if function == Function::String {
        if first.as_text().is_some() {
            return Ok(first.clone());
        }
        let mut text = String::new();
        write_text(first, &mut text)?;
        return Ok(Got::text(text));
    }
    let text = first.as_text().ok_or(GaveUp)?;
    evaluation.work_on_text(text.len())?;
    match function {
        Function::Length => Ok(Got::Number(text.chars().count() as f64)),
        Function::Uppercase if text.is_ascii() => Ok(Got::text(text.to_ascii_uppercase())),
        Function::Lowercase if text.is_ascii() => Ok(Got::text(text.to_ascii_lowercase())),
        Function::Contains => Ok(Got::Bool(text.contains(&**second.as_text().ok_or(GaveUp)?))),
        Function::Split => split(evaluation, text, second.as_text().ok_or(GaveUp)?),
        Function::Substring if text.is_ascii() => substring(text, second, third),
        _ => Err(GaveUp),
    }
}

/// Writes a value as JSONata joins it to text; undefined is no text. Gives up on arrays, objects, and numbers that would have
/// to be rounded or need an exponent.
pub(super) fn write_text(got: &Got<'_>, out: &mut String) -> Result<(), GaveUp> {
    /// Numbers are written with 15 digits.
    const EXACT: f64 = 1e15;
    const DIGITS: usize = 15;
    if got.is_undefined() {
        return Ok(());
    }
    if let Some(text) = got.as_text() {
        out.push_str(text);
        return Ok(());
    }
    if let Some(truth) = got.as_bool() {
        out.push_str(if truth { "true" } else { "false" });
        return Ok(());
    }
    if got.is_null() {
        out.push_str("null");
        return Ok(());
    }
    let number = got.as_number().ok_or(GaveUp)?;
    let start = out.len();
    if number == 0.0 || ((1e-6..EXACT).contains(&number.abs())) {
        let number = if number == 0.0 { 0.0 } else { number }; // `-0` is written `0`
        write!(out, "{number}").map_err(|_| GaveUp)?;
        let digits = out.get(start..).unwrap_or("").bytes().filter(u8::is_ascii_digit).count();
        if digits <= DIGITS {
            return Ok(());
        }
    }
    Err(GaveUp)
}

/// The numbers of an array, or the only one.
fn numbers(got: &Got<'_>) -> Result<Vec<f64>, GaveUp> {
    got.items().iter().map(|item| item.as_number().ok_or(GaveUp)).collect()
}

fn fold<'s>(numbers: &[f64], best: fn(f64, f64) -> f64) -> Got<'s> {
    numbers.iter().copied().reduce(best).map_or(Got::Undefined, Got::Number)
}

fn kind(got: &Got<'_>) -> &'static str {
    match got {
        _ if got.is_array() => "array",
        _ if got.as_object().is_some() => "object",
        _ if got.as_text().is_some() => "string",
        _ if got.as_number().is_some() => "number",
        _ if got.as_bool().is_some() => "boolean",
        _ => "null",
    }
}

fn append<'s>(evaluation: &mut Evaluation<'s>, one: &Got<'s>, two: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    if one.is_undefined() {
        return Ok(two.clone());
    }
    if two.is_undefined() {
        return Ok(one.clone());
    }
    let mut items = one.items();
    evaluation.work(items.len() + two.len().unwrap_or(1))?;
    items.extend(two.items());
    Ok(Got::list(items))
}

fn merge<'s>(got: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    let mut merged = Map::default();
    for item in got.items() {
        for (name, member) in item.as_object().ok_or(GaveUp)? {
            merged.insert(Arc::clone(name), member.clone());
        }
    }
    Ok(Got::Made(Value::Object(Arc::new(merged))))
}

fn keys<'s>(got: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    let members = got.as_object().ok_or(GaveUp)?;
    Ok(Got::sequence(members.keys().map(|name| Got::text(Arc::clone(name))).collect()))
}

fn lookup<'s>(got: &Got<'s>, name: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    if got.as_object().is_none() {
        return Err(GaveUp);
    }
    Ok(got.member(name.as_text().ok_or(GaveUp)?))
}

fn reverse<'s>(got: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    let mut items = got.items();
    if items.len() < 2 {
        return Err(GaveUp);
    }
    items.reverse();
    Ok(Got::list(items))
}

/// Numbers, or texts of ASCII, in ascending order.
fn sort<'s>(got: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    let mut items = got.items();
    if items.len() < 2 {
        return Err(GaveUp);
    }
    if items.iter().all(|item| item.as_number().is_some()) {
        items.sort_by(|one, two| one.as_number().partial_cmp(&two.as_number()).unwrap_or(std::cmp::Ordering::Equal));
    } else if items.iter().all(|item| item.as_text().is_some_and(|text| text.is_ascii())) {
        items.sort_by(|one, two| one.as_text().cmp(&two.as_text()));
    } else {
        return Err(GaveUp);
    }
    Ok(Got::list(items))
}

fn join<'s>(evaluation: &mut Evaluation<'s>, list: &Got<'s>, separator: Option<&Got<'s>>) -> Result<Got<'s>, GaveUp> {
    let separator = match separator {
        Some(separator) => &**separator.as_text().ok_or(GaveUp)?,
        None => "",
    };
    let mut joined = String::new();
    for (index, item) in list.items().iter().enumerate() {
        let text = item.as_text().ok_or(GaveUp)?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
        evaluation.work_on_text(separator.len() + text.len())?;
    }
    Ok(Got::text(joined))
}

fn split<'s>(evaluation: &mut Evaluation<'s>, text: &str, separator: &str) -> Result<Got<'s>, GaveUp> {
    if separator.is_empty() {
        return Err(GaveUp);
    }
    let parts: Vec<_> = text.split(separator).map(Got::text).collect();
    evaluation.work(parts.len())?;
    Ok(Got::list(parts))
}

/// `$substring` with three arguments, of a text of ASCII.
fn substring<'s>(text: &str, start: &Got<'s>, length: &Got<'s>) -> Result<Got<'s>, GaveUp> {
    let whole = |got: &Got<'s>| got.as_number().filter(|number| number.fract() == 0.0 && number.abs() < 1e9);
    let (Some(start), Some(length)) = (whole(start), whole(length)) else { return Err(GaveUp) };
    if start < 0.0 || length < 0.0 {
        return Err(GaveUp);
    }
    let (start, length) = (start as usize, length as usize);
    let from = text.get(start.min(text.len())..).unwrap_or("");
    Ok(Got::text(from.get(..length.min(from.len())).unwrap_or("")))
}
