//! Choice: the first rule whose condition holds decides where to go.

use std::cmp::Ordering as Order;

use stepwell_asl::State;
use stepwell_asl::definition::{ChoiceRule, ChoiceState, Condition, Operand, Operator, Ordering};
use stepwell_query::{JsonPath, Scope, timestamp};
use stepwell_value::{Payload, Value};

use crate::execution::FrameId;
use crate::flow;
use crate::problem::{Fault, Problem};
use crate::states::{Exit, Outcome, Target};
use crate::step::Step;

pub(crate) fn run(step: &mut Step<'_>, id: FrameId, state: &State, choice: &ChoiceState) -> Result<Outcome, Problem> {
    let effective = flow::effective_input(step, id, state)?;
    for rule in &choice.rules {
        if holds(step, id, state, &rule.condition, &effective)? {
            return taken(step, id, state, rule, effective).map(Outcome::Exits);
        }
    }
    let Some(default) = choice.default else {
        let text = "Failed to transition out of the state. The state does not point to a next state.";
        return Err(step.problem(id, Fault::Runtime(text.to_owned())));
    };
    let mut exit = flow::leave(step, id, state, effective, false)?;
    exit.next = Target::State(default);
    Ok(Outcome::Exits(exit))
}

/// Leaves through a rule: its own Assign and Output instead of the state's.
fn taken(step: &Step<'_>, id: FrameId, state: &State, rule: &ChoiceRule, effective: Payload) -> Result<Exit, Problem> {
    let input = flow::raw_input(step, id);
    let output = flow::output(step, id, state, rule.output.as_ref(), &input, None, None)?;
    let assigned = flow::assign(step, id, state, &rule.assign, &effective, None, None)?;
    let output = match output {
        Some(output) => output,
        None if rule.output.is_none() && state.flow.output.is_some() => {
            flow::output(step, id, state, state.flow.output.as_ref(), &input, None, None)?.unwrap_or(effective)
        }
        None => flow::leave(step, id, state, effective, false)?.output,
    };
    Ok(Exit { output, assigned, next: Target::State(rule.next) })
}

fn holds(step: &Step<'_>, id: FrameId, state: &State, condition: &Condition, input: &Payload) -> Result<bool, Problem> {
    match condition {
        Condition::And(parts) => {
            for part in parts {
                if !holds(step, id, state, part, input)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(parts) => {
            for part in parts {
                if holds(step, id, state, part, input)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Not(part) => Ok(!holds(step, id, state, part, input)?),
        Condition::Test { variable, operator, operand } => test(step, id, state, (variable, *operator, operand), input),
        Condition::Jsonata(expression) => match flow::jsonata(step, id, state, expression, "Condition", None, None)? {
            Value::Bool(truth) => Ok(truth),
            other => {
                let fault = flow::unexpected_type("Condition", expression.text(), "boolean", &other);
                Err(step.problem(id, fault))
            }
        },
    }
}

fn test(
    step: &Step<'_>,
    id: FrameId,
    state: &State,
    (variable, operator, operand): (&JsonPath, Operator, &Operand),
    input: &Payload,
) -> Result<bool, Problem> {
    let Some(frame) = step.execution.frames.get(&id) else { return Ok(false) };
    let scope = step.scope(frame, state, input);
    let found = variable.select(&scope);
    if operator == Operator::IsPresent {
        return Ok(found.is_ok() == expected(operand));
    }
    let value = found.map_err(|_| step.problem(id, no_value(variable, "choice state's condition path", input)))?;
    let right = match operand {
        Operand::Literal(literal) => literal.clone(),
        Operand::Path(path) => select_operand(path, &scope)
            .ok_or_else(|| step.problem(id, no_value(path, "choice state's condition path", input)))?,
    };
    Ok(compare(&value, operator, &right))
}

fn select_operand(path: &JsonPath, scope: &dyn Scope) -> Option<Value> {
    path.select(scope).ok()
}

/// The path of a condition leads nowhere, in AWS's words.
fn no_value(path: &JsonPath, what: &str, input: &Payload) -> Fault {
    Fault::Runtime(format!(
        "Invalid path '{}': The {what} references an invalid value. Input: {}",
        path.text(),
        input.text()
    ))
}

fn expected(operand: &Operand) -> bool {
    !matches!(operand, Operand::Literal(Value::Bool(false)))
}

fn compare(left: &Value, operator: Operator, right: &Value) -> bool {
    let is = |truth: bool| truth == !matches!(right, Value::Bool(false));
    match operator {
        Operator::String(ordering) => match (left, right) {
            (Value::String(left), Value::String(right)) => in_order(left.cmp(right), ordering),
            _ => false,
        },
        Operator::StringMatches => match (left, right) {
            (Value::String(text), Value::String(pattern)) => matches_pattern(text, pattern),
            _ => false,
        },
        Operator::Numeric(ordering) => match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                left.partial_cmp(right).is_some_and(|order| in_order(order, ordering))
            }
            _ => false,
        },
        Operator::BooleanEquals => matches!((left, right), (Value::Bool(left), Value::Bool(right)) if left == right),
        Operator::Timestamp(ordering) => match (moment(left), moment(right)) {
            (Some(left), Some(right)) => in_order(left.cmp(&right), ordering),
            _ => false,
        },
        Operator::IsNull => is(left.is_null()),
        Operator::IsPresent => is(true),
        Operator::IsNumeric => is(matches!(left, Value::Number(_))),
        Operator::IsString => is(matches!(left, Value::String(_))),
        Operator::IsBoolean => is(matches!(left, Value::Bool(_))),
        Operator::IsTimestamp => is(moment(left).is_some()),
    }
}

fn moment(value: &Value) -> Option<timestamp::Instant> {
    value.as_str().and_then(timestamp::parse_rfc3339)
}

fn in_order(order: Order, wanted: Ordering) -> bool {
    match wanted {
        Ordering::Equals => order == Order::Equal,
        Ordering::LessThan => order == Order::Less,
        Ordering::GreaterThan => order == Order::Greater,
        Ordering::LessThanEquals => order != Order::Greater,
        Ordering::GreaterThanEquals => order != Order::Less,
    }
}

/// `StringMatches`: `*` stands for any text, `\*` and `\\` for themselves. Linear in the text for each `*`.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let mut parts: Vec<String> = vec![String::new()];
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => parts.push(String::new()),
            _ => {
                let literal = if letter == '\\' { letters.next().unwrap_or('\\') } else { letter };
                if let Some(part) = parts.last_mut() {
                    part.push(literal);
                }
            }
        }
    }
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return text == first;
    }
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in parts.get(1..parts.len() - 1).unwrap_or_default() {
        match rest.find(part.as_str()) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::matches_pattern;

    #[test]
    fn string_matches() {
        for (text, pattern, expected) in [
            ("foo-bar.log", "foo*.log", true),
            ("foo.logs", "foo*.log", false),
            ("a*b", "a\\*b", true),
            ("axb", "a\\*b", false),
            ("", "*", true),
            ("abcabc", "*b*c", true),
            ("ab", "ab*b", false),
            ("zebra", "*e*r*", true),
            ("a\\b", "a\\\\b", true),
        ] {
            assert_eq!(matches_pattern(text, pattern), expected, "{text} {pattern}");
        }
    }
}
