//! What Step Functions refuses of JSONata when a state machine is created.
//!
//! There is no input document: `$`, `$$` and unqualified names at the top level have nothing to stand for
//! (//= ASL § JSONata Restrictions). `??` and `?:` came after version 2.0.6.

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::value::with_stack;

use super::JsonataSyntaxError;
use super::errors;
use super::tree::{Place, for_each_child};

/// Checks an expression against the profile.
///
/// # Errors
/// The first thing the profile refuses, in the order of the text.
pub(super) fn check(ast: &AstNode, text: &str) -> Result<(), JsonataSyntaxError> {
    match refusal(ast, Place::Same) {
        None => Ok(()),
        Some(refusal) => Err(refusal.into_error(text)),
    }
}

/// Something the profile refuses.
enum Refusal {
    /// A name that reads the input document.
    TopLevel(String),
    /// `$$`
    Root,
    /// An operator that 2.0.6 does not have; its parser stumbles over this symbol.
    Operator(&'static str, &'static str),
}

impl Refusal {
    fn into_error(self, text: &str) -> JsonataSyntaxError {
        let (code, message, mark) = match self {
            Refusal::TopLevel(name) => ("", format!("Reference to '{name}' at the top level is not supported."), name),
            Refusal::Root => ("", "Reference to '$$' is not supported.".to_owned(), "$$".to_owned()),
            Refusal::Operator(operator, symbol) => {
                let message = errors::fill("S0211", &[("token", errors::quoted(symbol))]);
                ("S0211", message, operator.to_owned())
            }
        };
        let offset = text.find(&mark).unwrap_or(0);
        JsonataSyntaxError { code: code.to_owned(), message, offset }
    }
}

fn refusal(node: &AstNode, place: Place) -> Option<Refusal> {
    let here = match node {
        AstNode::ParentVariable(_) => Some(Refusal::Root),
        AstNode::Binary { op: BinaryOp::Coalesce, .. } => Some(Refusal::Operator("??", "?")),
        AstNode::Binary { op: BinaryOp::Default, .. } => Some(Refusal::Operator("?:", ":")),
        _ if place == Place::Same => input_reference(node).map(Refusal::TopLevel),
        _ => None,
    };
    if here.is_some() {
        return here;
    }
    let mut found = None;
    for_each_child(node, &mut |child, child_place| {
        if found.is_none() {
            let inner = place == Place::Inner || child_place == Place::Inner;
            found = with_stack(|| refusal(child, if inner { Place::Inner } else { Place::Same }));
        }
    });
    found
}

/// How a node that reads the input document is spelled.
fn input_reference(node: &AstNode) -> Option<String> {
    match node {
        AstNode::Name(name) | AstNode::Function { name, is_builtin: false, .. } => Some(name.clone()),
        AstNode::Variable(name) if name.is_empty() => Some("$".to_owned()),
        AstNode::Wildcard => Some("*".to_owned()),
        AstNode::Descendant => Some("**".to_owned()),
        AstNode::Parent(_) => Some("%".to_owned()),
        _ => None,
    }
}
