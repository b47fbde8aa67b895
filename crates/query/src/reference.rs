//! Reference paths: the JSONPaths that name exactly one place, which `ResultPath` writes to.

use std::sync::Arc;

use stepwell_value::{Map, Value};

use crate::path::{JsonPath, PathSyntaxError, Root, Step};

/// A parsed reference path. Only names and indexes; `@`, `,`, `:`, `?` and `*` are refused.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath {
    path: JsonPath,
}

/// Why a value could not be written to the place a reference path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotSet {
    /// What is wrong, in AWS's words where they are known.
    pub reason: String,
}

/// Marks a step that the data does not allow.
struct Blocked;

impl ReferencePath {
    /// Parses a reference path.
    ///
    /// # Errors
    /// When the text is no reference path.
    pub fn parse(text: &str) -> Result<ReferencePath, PathSyntaxError> {
        let path = JsonPath::parse(text)?;
        let fault = |message: &str| Err(PathSyntaxError { message: message.to_owned(), offset: 0 });
        if path.root() != Root::Input {
            return fault("a reference path begins with `$.` or `$[`, not with the context object or a variable");
        }
        let is_reference = path.steps().iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        if !is_reference || path.has_call() {
            return fault(
                "a reference path names one place: only names and indexes, without `@`, `,`, `:`, `?`, `*`, `..`",
            );
        }
        Ok(ReferencePath { path })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        self.path.text()
    }

    /// Whether this is `$`.
    pub fn is_whole(&self) -> bool {
        self.path.is_whole()
    }

    /// A copy of `root` in which the place holds `new`; missing objects on the way are made. An index names an item that
    /// exists, a negative one counted from the end.
    ///
    /// # Errors
    /// When something on the way is neither object nor array, or an index is out of range.
    pub fn set(&self, root: &Value, new: Value) -> Result<Value, CannotSet> {
        write(Some(root), self.path.steps(), new).map_err(|Blocked| CannotSet {
            reason: format!("Unable to apply ReferencePath {} to input {root}", self.text()),
        })
    }
}

/// The value that stands where `old` stood. Shares everything beside the way with the old value.
fn write(old: Option<&Value>, steps: &[Step], new: Value) -> Result<Value, Blocked> {
    let Some((step, rest)) = steps.split_first() else { return Ok(new) };
    match (step, old) {
        (Step::Name(name), None) => {
            let mut members = Map::default();
            members.insert(Arc::clone(name), write(None, rest, new)?);
            Ok(Value::Object(Arc::new(members)))
        }
        (Step::Name(name), Some(Value::Object(members))) => {
            let member = write(members.get(name), rest, new)?;
            let mut members = Map::clone(members);
            members.insert(Arc::clone(name), member);
            Ok(Value::Object(Arc::new(members)))
        }
        (Step::Index(index), Some(Value::Array(items))) => {
            let place = place_of(*index, items.len()).ok_or(Blocked)?;
            let item = write(items.get(place), rest, new)?;
            let mut items = Vec::clone(items);
            *items.get_mut(place).ok_or(Blocked)? = item;
            Ok(Value::Array(Arc::new(items)))
        }
        _ => Err(Blocked),
    }
}

fn place_of(index: i64, length: usize) -> Option<usize> {
    let from_end = if index < 0 { i64::try_from(length).ok()? } else { 0 };
    usize::try_from(index + from_end).ok().filter(|place| *place < length)
}

#[cfg(test)]
mod tests {
    use stepwell_value::Value;

    use super::ReferencePath;

    #[track_caller]
    fn check(path: &str, root: &str, expected: Result<&str, &str>) {
        let path = ReferencePath::parse(path).unwrap();
        let root = Value::parse(root).unwrap();
        let result = path.set(&root, Value::from("new")).map(|value| value.to_json()).map_err(|error| error.reason);
        assert_eq!(result, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn set() {
        check("$", r#"{"a":1}"#, Ok(r#""new""#));
        check("$.a", r#"{"a":1,"b":2}"#, Ok(r#"{"a":"new","b":2}"#));
        check("$.c", r#"{"a":1,"b":2}"#, Ok(r#"{"a":1,"b":2,"c":"new"}"#));
        check("$.a.b.c", r#"{"z":1}"#, Ok(r#"{"z":1,"a":{"b":{"c":"new"}}}"#));
        check("$.a.b", r#"{"a":{"b":{"c":1},"d":2}}"#, Ok(r#"{"a":{"b":"new","d":2}}"#));
        check("$['a b'].c", "{}", Ok(r#"{"a b":{"c":"new"}}"#));
        check("$.a[1]", r#"{"a":[1,2,3]}"#, Ok(r#"{"a":[1,"new",3]}"#));
        check("$[-1].x", r#"[1,{"y":2}]"#, Ok(r#"[1,{"y":2,"x":"new"}]"#));
    }

    #[test]
    fn what_cannot_be_set() {
        let blocked = |path: &str, root: &str| {
            check(path, root, Err(&format!("Unable to apply ReferencePath {path} to input {root}")));
        };
        blocked("$.a.b", r#"{"a":1}"#);
        blocked("$.a.b", r#"{"a":null}"#);
        blocked("$.a", r#""text""#);
        blocked("$.a", "[1]");
        blocked("$[0]", r#"{"a":1}"#);
        blocked("$.a[3]", r#"{"a":[1,2,3]}"#);
        blocked("$.a[-4]", r#"{"a":[1,2,3]}"#);
        blocked("$.a[0]", "{}");
    }

    #[test]
    fn what_is_no_reference_path() {
        for text in [
            "",
            "a",
            "$$",
            "$$.a",
            "$x",
            "$.a[*]",
            "$.*",
            "$..a",
            "$.a[0,1]",
            "$['a','b']",
            "$[1:2]",
            "$[?(@.a)]",
            "$.a.length()",
        ] {
            assert!(ReferencePath::parse(text).is_err(), "{text}");
        }
    }
}
