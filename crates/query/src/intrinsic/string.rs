//! States.Format and States.StringSplit.

use std::sync::Arc;

use stepwell_value::Value;

use super::Arguments;
use crate::java;

/// States.Format(template, …): each `{}` replaced by an argument as Java prints it. Recorded: test_format_1, test_format_2.
pub(super) fn format(arguments: &Arguments<'_>) -> Result<Value, String> {
    let cut;
    let pieces = match arguments.template {
        Some(pieces) => pieces,
        None => {
            cut = cut_at_places(arguments.text(0)?);
            &cut
        }
    };
    let values = arguments.values.get(1..).unwrap_or(&[]);
    let places = pieces.len().saturating_sub(1);
    if values.len() != places {
        return Err(format!("the template has {places} times `{{}}`, but there are {} values for them", values.len()));
    }
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        out.push_str(piece);
        if let Some(value) = values.get(index) {
            out.push_str(&java::to_text(value));
        }
    }
    Ok(Value::from(out))
}

/// Cuts a template that is only known now; a backslash before a brace takes its meaning away.
fn cut_at_places(template: &str) -> Vec<Arc<str>> {
    let (mut pieces, mut piece, mut rest) = (Vec::new(), String::new(), template);
    while let Some(at) = rest.find(['\\', '{']) {
        let (before, found) = rest.split_at(at);
        piece.push_str(before);
        rest = if let Some(after) = found.strip_prefix("{}") {
            pieces.push(Arc::from(std::mem::take(&mut piece)));
            after
        } else if let Some(after) = found.strip_prefix("\\{") {
            piece.push('{');
            after
        } else if let Some(after) = found.strip_prefix("\\}") {
            piece.push('}');
            after
        } else {
            let (plain, after) = found.split_at(1); // a backslash or a brace, one byte each
            piece.push_str(plain);
            after
        };
    }
    piece.push_str(rest);
    pieces.push(Arc::from(piece));
    pieces
}

/// States.StringSplit(text, delimiters): every character of the second argument separates, and empty parts are dropped.
/// Recorded: test_string_split.
pub(super) fn split(arguments: &Arguments<'_>) -> Result<Value, String> {
    let (text, delimiters) = (arguments.text(0)?, arguments.text(1)?);
    let parts = text.split(|found| delimiters.contains(found)).filter(|part| !part.is_empty());
    Ok(Value::array(parts.map(Value::from)))
}
