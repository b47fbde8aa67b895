//! The layout of JSON.

use stepwell_value::JsonError;
use stepwell_value::json::{Node, Span, Spanned, parse_spanned};

use super::WIDTH_MAX;
use super::order::{Member, Role};

/// A definition (or a single state) in canonical layout, with a newline at its end.
///
/// # Errors
/// When the text is no JSON.
pub fn json(text: &str) -> Result<String, JsonError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = parse_spanned(text)?;
    let mut writer = Writer { text, out: String::with_capacity(text.len()) };
    writer.value(&root, Role::of_root(&root), 0, 0);
    writer.out.push('\n');
    Ok(writer.out)
}

struct Writer<'t> {
    text: &'t str,
    out: String,
}

impl Writer<'_> {
    /// Writes a value whose first line begins `column` characters from the margin.
    fn value(&mut self, value: &Spanned, role: Role, level: usize, column: usize) {
        let mut line = String::new();
        // One more for the comma behind it.
        if self.on_one_line(value, role, (WIDTH_MAX - 1).saturating_sub(column), &mut line) {
            self.out.push_str(&line);
            return;
        }
        match &value.node {
            Node::Scalar(_) => self.out.push_str(source(self.text, value.span)),
            Node::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.new_line(index > 0, level + 1);
                    self.value(item, role, level + 1, 2 * (level + 1));
                }
                self.new_line(false, level);
                self.out.push(']');
            }
            Node::Object(members) => self.object(members, role, level),
        }
    }

    fn object(&mut self, members: &[Member], role: Role, level: usize) {
        self.out.push('{');
        for (index, (key, span, value)) in role.sorted(members).into_iter().enumerate() {
            self.new_line(index > 0, level + 1);
            let spelled = source(self.text, *span);
            self.out.push_str(spelled);
            self.out.push_str(": ");
            let column = 2 * (level + 1) + spelled.chars().count() + 2;
            self.value(value, role.of_member(key), level + 1, column);
        }
        self.new_line(false, level);
        self.out.push('}');
    }

    fn new_line(&mut self, comma: bool, level: usize) {
        self.out.push_str(if comma { ",\n" } else { "\n" });
        (0..level).for_each(|_| self.out.push_str("  "));
    }

    /// Puts a value on one line, when it may stand there and has at most so many characters.
    fn on_one_line(&self, value: &Spanned, role: Role, most: usize, line: &mut String) -> bool {
        match &value.node {
            Node::Scalar(_) => line.push_str(source(self.text, value.span)),
            Node::Array(items) if items.is_empty() => line.push_str("[]"),
            Node::Object(members) if members.is_empty() => line.push_str("{}"),
            Node::Array(items) => {
                line.push('[');
                for (index, item) in items.iter().enumerate() {
                    line.push_str(if index > 0 { ", " } else { "" });
                    if matches!(item.node, Node::Object(_)) || !self.on_one_line(item, role, most, line) {
                        return false;
                    }
                }
                line.push(']');
            }
            Node::Object(_) if role.is_tall() => return false,
            Node::Object(members) => {
                line.push_str("{ ");
                for (index, (key, span, value)) in role.sorted(members).into_iter().enumerate() {
                    line.push_str(if index > 0 { ", " } else { "" });
                    line.push_str(source(self.text, *span));
                    line.push_str(": ");
                    if !self.on_one_line(value, role.of_member(key), most, line) {
                        return false;
                    }
                }
                line.push_str(" }");
            }
        }
        line.chars().count() <= most
    }
}

fn source(text: &str, span: Span) -> &str {
    text.get(span.start..span.end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use stepwell_value::json::parse_spanned;

    use super::super::order::is_same;
    use super::json;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let formatted = json(text).unwrap();
        assert_eq!(formatted, expected);
        assert_eq!(json(&formatted).unwrap(), formatted, "formatting twice");
        assert!(is_same(&parse_spanned(text).unwrap(), &parse_spanned(&formatted).unwrap()));
    }

    #[test]
    fn machines_and_states() {
        check(
            r#"{"TimeoutSeconds":5,"States":{"B":{"End":true,"Result":{"z":1.50,"a":["\u00e9", 1e3]},"Type":"Pass"},
                "A":{"Next":"B","X":1,"Comment":"c","Type":"Pass"}},"StartAt":"A","Comment":"m"}"#,
            r#"{
  "Comment": "m",
  "StartAt": "A",
  "States": {
    "B": {
      "Type": "Pass",
      "Result": { "z": 1.50, "a": ["\u00e9", 1e3] },
      "End": true
    },
    "A": {
      "Type": "Pass",
      "Comment": "c",
      "X": 1,
      "Next": "B"
    }
  },
  "TimeoutSeconds": 5
}
"#,
        );
    }

    #[test]
    fn lists_of_objects_are_tall() {
        check(
            r#"{"Type":"Map","ItemProcessor":{"States":{},"StartAt":"A"},
                "Retry":[{"MaxAttempts":1,"ErrorEquals":["A","B"]}],"Catch":[{"Next":"B","ErrorEquals":["A"]}],"End":true}"#,
            r#"{
  "Type": "Map",
  "ItemProcessor": {
    "StartAt": "A",
    "States": {}
  },
  "Retry": [
    { "ErrorEquals": ["A", "B"], "MaxAttempts": 1 }
  ],
  "Catch": [
    { "ErrorEquals": ["A"], "Next": "B" }
  ],
  "End": true
}
"#,
        );
    }

    #[test]
    fn what_does_not_fit_is_broken_up() {
        let long = "x".repeat(60);
        let text = format!(r#"{{"Type":"Pass","Parameters":{{"b":"{long}","a":["{long}","{long}"]}},"End":true}}"#);
        let expected = format!(
            "{{\n  \"Type\": \"Pass\",\n  \"Parameters\": {{\n    \"b\": \"{long}\",\n    \"a\": [\n      \"{long}\",\n      \"{long}\"\n    ]\n  }},\n  \"End\": true\n}}\n"
        );
        check(&text, &expected);
    }

    #[test]
    fn anything_that_is_json_stays_what_it_is() {
        assert_eq!(json("\u{feff}{}").as_deref(), Ok("{}\n"));
        check("[1,[2,{}]]", "[\n  1,\n  [\n    2,\n    {}\n  ]\n]\n");
        check("[1,[2]]", "[1, [2]]\n");
        check(r#"{"a":1,"a":2}"#, "{\n  \"a\": 1,\n  \"a\": 2\n}\n");
        assert!(json("{").is_err());
    }
}
