//! Every constraint of `bounds.txt`: the least and the greatest value are taken, one beyond is refused in AWS's words.

use stepwell_value::{Number, Value};

use super::validate;
use crate::facts::{Kind, Operation, ShapeId, shape_of};

const ROWS: &str = include_str!("bounds.txt");

/// A row: what a member at a path has to be.
#[derive(Clone, Debug)]
struct Row<'a> {
    operation: &'a str,
    path: &'a str,
    kind: &'a str,
    least: Option<i64>,
    greatest: Option<i64>,
    values: Vec<&'a str>,
    required: bool,
    pattern: Option<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    ROWS.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Row<'_> {
    let (head, pattern) = line.split_once(" pattern ").map_or((line, None), |(head, it)| (head, Some(it)));
    let words: Vec<&str> = head.split(' ').collect();
    let [operation, path, kind, bounds, ..] = words.as_slice() else { panic!("{line}") };
    let (least, greatest) = bounds.split_once("..").unwrap_or_default();
    Row {
        operation,
        path,
        kind,
        least: least.parse().ok(),
        greatest: greatest.parse().ok(),
        values: if *kind == "enum" { bounds.split(',').collect() } else { Vec::new() },
        required: words.get(4) == Some(&"required"),
        pattern,
    }
}

impl Row<'_> {
    /// A value of this length, number of items or amount.
    fn sized(&self, size: i64, all: &[Row<'_>]) -> Value {
        let count = usize::try_from(size).unwrap_or_default();
        match self.kind {
            "range" => Value::Number(Number::Int(size)),
            "items" => {
                let inside = format!("{}.1.member", self.path);
                let mut item = None;
                for row in all.iter().filter(|row| row.operation == self.operation && row.required) {
                    if let Some(rest) = row.path.strip_prefix(&*inside) {
                        item = Some(put(item, rest.trim_start_matches('.'), row.sample(all)));
                    }
                }
                Value::array(std::iter::repeat_n(item.unwrap_or(Value::from("x")), count))
            }
            _ => Value::from("a".repeat(count)),
        }
    }

    /// Something that fits.
    fn sample(&self, all: &[Row<'_>]) -> Value {
        match self.values.first() {
            Some(first) => Value::from(*first),
            None if self.kind == "items" => self.sized(self.least.unwrap_or(0), all),
            None => self.sized(self.least.unwrap_or(0).max(1), all),
        }
    }

    /// The smallest request with this value at the path.
    fn request(&self, value: Value, all: &[Row<'_>]) -> Value {
        let mut body = Value::empty_object();
        for other in all.iter().filter(|row| row.operation == self.operation && row.required) {
            let parent = other.path.rsplit_once('.').map_or("", |(parent, _)| parent);
            if parent.is_empty() || self.path.starts_with(&format!("{parent}.")) {
                body = put(Some(body), other.path, other.sample(all));
            }
        }
        put(Some(body), self.path, value)
    }

    /// What is said first of this value at the path, and of nothing else; `None` when nothing is wrong with it.
    #[track_caller]
    fn told(&self, value: Value, all: &[Row<'_>]) -> Option<String> {
        let error = validate(Operation::find(self.operation).unwrap(), &self.request(value, all)).err()?;
        assert_eq!(error.code, "ValidationException", "{self:?}: {error}");
        let (_, found) = error.message.split_once(" detected: ").unwrap_or_else(|| panic!("{self:?}: {error}"));
        let at = format!(" at '{}' failed to satisfy constraint: ", self.path);
        let rules: Vec<&str> = found.split("; Value").filter_map(|one| Some(one.split_once(&at)?.1)).collect();
        assert_eq!(rules.len(), found.split("; Value").count(), "{self:?}: {error}");
        rules.first().map(|rule| (*rule).to_owned())
    }
}

/// A value with another one put at a path (`a.b.1.member.c`).
fn put(into: Option<Value>, path: &str, value: Value) -> Value {
    if path.is_empty() {
        return value;
    }
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    if name == "1" {
        let first = into.as_ref().and_then(Value::as_array).and_then(|items| items.first().cloned());
        return Value::array([put(first, rest.trim_start_matches("member").trim_start_matches('.'), value)]);
    }
    let members = into.as_ref().and_then(Value::as_object).map(|map| (**map).clone()).unwrap_or_default();
    let inner = members.get(name).cloned();
    let others = members.iter().filter(|(key, _)| &***key != name).map(|(key, value)| (key.clone(), value.clone()));
    Value::object(others.chain([(name.into(), put(inner, rest, value))]))
}

#[test]
fn at_the_bounds_and_beyond() {
    let all = rows();
    for row in &all {
        let say = |what: &str| Some(format!("Member must have {what}"));
        let measure = if row.kind == "range" { "value" } else { "length" };
        for size in [row.least, row.greatest].into_iter().flatten() {
            assert_eq!(row.told(row.sized(size, &all), &all), None, "{row:?} {size}");
        }
        if let Some(greatest) = row.greatest {
            let rule = match row.kind {
                "bytes" => format!("size less than or equal to {greatest} bytes in UTF-8 encoding"),
                _ => format!("{measure} less than or equal to {greatest}"),
            };
            assert_eq!(row.told(row.sized(greatest + 1, &all), &all), say(&rule), "{row:?}");
        }
        if let Some(least) = row.least.filter(|least| *least > 0 || row.kind == "range") {
            let rule = format!("{measure} greater than or equal to {least}");
            assert_eq!(row.told(row.sized(least - 1, &all), &all), say(&rule), "{row:?}");
        }
        for value in &row.values {
            assert_eq!(row.told(Value::from(*value), &all), None, "{row:?} {value}");
        }
        if !row.values.is_empty() {
            let rule = format!("Member must satisfy enum value set: [{}]", row.values.join(", "));
            assert_eq!(row.told(Value::from("none_of_these"), &all), Some(rule), "{row:?}");
        }
        if let Some(pattern) = row.pattern {
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            assert_eq!(row.told(Value::from("ä"), &all), Some(rule), "{row:?}");
        }
        if row.required {
            assert_eq!(row.told(Value::Null, &all), Some("Member must not be null".to_owned()), "{row:?}");
        }
    }
}

/// The file names every constraint of the facts, and no other.
#[test]
fn nothing_is_left_out() {
    let mut found = Vec::new();
    for operation in Operation::all() {
        if let Some(input) = operation.input {
            list(operation.name(), "", input, false, &mut found);
        }
    }
    let expected: Vec<&str> = ROWS.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, expected);
}

fn list(operation: &str, path: &str, shape: ShapeId, required: bool, found: &mut Vec<String>) {
    let shape = shape_of(shape).unwrap();
    let mark = if required { " required" } else { "" };
    let bound = |bound: Option<i64>| bound.map_or(String::new(), |bound| bound.to_string());
    let bounds = format!("{}..{}", bound(shape.min), bound(shape.max));
    let is_bound = bounds != ".." || required;
    let mut tell = |rule: String| found.push(format!("{operation} {path} {rule}"));
    match &shape.kind {
        Kind::Structure(members) => {
            for member in members {
                let path = format!("{path}{}{}", if path.is_empty() { "" } else { "." }, member.name);
                list(operation, &path, member.shape, member.is_required, found);
            }
        }
        Kind::List(member) => {
            if is_bound {
                tell(format!("items {bounds}{mark}"));
            }
            list(operation, &format!("{path}.1.member"), *member, false, found);
        }
        Kind::Text(_, values) if !values.is_empty() => tell(format!("enum {}{mark}", values.join(","))),
        Kind::Text(pattern, _) if is_bound || pattern.is_some() => {
            let kind = if &*shape.name == "SensitiveData" { "bytes" } else { "length" };
            let pattern = pattern.as_ref().map_or(String::new(), |pattern| format!(" pattern {}", pattern.text));
            tell(format!("{kind} {bounds}{mark}{pattern}"));
        }
        Kind::Integer | Kind::Long | Kind::Float if is_bound => tell(format!("range {bounds}{mark}")),
        _ => {}
    }
}
