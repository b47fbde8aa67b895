//! The items in what an `ItemReader` was given to read (`mapItemReaderData`): the content of the file in its own format.

use std::sync::Arc;

use stepwell_asl::definition::ItemReader;
use stepwell_value::Value;

use crate::Failure;
use crate::problem::Problem;

/// What a reader has found.
pub(super) struct Read {
    /// The items: an array.
    pub items: Value,
    /// What `ItemsPointer` selected, where the reader has one.
    pub pointed: Option<Value>,
}

/// The items in `data`. Without data there are none.
///
/// # Errors
/// `States.ItemReaderFailed` when the data is not of the reader's `InputType`.
pub(super) fn items(data: Option<&str>, reader: Option<&ItemReader>) -> Result<Read, Problem> {
    let (Some(data), Some(reader)) = (data, reader) else {
        return Ok(Read { items: Value::array([]), pointed: None });
    };
    let config = |name: &str| reader.config.as_ref().and_then(|config| config.get(name));
    match reader.input_type.as_deref() {
        Some("CSV") => {
            let given = config("CSVHeaders").and_then(Value::as_array).map(|headers| &headers[..]);
            Ok(Read { items: csv(data, delimiter(config("CSVDelimiter")), given), pointed: None })
        }
        Some("JSONL") => {
            let lines = data.lines().filter(|line| !line.trim().is_empty()).map(parse);
            Ok(Read { items: Value::array(lines.collect::<Result<Vec<_>, _>>()?), pointed: None })
        }
        _ => json(data, config("ItemsPointer").and_then(Value::as_str)),
    }
}

fn json(data: &str, pointer: Option<&str>) -> Result<Read, Problem> {
    let whole = parse(data)?;
    let Some(pointer) = pointer else {
        return Ok(Read { items: listed(whole)?, pointed: None });
    };
    let pointed = point(&whole, pointer).ok_or_else(|| {
        failed(format!("The ItemsPointer '{pointer}' does not select anything in the data of the item reader."))
    })?;
    Ok(Read { items: listed(pointed.clone())?, pointed: Some(pointed) })
}

/// The items of an array, or the members of an object.
fn listed(value: Value) -> Result<Value, Problem> {
    match value {
        Value::Array(_) => Ok(value),
        Value::Object(map) => {
            Ok(Value::array(map.iter().map(|(key, value)| {
                Value::object([("Key", Value::String(Arc::clone(key))), ("Value", value.clone())])
            })))
        }
        _ => Err(failed("Attempting to map over non-iterable node.".to_owned())),
    }
}

fn parse(text: &str) -> Result<Value, Problem> {
    Value::parse(text).map_err(|error| failed(format!("The data of the item reader is not valid JSON: {error}")))
}

fn failed(cause: String) -> Problem {
    Problem::ordinary(Failure::new("States.ItemReaderFailed", cause))
}

/// A JSON Pointer (RFC 6901).
fn point(value: &Value, pointer: &str) -> Option<Value> {
    let mut found = value;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        found = match found {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            other => other.get(&part)?,
        };
    }
    Some(found.clone())
}

fn delimiter(name: Option<&Value>) -> char {
    match name.and_then(Value::as_str) {
        Some("PIPE") => '|',
        Some("SEMICOLON") => ';',
        Some("SPACE") => ' ',
        Some("TAB") => '\t',
        _ => ',',
    }
}

/// The rows of a CSV text as objects of strings; the first row names the columns unless names are given.
fn csv(text: &str, delimiter: char, given: Option<&[Value]>) -> Value {
    let mut rows = csv_rows(text, delimiter).into_iter();
    let names: Vec<Arc<str>> = match given {
        Some(names) => names.iter().filter_map(Value::as_str).map(Arc::from).collect(),
        None => rows.next().unwrap_or_default().into_iter().map(Arc::from).collect(),
    };
    let row = |cells: Vec<String>| {
        let cells = cells.into_iter().map(Value::from).chain(std::iter::repeat(Value::from("")));
        Value::object(names.iter().cloned().zip(cells))
    };
    Value::array(rows.map(row))
}

/// Rows and cells (RFC 4180): a quoted cell may hold delimiters, line ends and doubled quotes.
fn csv_rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\r' if !quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other if other == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::items;
    use stepwell_asl::definition::ItemReader;
    use stepwell_value::Value;

    #[track_caller]
    fn check(config: &str, data: &str, expected: &str) {
        let config = Value::parse(config).unwrap();
        let reader = ItemReader {
            action: "getObject".into(),
            parameters: None,
            input_type: config.get("InputType").and_then(Value::as_str).map(Into::into),
            max_items: None,
            config: Some(config),
        };
        let found = match items(Some(data), Some(&reader)) {
            Ok(read) => read.items.to_json(),
            Err(problem) => problem.failure.cause.unwrap().to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn formats() {
        check(r#"{"InputType":"JSON"}"#, "[1, 2]", "[1,2]");
        check(r#"{"InputType":"JSON"}"#, r#"{"a": 1}"#, r#"[{"Key":"a","Value":1}]"#);
        check(r#"{"InputType":"JSON","ItemsPointer":"/a/1"}"#, r#"{"a": [0, [7]]}"#, "[7]");
        check(
            r#"{"InputType":"JSON","ItemsPointer":"/b"}"#,
            "{}",
            "The ItemsPointer '/b' does not select anything in the data of the item reader.",
        );
        check(r#"{"InputType":"JSONL"}"#, "{\"a\":1}\n\n2\n", r#"[{"a":1},2]"#);
        check(
            r#"{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}"#,
            "a,b\r\n1,\"x, \"\"y\"\"\"\n2\n",
            r#"[{"a":"1","b":"x, \"y\""},{"a":"2","b":""}]"#,
        );
        check(
            r#"{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["p"],"CSVDelimiter":"TAB"}"#,
            "1\t2",
            r#"[{"p":"1"}]"#,
        );
    }
}
