//! From the engine's tree to a plain one, or to the answer that there is none.

use std::sync::Arc;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage, UnaryOp};
use stepwell_value::Value;

use super::super::names::Names;
use super::super::tree;
use super::functions::Function;
use super::{Arithmetic, Each, Member, Node, Order, Step};

/// How deep a tree may be: it is walked by calls, in translation and in evaluation.
const DEPTH_MAX: usize = 64;

/// The plain tree, and how many slots its variables need.
pub(super) fn translate(ast: &AstNode, names: &Names, in_state: bool) -> Option<(Node, usize)> {
    let mut walk = Walk { names, in_state, bound: Vec::new(), slots: 0, depth: 0 };
    let root = walk.node(ast)?;
    Some((root, walk.slots))
}

struct Walk<'n> {
    names: &'n Names,
    in_state: bool,
    /// Variables that are bound where the walk stands, the innermost last.
    bound: Vec<(String, usize)>,
    slots: usize,
    depth: usize,
}

impl Walk<'_> {
    fn node(&mut self, node: &AstNode) -> Option<Node> {
        self.depth += 1;
        let translated = if self.depth > DEPTH_MAX { None } else { self.node_here(node) };
        self.depth -= 1;
        translated
    }

    fn node_here(&mut self, node: &AstNode) -> Option<Node> {
        Some(match node {
            AstNode::String(text) => Node::Literal(Value::from(text.as_str())),
            AstNode::Number(number) => Node::Number(*number).finite()?,
            AstNode::Boolean(truth) => Node::Literal(Value::Bool(*truth)),
            AstNode::Null => Node::Literal(Value::Null),
            AstNode::Variable(name) => self.variable(name)?,
            AstNode::Path { steps } => self.path(steps)?,
            AstNode::Binary { op, lhs, rhs } => self.binary(*op, lhs, rhs)?,
            AstNode::Unary { op: UnaryOp::Negate, operand } => match self.node(operand)? {
                Node::Number(number) => Node::Number(-number),
                operand => Node::Negate(Box::new(operand)),
            },
            AstNode::Function { name, args, is_builtin: true } => self.call(name, args)?,
            AstNode::Array(items) => self.array(items)?,
            AstNode::Object(pairs) => Node::Object(self.pairs(pairs)?),
            AstNode::ObjectTransform { input, pattern } => {
                Node::Group(Box::new(self.node(input)?), self.pairs(pattern)?)
            }
            AstNode::Block(items) => self.block(items)?,
            AstNode::FunctionApplication(inner) => self.node(inner)?,
            AstNode::Conditional { condition, then_branch, else_branch } => {
                let otherwise = match else_branch {
                    Some(branch) => self.node(branch)?,
                    None => Node::Path(Vec::new()),
                };
                Node::Conditional(Box::new([self.node(condition)?, self.node(then_branch)?, otherwise]))
            }
            _ => return None,
        })
    }

    fn variable(&self, name: &str) -> Option<Node> {
        if name.is_empty() {
            return Some(Node::Context);
        }
        if let Some((_, slot)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return Some(Node::Local(*slot));
        }
        let known = self.names.variables.iter().find(|known| &***known == name)?; // else it is a function
        let is_states = self.in_state && name == "states";
        if is_states { None } else { Some(Node::Variable(Arc::clone(known))) }
    }

    fn path(&mut self, steps: &[PathStep]) -> Option<Node> {
        let mut translated = Vec::with_capacity(steps.len());
        let mut rest = steps;
        if let [first, second, after @ ..] = steps
            && self.is_states(&first.node)
            && tree::is_plain(first)
        {
            let AstNode::Name(member) = &second.node else { return None };
            let node = Node::States(member_of(member)?);
            translated.push(Step { node, is_variable: true, ..self.step(second, false)? });
            rest = after;
        }
        for (index, step) in rest.iter().enumerate() {
            let is_first = index == 0 && translated.is_empty();
            translated.push(self.step(step, is_first)?);
        }
        match translated.as_mut_slice() {
            [only] if only.filters.is_empty() => translated.pop().map(|only| only.node),
            _ => Some(Node::Path(translated)),
        }
    }

    fn is_states(&self, node: &AstNode) -> bool {
        let hidden = || self.bound.iter().any(|(name, _)| name == "states");
        self.in_state && matches!(node, AstNode::Variable(name) if name == "states") && !hidden()
    }

    fn step(&mut self, step: &PathStep, is_first: bool) -> Option<Step> {
        if tree::binds(step) {
            return None;
        }
        let node = match &step.node {
            AstNode::Name(name) => Node::Name(Arc::from(name.as_str())),
            // They have rules of their own as steps.
            AstNode::Array(_) | AstNode::ArrayGroup(_) | AstNode::String(_) | AstNode::Number(_) => return None,
            AstNode::Boolean(_) | AstNode::Null | AstNode::ObjectTransform { .. } | AstNode::Sort { .. } => {
                return None;
            }
            other => self.node(other)?,
        };
        // A filter behind a call sees its sequence before one of a single item becomes that item.
        if !step.stages.is_empty() && matches!(node, Node::Call(..) | Node::Each(..) | Node::Group(..)) {
            return None;
        }
        let mut filters = Vec::with_capacity(step.stages.len());
        for stage in &step.stages {
            match stage {
                Stage::Filter(filter) => filters.push(self.node(filter)?),
                Stage::KeepArray | Stage::Index(_) => return None,
            }
        }
        let is_variable = is_first && matches!(step.node, AstNode::Variable(_));
        Some(Step { node, filters, is_variable })
    }

    fn binary(&mut self, op: BinaryOp, lhs: &AstNode, rhs: &AstNode) -> Option<Node> {
        if matches!(op, BinaryOp::ColonEqual | BinaryOp::Range) {
            return None; // only in a block, or in an array
        }
        let sides = Box::new([self.node(lhs)?, self.node(rhs)?]);
        Some(match op {
            BinaryOp::Add => Node::Arithmetic(Arithmetic::Add, sides),
            BinaryOp::Subtract => Node::Arithmetic(Arithmetic::Subtract, sides),
            BinaryOp::Multiply => Node::Arithmetic(Arithmetic::Multiply, sides),
            BinaryOp::Divide => Node::Arithmetic(Arithmetic::Divide, sides),
            BinaryOp::Modulo => Node::Arithmetic(Arithmetic::Modulo, sides),
            BinaryOp::Equal => Node::Equality { equal: true, sides },
            BinaryOp::NotEqual => Node::Equality { equal: false, sides },
            BinaryOp::LessThan => Node::Order(Order::Less, sides),
            BinaryOp::LessThanOrEqual => Node::Order(Order::LessOrEqual, sides),
            BinaryOp::GreaterThan => Node::Order(Order::Greater, sides),
            BinaryOp::GreaterThanOrEqual => Node::Order(Order::GreaterOrEqual, sides),
            BinaryOp::And => Node::And(sides),
            BinaryOp::Or => Node::Or(sides),
            BinaryOp::Concatenate => Node::Concatenate(sides),
            BinaryOp::In => Node::In(sides),
            _ => return None,
        })
    }

    fn array(&mut self, items: &[AstNode]) -> Option<Node> {
        let item = |item: &AstNode| {
            Some(match item {
                AstNode::Binary { op: BinaryOp::Range, lhs, rhs } => {
                    (Node::Range(Box::new([self.node(lhs)?, self.node(rhs)?])), false)
                }
                _ => (self.node(item)?, matches!(item, AstNode::Array(_))),
            })
        };
        items.iter().map(item).collect::<Option<_>>().map(Node::Array)
    }

    fn pairs(&mut self, pairs: &[(AstNode, AstNode)]) -> Option<Vec<(Node, Node)>> {
        pairs.iter().map(|(key, value)| Some((self.node(key)?, self.node(value)?))).collect()
    }

    fn block(&mut self, items: &[AstNode]) -> Option<Node> {
        let outer = self.bound.len();
        let mut translated = Vec::with_capacity(items.len());
        for item in items {
            let AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs } = item else {
                translated.push(self.node(item)?);
                continue;
            };
            let AstNode::Variable(name) = &**lhs else { return None };
            let value = self.node(rhs)?;
            translated.push(Node::Bind(self.bind(name), Box::new(value)));
        }
        self.bound.truncate(outer);
        if translated.is_empty() { None } else { Some(Node::Block(translated)) }
    }

    fn bind(&mut self, name: &str) -> usize {
        let slot = self.slots;
        self.slots += 1;
        self.bound.push((name.to_owned(), slot));
        slot
    }

    fn call(&mut self, name: &str, args: &[AstNode]) -> Option<Node> {
        if self.bound.iter().any(|(bound, _)| bound == name)
            || !self.names.functions.iter().any(|known| &**known == name)
        {
            return None;
        }
        if let [list, AstNode::Lambda { params, body, signature: None, .. }] = args {
            return self.each(name, list, params, body);
        }
        let function = Function::named(name, args.len())?;
        Some(Node::Call(function, args.iter().map(|arg| self.node(arg)).collect::<Option<_>>()?))
    }

    fn each(&mut self, name: &str, list: &AstNode, params: &[String], body: &AstNode) -> Option<Node> {
        let (each, most) = match name {
            "map" => (Each::Map, 2),
            "filter" => (Each::Filter, 2),
            "sort" if params.len() == 2 => (Each::Sort, 2),
            _ => return None,
        };
        if params.is_empty() || params.len() > most {
            return None;
        }
        let list = self.node(list)?;
        let outer = self.bound.len();
        let slots = params.iter().map(|param| self.bind(param.trim_start_matches('$'))).collect();
        let body = self.node(body);
        self.bound.truncate(outer);
        Some(Node::Each(each, Box::new([list, body?]), slots))
    }
}

impl Node {
    fn finite(self) -> Option<Node> {
        if matches!(self, Node::Number(number) if !number.is_finite()) { None } else { Some(self) }
    }
}

fn member_of(name: &str) -> Option<Member> {
    Some(match name {
        "input" => Member::Input,
        "context" => Member::Context,
        "result" => Member::Result,
        "errorOutput" => Member::ErrorOutput,
        _ => return None,
    })
}
