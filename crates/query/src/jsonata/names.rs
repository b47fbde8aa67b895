//! Which names an expression reads from outside, and which parts of their values it may look at.
//!
//! Converting state data costs more than most expressions, so only what may be looked at is converted. The walk carries a
//! demand downwards: which parts of a node's value its surroundings look at. Where it is not sure, the demand is everything.

use std::sync::Arc;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::with_stack;

use super::dialect;
use super::reads::{Reads, WHOLE};
use super::tree::{self, Place, for_each_child};

/// The names an expression reads but does not bind.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Variables, sorted.
    pub variables: Vec<Arc<str>>,
    /// Functions of JSONata or of Step Functions, called or used as values, sorted. A variable of the same name hides one.
    pub functions: Vec<Arc<str>>,
    /// What is read of each variable and function name.
    pub reads: Vec<(Arc<str>, Reads)>,
}

impl Names {
    /// Collects the names of an expression.
    pub(super) fn of(ast: &AstNode) -> Names {
        let base = Frame { late: late_bindings(ast), ..Frame::default() };
        let mut walk = Walk { frames: vec![base], context: Reads::default(), names: Names::default() };
        walk.node(ast, &WHOLE);
        let mut names = walk.names;
        names.variables.sort_unstable();
        names.functions.sort_unstable();
        names
    }

    fn read(&mut self, name: &str, demand: &Reads) {
        if let Some((_, reads)) = self.reads.iter_mut().find(|(known, _)| &**known == name) {
            reads.merge(demand);
            return;
        }
        let name: Arc<str> = Arc::from(name);
        let list = if dialect::is_function(&name) { &mut self.functions } else { &mut self.variables };
        list.push(Arc::clone(&name));
        self.reads.push((name, demand.clone()));
    }
}

/// One scope of the expression.
#[derive(Default)]
struct Frame {
    /// Bound before the place the walk has reached, and what is read of it.
    bound: Vec<(String, Reads)>,
    /// Bound anywhere in the block: a function's body sees them, since it runs later.
    late: Vec<String>,
    /// Whether this is the frame of a function's parameters.
    is_function: bool,
}

struct Walk {
    frames: Vec<Frame>,
    /// What is read of `$` where the walk stands.
    context: Reads,
    names: Names,
}

impl Walk {
    /// Notes that a variable is read.
    fn read(&mut self, name: &str, demand: &Reads) {
        if name.is_empty() {
            self.context.merge(demand);
            return;
        }
        let mut in_function = false;
        for frame in self.frames.iter_mut().rev() {
            if let Some((_, reads)) = frame.bound.iter_mut().rev().find(|(bound, _)| bound == name) {
                reads.merge(demand);
                return;
            }
            if in_function && frame.late.iter().any(|bound| bound == name) {
                return;
            }
            in_function |= frame.is_function;
        }
        self.names.read(name, demand);
    }

    fn bind(&mut self, name: &str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.bound.push((name.to_owned(), Reads::default()));
        }
    }

    /// Walks inside a new scope, which is given back with what was read of its names.
    fn within(&mut self, frame: Frame, walk: impl FnOnce(&mut Walk)) -> Frame {
        self.frames.push(frame);
        walk(self);
        self.frames.pop().unwrap_or_default()
    }

    /// What a walk reads of a `$` of its own.
    fn reads_of_context(&mut self, walk: impl FnOnce(&mut Walk)) -> Reads {
        let outer = std::mem::take(&mut self.context);
        walk(self);
        std::mem::replace(&mut self.context, outer)
    }

    fn node(&mut self, node: &AstNode, demand: &Reads) {
        with_stack(|| self.node_here(node, demand));
    }

    fn node_here(&mut self, node: &AstNode, demand: &Reads) {
        match node {
            AstNode::Variable(name) => self.read(name, demand),
            AstNode::Name(name) => self.context.merge(&Reads::of_member(name, demand)),
            AstNode::Wildcard | AstNode::Descendant | AstNode::Parent(_) | AstNode::ParentVariable(_) => {
                self.context.merge(&WHOLE);
            }
            AstNode::Path { .. } | AstNode::ObjectTransform { .. } | AstNode::Sort { .. } => {
                self.within(Frame::default(), |walk| walk.flow(node, demand));
            }
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs } => {
                self.node(rhs, &WHOLE);
                if let AstNode::Variable(name) = &**lhs {
                    self.bind(name);
                }
            }
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.node(condition, &WHOLE);
                self.node(then_branch, demand);
                else_branch.iter().for_each(|branch| self.node(branch, demand));
            }
            AstNode::FunctionApplication(inner) => self.node(inner, demand),
            AstNode::Block(items) => self.block(items, demand),
            AstNode::Function { name, args, is_builtin } => self.call(name, args, *is_builtin, demand),
            AstNode::Lambda { params, body, .. } => {
                self.lambda(params, body);
            }
            AstNode::Transform { .. } => {
                self.reads_of_context(|walk| walk.children(node)); // of its argument, which is looked at as a whole
            }
            _ => self.children(node),
        }
    }

    fn children(&mut self, node: &AstNode) {
        for_each_child(node, &mut |child, _| self.node(child, &WHOLE));
    }

    fn block(&mut self, items: &[AstNode], demand: &Reads) {
        let late = items.iter().flat_map(late_bindings).collect();
        self.within(Frame { late, ..Frame::default() }, |walk| {
            for (index, item) in items.iter().enumerate() {
                let is_last = index + 1 == items.len();
                walk.node(item, if is_last { demand } else { &WHOLE });
            }
        });
    }

    /// A function's body; its parameters with what it reads of them.
    fn lambda(&mut self, params: &[String], body: &AstNode) -> Vec<(String, Reads)> {
        let bound = params.iter().map(|param| (param.trim_start_matches('$').to_owned(), Reads::default())).collect();
        let frame = Frame { bound, late: late_bindings(body), is_function: true };
        let mut bound = self.within(frame, |walk| walk.node(body, &WHOLE)).bound;
        bound.truncate(params.len());
        bound
    }

    fn call(&mut self, name: &str, args: &[AstNode], is_builtin: bool, demand: &Reads) {
        match (name, args) {
            ("count" | "exists", [arg]) => self.node(arg, &Reads::default()),
            ("map" | "filter" | "sort", [list, AstNode::Lambda { params, body, .. }]) => {
                let params = self.lambda(params, body);
                self.node(list, &items_read(name, &params, demand));
            }
            _ => args.iter().for_each(|arg| self.node(arg, &WHOLE)),
        }
        // With fewer arguments than it may take, a function may take `$` for the first one.
        if dialect::arguments_max(name).is_none_or(|most| args.len() < most)
            && !matches!(name, "map" | "filter" | "sort")
        {
            self.context.merge(&WHOLE);
        }
        if is_builtin {
            self.read(name, &WHOLE);
        } else {
            self.context.merge(&WHOLE);
        }
    }

    /// A path, grouping or sort: what its steps bind (`@$v`, `#$i`) is seen by what follows, so no frame of its own.
    fn flow(&mut self, node: &AstNode, demand: &Reads) {
        match node {
            AstNode::Path { steps } if steps.iter().any(tree::binds) => self.binding_path(steps),
            AstNode::Path { steps } => self.path(steps, demand),
            AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } if binds(input) => {
                with_stack(|| self.flow(input, &WHOLE));
                self.reads_of_context(|walk| walk.rest(node));
            }
            AstNode::ObjectTransform { input, .. } => {
                let grouped = self.reads_of_context(|walk| walk.rest(node));
                with_stack(|| self.flow(input, &grouped));
            }
            AstNode::Sort { input, .. } => {
                let mut sorted = self.reads_of_context(|walk| walk.rest(node));
                sorted.merge(demand);
                with_stack(|| self.flow(input, &sorted));
            }
            _ => self.node(node, demand),
        }
    }

    /// All children but the first.
    fn rest(&mut self, node: &AstNode) {
        let mut is_first = true;
        for_each_child(node, &mut |child, _| {
            if !std::mem::take(&mut is_first) {
                self.node(child, &WHOLE);
            }
        });
    }

    /// A path without bindings, from its end: what a step reads of `$` is what is read of the step before.
    fn path(&mut self, steps: &[PathStep], demand: &Reads) {
        let mut demand = demand.clone();
        for (index, step) in steps.iter().enumerate().rev() {
            for stage in &step.stages {
                if let Stage::Filter(filter) = stage {
                    demand.merge(&self.reads_of_context(|walk| walk.node(filter, &WHOLE)));
                }
            }
            if index == 0 {
                self.flow(&step.node, &demand);
            } else {
                demand = self.reads_of_context(|walk| walk.flow(&step.node, &demand));
            }
        }
    }

    /// A path with bindings, in the order of its steps: everything it touches is read as a whole.
    fn binding_path(&mut self, steps: &[PathStep]) {
        for (index, step) in steps.iter().enumerate() {
            if index == 0 {
                self.flow(&step.node, &WHOLE);
            } else {
                self.reads_of_context(|walk| walk.flow(&step.node, &WHOLE));
            }
            step.focus.iter().chain(&step.index_var).for_each(|name| self.bind(name));
            for stage in &step.stages {
                match stage {
                    Stage::Filter(filter) => {
                        self.reads_of_context(|walk| walk.node(filter, &WHOLE));
                    }
                    Stage::Index(name) => self.bind(name),
                    Stage::KeepArray => {}
                }
            }
        }
    }
}

/// What `$map`, `$filter` or `$sort` reads of each item, given what the function reads of its parameters.
fn items_read(name: &str, params: &[(String, Reads)], demand: &Reads) -> Reads {
    let mut items = if name == "map" { Reads::default() } else { demand.clone() };
    let of_item = if name == "sort" { 2 } else { 1 };
    for (index, (_, reads)) in params.iter().enumerate() {
        if index < of_item {
            items.merge(reads);
        } else if index > 1 {
            items.merge(&WHOLE); // the third parameter is the whole list
        }
    }
    items
}

/// Whether an input of a grouping or sort binds names that the rest sees.
fn binds(input: &AstNode) -> bool {
    match input {
        AstNode::Path { steps } => steps.iter().any(tree::binds),
        AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } => with_stack(|| binds(input)),
        _ => false,
    }
}

/// Names that `:=` binds in the frame of this expression.
fn late_bindings(node: &AstNode) -> Vec<String> {
    let mut names = Vec::new();
    collect_late(node, &mut names);
    names
}

fn collect_late(node: &AstNode, names: &mut Vec<String>) {
    match node {
        AstNode::Block(_) | AstNode::Lambda { .. } => return,
        AstNode::Binary { op: BinaryOp::ColonEqual, lhs, .. } => {
            if let AstNode::Variable(name) = &**lhs {
                names.push(name.clone());
            }
        }
        _ => {}
    }
    for_each_child(node, &mut |child, place| {
        if place == Place::Same {
            with_stack(|| collect_late(child, names));
        }
    });
}
