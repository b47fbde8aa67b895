//! Values as Java prints them: AWS's evaluator is written in Java, and `States.Format` and some messages show it.

use std::fmt::Write as _;

use stepwell_value::Value;

/// How deep a value is printed; what lies deeper is left out.
const DEPTH_MAX: usize = 1000;

/// The text of Java's `toString`: strings without quotes, `{Arg1=1, Arg2=[]}` for an object. Recorded: test_format_2.
pub(crate) fn to_text(value: &Value) -> String {
    let mut out = String::new();
    print(value, 0, &mut out);
    out
}

fn print(value: &Value, depth: usize, out: &mut String) {
    match value {
        _ if depth > DEPTH_MAX => out.push('…'),
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}"); // writing to a String cannot fail
        }
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                print(item, depth + 1, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(key);
                out.push('=');
                print(member, depth + 1, out);
            }
            out.push('}');
        }
    }
}

/// The Java class that holds such a value.
pub(crate) fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_integer_literal() => match number.as_i64() {
            Some(int) if i32::try_from(int).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None => "java.math.BigInteger",
        },
        Value::Number(_) => "java.lang.Double",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}
