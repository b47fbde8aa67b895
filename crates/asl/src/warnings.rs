//! What AWS accepts, but its author would want to know: AWS's own three warnings, and ours.

use stepwell_value::Value;
use stepwell_value::json::{Node, Spanned};

use crate::definition::{Pattern, StateType, Target};
use crate::location::At;
use crate::resource;
use crate::site::Site;

/// Looks at one state of a known type.
pub(crate) fn state(site: &mut Site, node: &Spanned, at: &At, state_type: StateType) {
    match state_type {
        StateType::Task => task(site, node, at),
        StateType::Pass if !site.is_jsonata() => pass_result(site, node, at),
        _ => {}
    }
    if !site.is_jsonata() {
        for name in ["Parameters", "ResultSelector", "ItemSelector", "Assign"] {
            if let Some(member) = node.get(name) {
                missing_dollar(site, member, &at.field(name));
            }
        }
        missing_path(site, node, at);
    }
}

fn task(site: &mut Site, node: &Spanned, at: &At) {
    let Some(resource) = node.get("Resource") else { return };
    if node.get("TimeoutSeconds").is_none() && node.get("TimeoutSecondsPath").is_none() {
        let message = "a Task without TimeoutSeconds waits up to 99,999,999 seconds for an answer".to_owned();
        let help = "set `TimeoutSeconds` to what the work may take at most";
        site.warn("MISSING_TIMEOUT", message, at, resource.span, help);
    }
    let Some(Ok(parsed)) = resource.as_str().map(resource::parse) else { return };
    let Target::Integration { pattern, .. } = parsed.target else { return };
    let name = if site.is_jsonata() { "Arguments" } else { "Parameters" };
    let payload = node.get(name);
    let token = payload.is_some_and(|payload| any_string(payload, &reads_token));
    if token && pattern != Pattern::WaitForTaskToken {
        let message = "the task token is read, but the Task does not wait for it: there is no token".to_owned();
        let help = "add `.waitForTaskToken` to `Resource`, or leave the token out";
        site.warn("TASK_TOKEN_NOT_AVAILABLE", message, &at.field("Resource"), resource.span, help);
    }
    // A whole payload that comes from one expression may hold the token already.
    let literal = payload.is_some_and(|payload| matches!(payload.node, Node::Object(_)));
    if !token && literal && pattern == Pattern::WaitForTaskToken {
        let message = "the Task waits for a callback, but nobody is told its token".to_owned();
        let help = if site.is_jsonata() {
            "pass on `{% $states.context.Task.Token %}`"
        } else {
            "pass on `\"TaskToken.$\": \"$$.Task.Token\"`"
        };
        site.warn("TASK_TOKEN_NOT_SENT", message, &at.field("Resource"), resource.span, help);
    }
}

fn reads_token(text: &str) -> bool {
    let whole_context = text == "$$" || text == "$$.Task" || text == "{% $states.context %}";
    whole_context || text.contains("$$.Task.Token") || text.contains("context.Task")
}

/// Whether a test holds for some string in a value.
fn any_string(node: &Spanned, test: &dyn Fn(&str) -> bool) -> bool {
    match &node.node {
        Node::Scalar(Value::String(text)) => test(text),
        Node::Scalar(_) => false,
        Node::Array(items) => items.iter().any(|item| any_string(item, test)),
        Node::Object(members) => members.iter().any(|(_, _, member)| any_string(member, test)),
    }
}

/// AWS's PASS_RESULT_IS_STATIC.
fn pass_result(site: &mut Site, node: &Spanned, at: &At) {
    let Some(result) = node.get("Result") else { return };
    if has_dollar_member(result) {
        let message = "Result is taken literally: members that end in `.$` are not evaluated".to_owned();
        site.warn("PASS_RESULT_IS_STATIC", message, &at.field("Result"), result.span, "use `Parameters` instead");
    }
}

fn has_dollar_member(node: &Spanned) -> bool {
    match &node.node {
        Node::Scalar(_) => false,
        Node::Array(items) => items.iter().any(has_dollar_member),
        Node::Object(members) => {
            members.iter().any(|(name, _, member)| name.ends_with(".$") || has_dollar_member(member))
        }
    }
}

/// AWS's NO_DOLLAR: a member of a template that looks like an expression and is none.
fn missing_dollar(site: &mut Site, node: &Spanned, at: &At) {
    match &node.node {
        Node::Scalar(_) => {}
        Node::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| missing_dollar(site, item, &at.index(index)));
        }
        Node::Object(members) => {
            for (name, key, member) in members {
                let at = at.field(name);
                match member.as_str() {
                    Some(text) if !name.ends_with(".$") && looks_like_path(text) => {
                        let message = format!("the value of '{name}' looks like an expression, but is taken literally");
                        site.warn("NO_DOLLAR", message, &at, *key, &format!("name the member `{name}.$`"));
                    }
                    _ => missing_dollar(site, member, &at),
                }
            }
        }
    }
}

fn looks_like_path(text: &str) -> bool {
    text == "$"
        || text.starts_with("$.")
        || text.starts_with("$[")
        || text.starts_with("$$.")
        || (text.starts_with("States.") && text.contains('(') && text.ends_with(')'))
}

/// AWS's NO_PATH: a field that looks like a path where the `…Path` form is meant.
fn missing_path(site: &mut Site, node: &Spanned, at: &At) {
    for name in ["Error", "Cause", "Timestamp"] {
        if let Some(member) = node.get(name)
            && member.as_str().is_some_and(looks_like_path)
        {
            let message = format!("the value of '{name}' looks like a path, but is taken literally");
            site.warn("NO_PATH", message, &at.field(name), member.span, &format!("use `{name}Path`"));
        }
    }
    if let Some(Spanned { node: Node::Array(rules), .. }) = node.get("Choices") {
        let list_at = at.field("Choices");
        for (index, rule) in rules.iter().enumerate() {
            missing_operand_path(site, rule, &list_at.index(index));
        }
    }
}

fn missing_operand_path(site: &mut Site, rule: &Spanned, at: &At) {
    for (name, _, member) in rule.members() {
        let field = at.field(name);
        match &member.node {
            Node::Object(_) => missing_operand_path(site, member, &field),
            Node::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| {
                    missing_operand_path(site, item, &field.index(index));
                });
            }
            Node::Scalar(_) => {
                let compares = name.starts_with("String") && !name.ends_with("Path");
                if compares && member.as_str().is_some_and(looks_like_path) {
                    let message = format!("the value of '{name}' looks like a path, but is taken literally");
                    site.warn("NO_PATH", message, &field, member.span, &format!("use `{name}Path`"));
                }
            }
        }
    }
}
