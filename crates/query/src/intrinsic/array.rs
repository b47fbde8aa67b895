//! States.Array and the functions on arrays.

use std::collections::BTreeSet;

use stepwell_value::{Number, Value};

use super::{Arguments, RANGE_ITEMS_MAX};

/// States.Array(…): an array of its arguments. Recorded: test_array_0, test_array_2.
pub(super) fn array(arguments: &Arguments<'_>) -> Result<Value, String> {
    Ok(Value::array(arguments.values.iter().cloned()))
}

/// States.ArrayPartition(array, size): arrays of at most so many items. Recorded: test_array_partition.
pub(super) fn partition(arguments: &Arguments<'_>) -> Result<Value, String> {
    let items = arguments.array(0)?;
    let size = usize::try_from(arguments.integer(1)?).ok().filter(|size| *size > 0);
    let size = size.ok_or("argument 2, the size of the parts, must be a positive whole number")?;
    Ok(Value::array(items.chunks(size).map(|part| Value::array(part.iter().cloned()))))
}

/// States.ArrayContains(array, value), by value and deep. Recorded: test_array_contains.
pub(super) fn contains(arguments: &Arguments<'_>) -> Result<Value, String> {
    Ok(Value::Bool(arguments.array(0)?.contains(arguments.get(1))))
}

/// States.ArrayRange(first, last, step), `last` included. Recorded: test_array_range.
pub(super) fn range(arguments: &Arguments<'_>) -> Result<Value, String> {
    let (first, last, step) = (arguments.integer(0)?, arguments.integer(1)?, arguments.integer(2)?);
    if step == 0 {
        return Err("argument 3, the step, must not be 0".to_owned());
    }
    let (mut items, mut next) = (Vec::new(), Some(first));
    while let Some(item) = next.filter(|item| if step > 0 { *item <= last } else { *item >= last }) {
        if items.len() == RANGE_ITEMS_MAX {
            return Err(format!("the range has more than {RANGE_ITEMS_MAX} items"));
        }
        items.push(Value::from(item));
        next = item.checked_add(step);
    }
    Ok(Value::array(items))
}

/// States.ArrayGetItem(array, index), the index from 0.
pub(super) fn get_item(arguments: &Arguments<'_>) -> Result<Value, String> {
    let items = arguments.array(0)?;
    let index = arguments.integer(1)?;
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.cloned().ok_or_else(|| format!("the index {index} is out of range: the array has {} items", items.len()))
}

/// States.ArrayLength(array). Recorded: test_array_length.
pub(super) fn length(arguments: &Arguments<'_>) -> Result<Value, String> {
    i64::try_from(arguments.array(0)?.len()).map(Value::from).map_err(|error| error.to_string())
}

/// States.ArrayUnique(array): the first of all equal items, in their order.
pub(super) fn unique(arguments: &Arguments<'_>) -> Result<Value, String> {
    let mut seen = BTreeSet::new();
    Ok(Value::array(arguments.array(0)?.iter().filter(|item| seen.insert(canonical(item))).cloned()))
}

/// A text that is the same for equal values only, so that uniqueness does not compare each with each.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(Number::from)
            .filter(|int| int == number)
            .or_else(|| Some(number.as_f64()).filter(|float| float.is_finite()).map(Number::Float))
            .unwrap_or_else(|| number.clone())
            .to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let mut texts: Vec<String> = members
                .iter()
                .map(|(key, member)| format!("{}:{}", Value::String(key.clone()), canonical(member)))
                .collect();
            texts.sort_unstable();
            format!("{{{}}}", texts.join(","))
        }
        scalar => scalar.to_json(),
    }
}
