//! Limits inside the engine's own functions, and a name that it would bind though it cannot be bound.
//!
//! The engine looks at the clock between two calls, not within one: `$replace` of a long text by a long one can take gigabytes,
//! `$distinct` of a long array minutes, and a text that is joined to itself doubles with every turn. Here such calls are
//! rewritten in a copy of the tree, so that they ask a function of ours first. The tree as it was parsed stays what messages
//! are made from. What ends an evaluation is AWS's memory limit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::ast::{AstNode, BinaryOp, StepId};
use jsonata_core::evaluator::{Evaluator, EvaluatorError, HostFnResult};
use jsonata_core::functions::array::values_equal;
use jsonata_core::value::{JValue, with_stack};

use super::limits::Limits;
use super::tree::for_each_child_mut;

// No name of an expression can have a blank in it.
const WIDTH: &str = "stepwell width";
const TEXT: &str = "stepwell text";
const PATTERN: &str = "stepwell pattern";
const REPLACEMENT: &str = "stepwell replacement";
const JOINED: &str = "stepwell joined";
const DISTINCT: &str = "stepwell distinct";
const UNNAMED: &str = "stepwell unnamed";

/// How much more than a result `$replace` by a regular expression may take at worst: nobody knows yet how often it matches.
const REGEX_FACTOR: usize = 16;

/// A copy of a tree with guards in it; none when there is nothing to guard. `functions` are the functions of JSONata that it
/// uses: one of these names that it binds itself is its own.
pub(super) fn guarded(ast: &AstNode, functions: &[Arc<str>]) -> Option<AstNode> {
    let mut copy = ast.clone();
    let mut walk = Walk { functions, guards: 0 };
    walk.guard(&mut copy, false);
    (walk.guards > 0).then_some(copy)
}

/// Teaches the evaluator the guards.
///
/// # Errors
/// When the engine refuses a name, which would be a bug of ours.
pub(super) fn register(evaluator: &mut Evaluator, limits: &Limits) -> Result<(), EvaluatorError> {
    let most = limits.result_bytes_max;
    let replacing = Rc::new(RefCell::new(Vec::<Replacing>::new()));
    let (texts, patterns) = (Rc::clone(&replacing), Rc::clone(&replacing));
    evaluator.register_fn(WIDTH, move |args: &[JValue]| width(args, most))?;
    evaluator.register_fn(JOINED, move |args: &[JValue]| joined(args, most))?;
    evaluator.register_fn(DISTINCT, distinct)?;
    evaluator.register_fn(TEXT, move |args: &[JValue]| {
        let text = args.first().and_then(text_of);
        texts.borrow_mut().push(Replacing { text, matches: None });
        Ok(first(args))
    })?;
    evaluator.register_fn(PATTERN, move |args: &[JValue]| {
        if let (Some(replacing), Some(pattern)) = (patterns.borrow_mut().last_mut(), args.first().and_then(text_of)) {
            replacing.count(&pattern);
        }
        Ok(first(args))
    })?;
    evaluator.register_fn(REPLACEMENT, move |args: &[JValue]| {
        let replacing = replacing.borrow_mut().pop();
        match (replacing, args.first().and_then(text_of)) {
            (Some(replacing), Some(by)) if replacing.is_too_large(by.len(), most) => Err(too_large()),
            _ => Ok(first(args)),
        }
    })
}

/// A call of `$replace` whose arguments are being evaluated.
struct Replacing {
    text: Option<Rc<str>>,
    matches: Option<usize>,
}

impl Replacing {
    fn count(&mut self, pattern: &str) {
        if let Some(text) = &self.text
            && !pattern.is_empty()
        {
            self.matches = Some(text.matches(pattern).count());
        }
    }

    fn is_too_large(&self, by_bytes: usize, most: usize) -> bool {
        let length = self.text.as_ref().map_or(0, |text| text.len());
        match self.matches {
            Some(matches) => matches.saturating_mul(by_bytes).saturating_add(length) > most,
            None => length.saturating_mul(by_bytes) > most.saturating_mul(REGEX_FACTOR),
        }
    }
}

/// A walk through a tree that is changed on the way.
struct Walk<'f> {
    functions: &'f [Arc<str>],
    guards: usize,
}

impl Walk<'_> {
    /// `accumulates` says whether a function is around that may be fed its own result.
    fn guard(&mut self, node: &mut AstNode, accumulates: bool) {
        let inside = accumulates || may_feed_itself(node);
        for_each_child_mut(node, &mut |child| with_stack(|| self.guard(child, inside)));
        match node {
            // The engine keeps what it has made of a step by its id; the steps of the original are evaluated for messages.
            AstNode::Path { steps } => steps.iter_mut().for_each(|step| step.id = StepId::default()),
            AstNode::Function { name, args, is_builtin: true } => {
                let is_theirs = self.functions.iter().any(|known| **known == **name);
                if is_theirs && !args.contains(&AstNode::Placeholder) {
                    self.guards += guard_call(name, args);
                }
            }
            AstNode::Binary { op: BinaryOp::Concatenate, .. } if accumulates => {
                wrap(node, JOINED);
                self.guards += 1;
            }
            AstNode::Lambda { params, .. } => params.iter_mut().for_each(|param| self.unnamed(param)),
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
                if let AstNode::Variable(name) = &mut **lhs {
                    self.unnamed(name);
                }
            }
            _ => {}
        }
    }
}

impl Walk<'_> {
    /// `$` is the context, also where something is bound to that name; the engine would find what was bound.
    fn unnamed(&mut self, name: &mut String) {
        if name.trim_start_matches('$').is_empty() {
            UNNAMED.clone_into(name);
            self.guards += 1;
        }
    }
}

/// Whether functions in this node may get what they have made before: `$reduce` hands it on, and a function with a name may
/// call itself.
fn may_feed_itself(node: &AstNode) -> bool {
    match node {
        AstNode::Function { name, .. } => name == "reduce",
        AstNode::Binary { op: BinaryOp::ColonEqual, rhs, .. } => matches!(**rhs, AstNode::Lambda { .. }),
        _ => false,
    }
}

/// Guards a call of a function of JSONata; gives the number of guards.
fn guard_call(name: &mut String, args: &mut [AstNode]) -> usize {
    match (name.as_str(), args) {
        ("pad", [_, width, ..]) => wrap(width, WIDTH),
        ("replace", [text, pattern, replacement, ..]) => {
            wrap(text, TEXT);
            wrap(pattern, PATTERN);
            wrap(replacement, REPLACEMENT);
        }
        ("distinct", [_]) => DISTINCT.clone_into(name),
        _ => return 0,
    }
    1
}

fn wrap(node: &mut AstNode, name: &str) {
    let inner = std::mem::replace(node, AstNode::Null);
    *node = AstNode::Function { name: name.to_owned(), args: vec![inner], is_builtin: true };
}

fn first(args: &[JValue]) -> JValue {
    args.first().cloned().unwrap_or(JValue::Undefined)
}

fn text_of(value: &JValue) -> Option<Rc<str>> {
    match value {
        JValue::String(text) => Some(Rc::clone(text)),
        _ => None,
    }
}

fn too_large() -> EvaluatorError {
    EvaluatorError::EvaluationError("D2015: The maximum size of a text was exceeded.".to_owned())
}

/// The width of `$pad`: at most so many characters.
fn width(args: &[JValue], most: usize) -> HostFnResult {
    match args.first() {
        Some(JValue::Number(width)) if width.abs() > most as f64 => Err(too_large()),
        _ => Ok(first(args)),
    }
}

/// A text that was joined from two: at most so many bytes.
fn joined(args: &[JValue], most: usize) -> HostFnResult {
    match args.first() {
        Some(JValue::String(text)) if text.len() > most => Err(too_large()),
        _ => Ok(first(args)),
    }
}

/// `$distinct`, as the engine has it, but in time that grows with the array and not with its square.
fn distinct(args: &[JValue]) -> HostFnResult {
    let Some(JValue::Array(items)) =
        args.first().filter(|value| matches!(value, JValue::Array(items) if items.len() > 1))
    else {
        return Ok(first(args));
    };
    let mut known: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<JValue> = Vec::new();
    for item in items.iter() {
        let same = known.entry(digest(item)).or_default();
        if same.iter().any(|index| kept.get(*index).is_some_and(|other| values_equal(item, other))) {
            continue;
        }
        same.push(kept.len());
        kept.push(item.clone());
    }
    Ok(if items.sequence { JValue::sequence(kept) } else { JValue::array(kept) })
}

/// A number that is the same for equal values.
fn digest(value: &JValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(value).hash(&mut hasher);
    match value {
        JValue::Bool(truth) => truth.hash(&mut hasher),
        JValue::Number(float) => (if *float == 0.0 { 0.0 } else { *float }).to_bits().hash(&mut hasher),
        JValue::String(text) => text.hash(&mut hasher),
        JValue::Array(items) => items.iter().for_each(|item| with_stack(|| digest(item)).hash(&mut hasher)),
        // Members may stand in any order.
        JValue::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let mut pair = DefaultHasher::new();
                (name, with_stack(|| digest(member))).hash(&mut pair);
                pair.finish()
            })
            .fold(0_u64, u64::wrapping_add)
            .hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}
