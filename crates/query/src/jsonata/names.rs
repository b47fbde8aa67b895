//! Which names an expression reads from outside, and which parts of their values.

use std::sync::Arc;

use jsonata_core::ast::{AstNode, BinaryOp, PathStep};
use jsonata_core::value::with_stack;

use super::dialect;
use super::tree::{self, Place, for_each_child};

/// The parts of a variable's value that an expression may look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reads {
    /// Everything.
    pub whole: bool,
    /// Otherwise only these members (of the object, or of each object in the array), in the order of first use.
    pub members: Vec<(Arc<str>, Reads)>,
}

impl Reads {
    fn add(&mut self, path: &[&str]) {
        if self.whole {
            return;
        }
        let Some((first, rest)) = path.split_first() else {
            *self = Reads { whole: true, members: Vec::new() };
            return;
        };
        if let Some((_, member)) = self.members.iter_mut().find(|(name, _)| &**name == *first) {
            member.add(rest);
            return;
        }
        let mut member = Reads::default();
        member.add(rest);
        self.members.push((Arc::from(*first), member));
    }

    /// What is read of one member; `None` when it is not looked at.
    pub(super) fn member(&self, name: &str) -> Option<Reads> {
        if self.whole {
            return Some(Reads { whole: true, members: Vec::new() });
        }
        self.members.iter().find(|(known, _)| &**known == name).map(|(_, reads)| reads.clone())
    }
}

/// The names an expression reads but does not bind.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Variables, in the order of first use.
    pub variables: Vec<Arc<str>>,
    /// Functions of JSONata or of Step Functions, called or used as values. A variable of the same name hides one.
    pub functions: Vec<Arc<str>>,
    /// What is read of each variable and function name.
    pub reads: Vec<(Arc<str>, Reads)>,
}

impl Names {
    /// Collects the names of an expression.
    pub(super) fn of(ast: &AstNode) -> Names {
        let mut walk = Walk { frames: Vec::new(), names: Names::default() };
        walk.frames.push(Frame { late: late_bindings(ast), ..Frame::default() });
        walk.node(ast);
        walk.names
    }

    fn read(&mut self, name: &str, path: &[&str]) {
        if let Some((_, reads)) = self.reads.iter_mut().find(|(known, _)| &**known == name) {
            reads.add(path);
            return;
        }
        let name: Arc<str> = Arc::from(name);
        let list = if dialect::is_function(&name) { &mut self.functions } else { &mut self.variables };
        list.push(Arc::clone(&name));
        let mut reads = Reads::default();
        reads.add(path);
        self.reads.push((name, reads));
    }
}

/// One scope of the expression.
#[derive(Default)]
struct Frame {
    /// Bound before the place the walk has reached.
    bound: Vec<String>,
    /// Bound anywhere in the block: a function's body sees them, since it runs later.
    late: Vec<String>,
    /// Whether this is the frame of a function's parameters.
    is_function: bool,
}

struct Walk {
    frames: Vec<Frame>,
    names: Names,
}

impl Walk {
    fn is_bound(&self, name: &str) -> bool {
        let mut in_function = false;
        for frame in self.frames.iter().rev() {
            let has = |names: &[String]| names.iter().any(|bound| bound == name);
            if has(&frame.bound) || (in_function && has(&frame.late)) {
                return true;
            }
            in_function |= frame.is_function;
        }
        false
    }

    fn bind(&mut self, name: &str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.bound.push(name.to_owned());
        }
    }

    fn read(&mut self, name: &str, path: &[&str]) {
        if !name.is_empty() && !self.is_bound(name) {
            self.names.read(name, path);
        }
    }

    fn within(&mut self, frame: Frame, walk: impl FnOnce(&mut Walk)) {
        self.frames.push(frame);
        walk(self);
        self.frames.pop();
    }

    fn node(&mut self, node: &AstNode) {
        with_stack(|| self.node_here(node));
    }

    fn node_here(&mut self, node: &AstNode) {
        match node {
            AstNode::Variable(name) => self.read(name, &[]),
            AstNode::Path { .. } | AstNode::ObjectTransform { .. } | AstNode::Sort { .. } => {
                self.within(Frame::default(), |walk| walk.flow(node));
            }
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs } => {
                self.node(rhs);
                if let AstNode::Variable(name) = &**lhs {
                    self.bind(name);
                }
            }
            AstNode::Function { name, is_builtin, .. } => {
                self.children(node);
                if *is_builtin {
                    self.read(name, &[]);
                }
            }
            AstNode::Lambda { params, body, .. } => {
                let bound = params.iter().map(|param| param.trim_start_matches('$').to_owned()).collect();
                let frame = Frame { bound, late: late_bindings(body), is_function: true };
                self.within(frame, |walk| walk.node(body));
            }
            AstNode::Block(_) => {
                let mut late = Vec::new();
                for_each_child(node, &mut |child, _| late.extend(late_bindings(child)));
                self.within(Frame { late, ..Frame::default() }, |walk| walk.children(node));
            }
            _ => self.children(node),
        }
    }

    fn children(&mut self, node: &AstNode) {
        for_each_child(node, &mut |child, _| self.node(child));
    }

    /// A path, grouping or sort: what its steps bind (`@$v`, `#$i`) is seen by what follows, so no frame of its own.
    fn flow(&mut self, node: &AstNode) {
        match node {
            AstNode::Path { steps } => self.path(steps),
            AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } => {
                with_stack(|| self.flow(input));
                let mut first = true;
                for_each_child(node, &mut |child, _| {
                    if !std::mem::take(&mut first) {
                        self.node(child);
                    }
                });
            }
            _ => self.node(node),
        }
    }

    fn path(&mut self, steps: &[PathStep]) {
        if let Some((name, path)) = read_path(steps) {
            self.read(name, &path);
        }
        for (index, step) in steps.iter().enumerate() {
            let is_read = index == 0 && matches!(&step.node, AstNode::Variable(name) if !name.is_empty());
            if !is_read {
                self.flow(&step.node);
            }
            step.focus.iter().chain(&step.index_var).for_each(|name| self.bind(name));
            for stage in &step.stages {
                match stage {
                    jsonata_core::ast::Stage::Filter(filter) => self.node(filter),
                    jsonata_core::ast::Stage::Index(name) => self.bind(name),
                    jsonata_core::ast::Stage::KeepArray => {}
                }
            }
        }
    }
}

/// The variable a path starts from and the names it then goes through, as far as nothing else of the value is looked at.
fn read_path(steps: &[PathStep]) -> Option<(&str, Vec<&str>)> {
    let (first, rest) = steps.split_first()?;
    let AstNode::Variable(name) = &first.node else { return None };
    let mut path = Vec::new();
    if !tree::is_plain(first) || steps.iter().any(tree::binds) {
        return Some((name, path)); // `%` may look back at any step
    }
    for step in rest {
        let AstNode::Name(member) = &step.node else { break };
        path.push(member.as_str());
        if !tree::is_plain(step) {
            break;
        }
    }
    Some((name, path))
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
