//! Walking the syntax tree of an expression.

use jsonata_core::ast::{AstNode, PathStep, Stage};

/// What `$` and unqualified names stand for in a child, seen from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The same as in the parent.
    Same,
    /// Something the parent supplies: an item of a sequence, the input of a function.
    Inner,
}

/// Calls `visit` with every direct child, in the order of evaluation.
pub(super) fn for_each_child<'a>(node: &'a AstNode, visit: &mut dyn FnMut(&'a AstNode, Place)) {
    match node {
        AstNode::Path { steps } => path_children(steps, visit),
        AstNode::Binary { lhs, rhs, .. } => {
            visit(lhs, Place::Same);
            visit(rhs, Place::Same);
        }
        AstNode::Unary { operand, .. } => visit(operand, Place::Same),
        AstNode::Function { args, .. } => args.iter().for_each(|arg| visit(arg, Place::Same)),
        AstNode::Call { procedure, args } => {
            visit(procedure, Place::Same);
            args.iter().for_each(|arg| visit(arg, Place::Same));
        }
        AstNode::Lambda { body, .. } => visit(body, Place::Inner),
        AstNode::Array(items) | AstNode::ArrayGroup(items) | AstNode::Block(items) => {
            items.iter().for_each(|item| visit(item, Place::Same));
        }
        AstNode::Object(pairs) => pairs_children(pairs, Place::Same, visit),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input, Place::Same);
            pairs_children(pattern, Place::Inner, visit);
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            visit(condition, Place::Same);
            visit(then_branch, Place::Same);
            else_branch.iter().for_each(|branch| visit(branch, Place::Same));
        }
        AstNode::FunctionApplication(inner) => visit(inner, Place::Same),
        AstNode::Sort { input, terms } => {
            visit(input, Place::Same);
            terms.iter().for_each(|(term, _)| visit(term, Place::Inner));
        }
        AstNode::Transform { location, update, delete } => {
            visit(location, Place::Inner);
            visit(update, Place::Inner);
            delete.iter().for_each(|fields| visit(fields, Place::Inner));
        }
        AstNode::String(_)
        | AstNode::Name(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Placeholder
        | AstNode::Regex { .. }
        | AstNode::Variable(_)
        | AstNode::ParentVariable(_)
        | AstNode::Wildcard
        | AstNode::Descendant
        | AstNode::Parent(_) => {}
    }
}

fn pairs_children<'a>(pairs: &'a [(AstNode, AstNode)], place: Place, visit: &mut dyn FnMut(&'a AstNode, Place)) {
    for (key, value) in pairs {
        visit(key, place);
        visit(value, place);
    }
}

fn path_children<'a>(steps: &'a [PathStep], visit: &mut dyn FnMut(&'a AstNode, Place)) {
    for (index, step) in steps.iter().enumerate() {
        visit(&step.node, if index == 0 { Place::Same } else { Place::Inner });
        for stage in &step.stages {
            if let Stage::Filter(filter) = stage {
                visit(filter, Place::Inner);
            }
        }
    }
}

/// Whether a step has neither predicates nor bindings.
pub(super) fn is_plain(step: &PathStep) -> bool {
    step.stages.is_empty() && !binds(step)
}

/// Whether a step takes part in a binding (`@$v`, `#$i`, `%`), so that later steps see more than its result.
pub(super) fn binds(step: &PathStep) -> bool {
    step.focus.is_some()
        || step.index_var.is_some()
        || step.ancestor_label.is_some()
        || step.is_tuple
        || step.inner_tuple
        || step.stages.iter().any(|stage| matches!(stage, Stage::Index(_)))
}

/// Calls `visit` with every direct child, to change it.
pub(super) fn for_each_child_mut(node: &mut AstNode, visit: &mut dyn FnMut(&mut AstNode)) {
    match node {
        AstNode::Path { steps } => {
            for step in steps {
                visit(&mut step.node);
                for stage in &mut step.stages {
                    if let Stage::Filter(filter) = stage {
                        visit(filter);
                    }
                }
            }
        }
        AstNode::Binary { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|side| visit(side)),
        AstNode::Unary { operand: inner, .. } | AstNode::FunctionApplication(inner) => visit(inner),
        AstNode::Lambda { body, .. } => visit(body),
        AstNode::Function { args, .. } => args.iter_mut().for_each(visit),
        AstNode::Call { procedure, args } => {
            visit(procedure);
            args.iter_mut().for_each(visit);
        }
        AstNode::Array(items) | AstNode::ArrayGroup(items) | AstNode::Block(items) => {
            items.iter_mut().for_each(visit);
        }
        AstNode::Object(pairs) => pairs_children_mut(pairs, visit),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input);
            pairs_children_mut(pattern, visit);
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            [condition, then_branch].into_iter().chain(else_branch).for_each(|part| visit(part));
        }
        AstNode::Sort { input, terms } => {
            visit(input);
            terms.iter_mut().for_each(|(term, _)| visit(term));
        }
        AstNode::Transform { location, update, delete } => {
            [location, update].into_iter().chain(delete).for_each(|part| visit(part));
        }
        _ => {}
    }
}

fn pairs_children_mut(pairs: &mut [(AstNode, AstNode)], visit: &mut dyn FnMut(&mut AstNode)) {
    for (key, value) in pairs {
        visit(key);
        visit(value);
    }
}
