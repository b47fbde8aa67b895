//! Finding the part of an expression that an error comes from, to name its values in the message.
//!
//! The engine does not say where an error arose. Here parts are evaluated again, alone, from the outside inwards, until no
//! child fails in the same way. Only parts that see the same context as the whole can be tried: what runs per item of a path
//! or inside a function is not looked into. This happens on the way to an error message only, and a bounded number of times.

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::value::{JValue, with_stack};

use super::convert;
use super::dialect;
use super::engine::{Fault, Session};
use super::errors::{self, Parts};
use super::limits::Limits;
use super::tree::{Place, for_each_child};

/// How many parts are evaluated again at most.
const ATTEMPTS_MAX: usize = 200;

/// The message of a fault that evaluating `ast` raised.
pub(super) fn explain(session: &mut Session, ast: &AstNode, fault: &Fault) -> String {
    let mut parts = errors::known_parts(fault);
    if fault.code == "T2009"
        && let Some([one, two]) = &session.mismatch
    {
        parts.extend([("value", one.to_json()), ("value2", two.to_json())]);
        return errors::fill(&fault.code, &parts);
    }
    if !needs_blame(&fault.code) {
        return errors::fill(&fault.code, &parts);
    }
    let mut search = Search { session, fault, before: Vec::new(), operator: None, attempts_left: ATTEMPTS_MAX };
    let culprit = search.culprit(ast);
    let more = search.parts_of(culprit);
    if more.iter().any(|(name, _)| *name == "index") {
        parts.clear(); // the engine counts surplus arguments differently
    }
    if let Some(operator) = search.operator {
        parts.retain(|(name, _)| *name != "token");
        parts.push(("token", errors::quoted(operator)));
    }
    for (name, text) in more {
        if !parts.iter().any(|(known, _)| *known == name) {
            parts.push((name, text));
        }
    }
    let lacks_values =
        matches!(fault.code.as_str(), "T2007" | "T2009") && parts.iter().all(|(name, _)| *name != "value2");
    if lacks_values { fault.message.clone() } else { errors::fill(&fault.code, &parts) }
}

/// Whether the message of this code has parts that the engine's words may lack.
fn needs_blame(code: &str) -> bool {
    matches!(
        code,
        "T0410"
            | "T0411"
            | "T0412"
            | "T2001"
            | "T2002"
            | "T2007"
            | "T2009"
            | "T2010"
            | "D1002"
            | "D2014"
            | "D3030"
            | "D3110"
    )
}

struct Search<'s> {
    session: &'s mut Session,
    fault: &'s Fault,
    /// What the blocks around the part evaluate before it.
    before: Vec<AstNode>,
    /// The outermost `and` or `or` whose right side failed: the reference names it in place of the real culprit.
    operator: Option<&'static str>,
    attempts_left: usize,
}

impl Search<'_> {
    /// Evaluates a part in the place where the search stands.
    fn attempt(&mut self, part: &AstNode) -> Option<Result<JValue, Fault>> {
        self.attempts_left = self.attempts_left.checked_sub(1)?;
        if self.before.is_empty() {
            return Some(self.session.evaluate(part));
        }
        let mut block = self.before.clone();
        block.push(part.clone());
        Some(self.session.evaluate(&AstNode::Block(block)))
    }

    fn fails_alike(&mut self, part: &AstNode) -> bool {
        match self.attempt(part) {
            Some(Err(fault)) => fault.code == self.fault.code,
            _ => false,
        }
    }

    fn culprit<'a>(&mut self, node: &'a AstNode) -> &'a AstNode {
        let mut children = Vec::new();
        match node {
            // The right side takes the left one as its first argument, so it cannot stand alone.
            AstNode::Binary { op: BinaryOp::ChainPipe, lhs, .. } => children.push(&**lhs),
            AstNode::Conditional { condition, then_branch, else_branch } => {
                children.push(&**condition);
                children.extend(self.taken(condition, then_branch, else_branch.as_deref()));
            }
            _ => for_each_child(node, &mut |child, place| {
                if place == Place::Same {
                    children.push(child);
                }
            }),
        }
        let is_block = matches!(node, AstNode::Block(_));
        for (index, child) in children.into_iter().enumerate() {
            if self.fails_alike(child) {
                self.operator = self.operator.or_else(|| (index == 1).then(|| logical(node)).flatten());
                return with_stack(|| self.culprit(child));
            }
            if is_block {
                self.before.push(child.clone());
            }
        }
        node
    }

    fn taken<'a>(
        &mut self,
        condition: &AstNode,
        then_branch: &'a AstNode,
        else_branch: Option<&'a AstNode>,
    ) -> Option<&'a AstNode> {
        let test = AstNode::Conditional {
            condition: Box::new(condition.clone()),
            then_branch: Box::new(AstNode::Boolean(true)),
            else_branch: Some(Box::new(AstNode::Boolean(false))),
        };
        match self.attempt(&test)? {
            Ok(JValue::Bool(true)) => Some(then_branch),
            Ok(JValue::Bool(false)) => else_branch,
            _ => None,
        }
    }

    /// The value of a part as JSON text; `undefined` when it has none.
    fn json(&mut self, part: &AstNode) -> Option<String> {
        let value = self.attempt(part)?.ok()?;
        match convert::from_engine(&value, &Limits::DEFAULT).ok()? {
            Some(value) => Some(value.to_json()),
            None => Some("undefined".to_owned()),
        }
    }

    fn parts_of(&mut self, culprit: &AstNode) -> Parts {
        match (self.fault.code.as_str(), culprit) {
            ("T0410" | "T0411" | "T0412", AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. }) => {
                function_name(rhs).into_iter().collect()
            }
            ("T0410", AstNode::Function { name, args, .. })
                if dialect::arguments_max(name).is_some_and(|most| args.len() > most) =>
            {
                let index = dialect::arguments_max(name).unwrap_or_default() + 1;
                vec![("index", index.to_string()), ("token", errors::quoted(name))]
            }
            ("T0410" | "T0411" | "T0412", _) => function_name(culprit).into_iter().collect(),
            ("D1002", AstNode::Unary { operand, .. }) => self.part("value", operand),
            ("D2014", AstNode::Binary { op: BinaryOp::Range, lhs, rhs }) => {
                self.length_of_range(lhs, rhs).into_iter().collect()
            }
            ("D3030" | "D3110", AstNode::Binary { op: BinaryOp::ChainPipe, lhs, .. }) => self.part("value", lhs),
            ("D3030" | "D3110", AstNode::Function { args, .. }) => {
                args.first().map(|first| self.part("value", first)).unwrap_or_default()
            }
            ("T2009" | "T2010", AstNode::Binary { op, lhs, rhs }) if symbol(*op).is_some() => {
                let token = symbol(*op).map(|symbol| ("token", errors::quoted(symbol)));
                [self.part("value", lhs), self.part("value2", rhs), token.into_iter().collect()].concat()
            }
            ("T2010", _) => comparison(culprit).map(|symbol| ("token", errors::quoted(symbol))).into_iter().collect(),
            _ => Parts::new(),
        }
    }

    fn part(&mut self, name: &'static str, part: &AstNode) -> Parts {
        self.json(part).map(|text| (name, text)).into_iter().collect()
    }

    fn length_of_range(&mut self, first: &AstNode, last: &AstNode) -> Option<(&'static str, String)> {
        let number = |json: String| json.parse::<i64>().ok();
        let (first, last) = (number(self.json(first)?)?, number(self.json(last)?)?);
        Some(("value", (i128::from(last) - i128::from(first) + 1).to_string()))
    }
}

/// The name of the innermost function that a part calls first.
fn function_name(part: &AstNode) -> Option<(&'static str, String)> {
    let mut name = None;
    for_each_child(part, &mut |child, place| {
        if name.is_none() && (place == Place::Inner || !matches!(part, AstNode::Function { .. })) {
            name = with_stack(|| function_name(child));
        }
    });
    if name.is_none()
        && let AstNode::Function { args, .. } = part
    {
        let mut functions = args.iter().filter(|arg| matches!(arg, AstNode::Lambda { .. }));
        name = functions.find_map(function_name);
    }
    match part {
        AstNode::Function { name: own, .. } if name.is_none() => Some(("token", errors::quoted(own))),
        _ => name,
    }
}

/// The name of a logical operator.
fn logical(node: &AstNode) -> Option<&'static str> {
    match node {
        AstNode::Binary { op: BinaryOp::And, .. } => Some("and"),
        AstNode::Binary { op: BinaryOp::Or, .. } => Some("or"),
        _ => None,
    }
}

/// The first comparison inside a part.
fn comparison(part: &AstNode) -> Option<&'static str> {
    if let AstNode::Binary { op, .. } = part
        && let Some(symbol) = symbol(*op)
    {
        return Some(symbol);
    }
    let mut found = None;
    for_each_child(part, &mut |child, _| {
        found = found.or_else(|| with_stack(|| comparison(child)));
    });
    found
}

/// How a comparison is spelled.
fn symbol(op: BinaryOp) -> Option<&'static str> {
    Some(match op {
        BinaryOp::LessThan => "<",
        BinaryOp::LessThanOrEqual => "<=",
        BinaryOp::GreaterThan => ">",
        BinaryOp::GreaterThanOrEqual => ">=",
        _ => return None,
    })
}
