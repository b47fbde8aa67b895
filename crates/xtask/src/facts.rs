//! The public service model of Step Functions, reduced to facts.
//!
//! botocore's `service-2.json` holds prose, HTTP bindings and hints for clients. What a server needs is smaller:
//! operations (input, output, errors, idempotent, hostPrefix) and shapes (types and constraints). The file written is
//! sorted as the source is, one operation or shape per line, so that a new version of the model is a readable diff.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

/// Shape traits that are kept as they are.
const SHAPE_TRAITS: [&str; 9] = ["type", "required", "min", "max", "pattern", "enum", "sensitive", "exception", "box"];

/// Reads the service model and rewrites `crates/model/facts/states.json`.
///
/// # Errors
/// When the file cannot be read, is no service model, or the facts cannot be written.
pub fn rewrite(source: &Path) -> Result<String, String> {
    let text = read(source)?;
    let model: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", source.display()))?;
    let facts = reduce(&model).ok_or_else(|| format!("{}: this is not a service model", source.display()))?;
    let target = target();
    std::fs::write(&target, print(&facts)).map_err(|error| format!("{}: {error}", target.display()))?;
    Ok(format!("wrote {}", target.display()))
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/facts/states.json")
}

/// The text of a model, packed or not.
pub(crate) fn read(source: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("{}: {error}", source.display());
    if source.extension().is_none_or(|extension| extension != "gz") {
        return std::fs::read_to_string(source).map_err(told);
    }
    let output = Command::new("gzip").arg("-dc").arg(source).output().map_err(told)?;
    String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", source.display()))
}

/// Keeps what a server needs of a service model; `None` when the value is not one.
fn reduce(model: &Value) -> Option<Value> {
    let metadata = model.get("metadata")?;
    let mut kept = Map::new();
    for name in ["apiVersion", "serviceId", "endpointPrefix", "targetPrefix", "jsonVersion", "signatureVersion"] {
        kept.insert(name.to_owned(), metadata.get(name)?.clone());
    }
    let operations = reduced(model.get("operations")?, operation)?;
    let shapes = reduced(model.get("shapes")?, shape)?;
    Some(json!({ "metadata": kept, "operations": operations, "shapes": shapes }))
}

fn reduced(table: &Value, each: fn(&Value) -> Value) -> Option<Value> {
    Some(Value::Object(table.as_object()?.iter().map(|(name, entry)| (name.clone(), each(entry))).collect()))
}

fn operation(operation: &Value) -> Value {
    let mut facts = Map::new();
    for direction in ["input", "output"] {
        if let Some(shape) = operation.pointer(&format!("/{direction}/shape")) {
            facts.insert(direction.to_owned(), shape.clone());
        }
    }
    let errors = operation.get("errors").and_then(Value::as_array);
    let errors: Vec<Value> = errors.into_iter().flatten().map(reference).collect();
    facts.insert("errors".to_owned(), Value::Array(errors));
    if let Some(idempotent) = operation.get("idempotent") {
        facts.insert("idempotent".to_owned(), idempotent.clone());
    }
    if let Some(prefix) = operation.pointer("/endpoint/hostPrefix") {
        facts.insert("hostPrefix".to_owned(), prefix.clone());
    }
    Value::Object(facts)
}

fn shape(shape: &Value) -> Value {
    let mut facts = Map::new();
    for name in SHAPE_TRAITS {
        if let Some(value) = shape.get(name) {
            facts.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(members) = shape.get("members").and_then(Value::as_object) {
        let members = members.iter().map(|(name, member)| (name.clone(), reference(member))).collect();
        facts.insert("members".to_owned(), Value::Object(members));
    }
    for name in ["member", "key", "value"] {
        if let Some(member) = shape.get(name) {
            facts.insert(name.to_owned(), reference(member));
        }
    }
    Value::Object(facts)
}

/// `{"shape": "Name", …}` → `"Name"`.
fn reference(member: &Value) -> Value {
    member.get("shape").cloned().unwrap_or(Value::Null)
}

/// One line per entry of each table.
pub(crate) fn print(facts: &Value) -> String {
    let mut tables = Vec::new();
    for (name, table) in facts.as_object().into_iter().flatten() {
        let entries = table.as_object().into_iter().flatten();
        let lines: Vec<String> = entries.map(|(key, entry)| format!("    {}: {entry}", json!(key))).collect();
        tables.push(format!("  {}: {{\n{}\n  }}", json!(name), lines.join(",\n")));
    }
    format!("{{\n{}\n}}\n", tables.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::{print, reduce};
    use serde_json::json;

    #[test]
    fn prose_and_bindings_are_left_out() {
        let model = json!({
            "metadata": {"apiVersion": "1", "serviceId": "S", "endpointPrefix": "s", "targetPrefix": "T",
                "jsonVersion": "1.0", "signatureVersion": "v4", "uid": "s-1"},
            "operations": {"Do": {"name": "Do", "http": {"method": "POST"}, "input": {"shape": "DoInput"},
                "errors": [{"shape": "Bad"}], "documentation": "<p>", "endpoint": {"hostPrefix": "sync-"}}},
            "shapes": {
                "DoInput": {"type": "structure", "required": ["a"],
                    "members": {"a": {"shape": "Name", "documentation": "<p>"}}, "documentation": "<p>"},
                "Name": {"type": "string", "max": 80, "sensitive": true}},
            "documentation": "<p>"
        });
        let facts = reduce(&model).unwrap();
        let expected = json!({
            "metadata": {"apiVersion": "1", "serviceId": "S", "endpointPrefix": "s", "targetPrefix": "T",
                "jsonVersion": "1.0", "signatureVersion": "v4"},
            "operations": {"Do": {"input": "DoInput", "errors": ["Bad"], "hostPrefix": "sync-"}},
            "shapes": {
                "DoInput": {"type": "structure", "required": ["a"], "members": {"a": "Name"}},
                "Name": {"type": "string", "max": 80, "sensitive": true}}
        });
        assert_eq!(facts, expected);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&print(&facts)).unwrap(), expected);
    }
}
