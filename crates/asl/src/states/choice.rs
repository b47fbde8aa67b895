//! Choice.

use stepwell_value::Value;
use stepwell_value::json::{Node, Spanned};

use crate::condition;
use crate::definition::{ChoiceRule, ChoiceState, Condition};
use crate::expression::{Sees, is_delimited};
use crate::location::At;
use crate::site::Site;

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<ChoiceState> {
    site.require(node, at, &["Choices"]);
    let entries = site.array_field(node, at, "Choices")?;
    let list_at = at.field("Choices");
    if entries.is_empty() {
        let span = node.get("Choices").map_or(node.span, |member| member.span);
        site.error("Value cannot be empty", &list_at, span);
    }
    let mut rules = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let at = list_at.index(index);
        if site.object(entry, &at) {
            rules.extend(rule(site, entry, &at));
        }
    }
    let default = site.target(node, at, "Default");
    Some(ChoiceState { rules, default })
}

/// One of the `Choices`: a condition and where it leads.
fn rule(site: &mut Site, node: &Spanned, at: &At) -> Option<ChoiceRule> {
    condition::check_fields(site, node, at, true);
    site.require(node, at, &["Next"]);
    let condition = if site.is_jsonata() { jsonata(site, node, at) } else { condition::compile(site, node, at) };
    let next = site.target(node, at, "Next");
    let assign = site.assign(node, at, Sees::INPUT);
    let output = site.output(node, at, Sees::INPUT);
    Some(ChoiceRule { condition: condition?, next: next?, assign, output })
}

/// `Condition`: an expression, or `true` or `false` itself (recorded: CHOICE_CONDITION_CONSTANT_JSONATA).
fn jsonata(site: &mut Site, node: &Spanned, at: &At) -> Option<Condition> {
    if node.get("Condition").is_none() && condition::is_jsonpath(node) {
        return None; // reported as a rule of the other language
    }
    site.require(node, at, &["Condition"]);
    let member = node.get("Condition")?;
    let field = at.field("Condition");
    match (&member.node, member.as_str()) {
        (Node::Scalar(Value::Bool(truth)), _) => {
            let text = if *truth { "true" } else { "false" };
            site.jsonata(text, &field, member.span, Sees::INPUT).map(Condition::Jsonata)
        }
        (_, Some(text)) if is_delimited(text) => {
            site.jsonata(text, &field, member.span, Sees::INPUT).map(Condition::Jsonata)
        }
        _ => {
            if !site.misses_delimiter(member, &field) {
                let help = "write the condition as `{% … %}`".to_owned();
                site.error_with_help("Expected value of type Boolean", &field, member.span, Some(help));
            }
            None
        }
    }
}
