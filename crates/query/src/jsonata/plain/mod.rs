//! Plain expressions: evaluated on our own values as they are.
//!
//! Most expressions of state machines select, compare, calculate and build objects. For them the engine is not needed, nor
//! what costs most with it: converting the data. [`Plain::of`] translates the tree of such an expression once; what it does
//! not know makes the expression one for the engine.
//!
//! It never fails: whatever is unusual while it runs (a wrong type, a number that is not finite, text beyond ASCII where the
//! order or the case of letters counts, too much work) makes it give up, and the engine evaluates the expression from the
//! beginning. So errors, limits and their messages have one source. Nothing here reads the clock or random bits.
//!
//! Start reading at `evaluate`; what is translated is in `translate`, functions are in `functions`.

mod evaluate;
mod functions;
mod got;
#[cfg(test)]
mod tests;
mod translate;

use std::sync::Arc;

use jsonata_core::ast::AstNode;
use stepwell_value::Value;

use super::limits::Limits;
use super::names::Names;
use crate::Scope;
use evaluate::Evaluation;
use functions::Function;
use got::GaveUp;

/// Two values that were compared and cannot be: the engine's message lacks them.
pub(super) type Mismatch = [Value; 2];

/// A plain expression.
pub(super) struct Plain {
    root: Node,
    /// How many variables of its own it has.
    locals: usize,
    /// Names of the functions it calls, which a workflow variable may hide.
    functions: Vec<Arc<str>>,
}

impl Plain {
    /// Translates a tree; `None` when it is not plain. `in_state` says that `$states` is that of a state machine.
    pub(super) fn of(ast: &AstNode, names: &Names, in_state: bool) -> Option<Plain> {
        let (root, locals) = translate::translate(ast, names, in_state)?;
        Some(Plain { root, locals, functions: names.functions.clone() })
    }

    /// Evaluates over `document`, what `$` and names stand for outside all steps; expressions of state machines have none.
    /// `Ok(None)` is JSONata's undefined.
    ///
    /// # Errors
    /// When it gave up; with the values, when that was over two that cannot be compared.
    pub(super) fn eval(
        &self,
        scope: &dyn Scope,
        document: Option<&Value>,
        limits: &Limits,
    ) -> Result<Option<Value>, Option<Mismatch>> {
        // A document that is an array is one item at first, and then many: a rule of its own.
        let is_array = matches!(document, Some(Value::Array(_)));
        if is_array || self.functions.iter().any(|name| scope.variable(name).is_some()) {
            return Err(None);
        }
        let mut evaluation = Evaluation::new(scope, self.locals);
        let outcome = evaluation.result(&self.root, document, limits);
        outcome.map_err(|GaveUp| evaluation.mismatch.take())
    }
}

/// A node of a plain expression. Local variables are numbers of slots: a function is called only where it is written, so
/// each variable has one place.
enum Node {
    /// A literal.
    Literal(Value),
    /// A literal number.
    Number(f64),
    /// `$`
    Context,
    /// `$states.input` and the like.
    States(Member),
    /// A variable from outside.
    Variable(Arc<str>),
    /// A variable of the expression.
    Local(usize),
    /// A name, which is looked up in `$`.
    Name(Arc<str>),
    /// Steps, of which there is at least one.
    Path(Vec<Step>),
    /// `+`, `-`, `*`, `/`, `%`
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    /// `=`, or `!=` when `equal` is false.
    Equality { equal: bool, sides: Box<[Node; 2]> },
    /// `<`, `<=`, `>`, `>=`
    Order(Order, Box<[Node; 2]>),
    /// `and`
    And(Box<[Node; 2]>),
    /// `or`
    Or(Box<[Node; 2]>),
    /// `&`
    Concatenate(Box<[Node; 2]>),
    /// `in`
    In(Box<[Node; 2]>),
    /// `[a..b]`, within an array constructor
    Range(Box<[Node; 2]>),
    /// `-`
    Negate(Box<Node>),
    /// Condition, then, else.
    Conditional(Box<[Node; 3]>),
    /// `[…]`; whether an item is an array constructor, which stays an array within the array.
    Array(Vec<(Node, bool)>),
    /// `{…}`
    Object(Vec<(Node, Node)>),
    /// `input{…}`
    Group(Box<Node>, Vec<(Node, Node)>),
    /// `(…; …)`, not empty
    Block(Vec<Node>),
    /// `$name := value`
    Bind(usize, Box<Node>),
    /// A call of a function.
    Call(Function, Vec<Node>),
    /// `$map`, `$filter`, `$sort` with a function that is written there.
    Each(Each, Box<[Node; 2]>, Vec<usize>),
}

/// A step of a path.
struct Step {
    node: Node,
    filters: Vec<Node>,
    /// Whether it is a variable, which is no step over the items of `$`.
    is_variable: bool,
}

/// A member of `$states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Input,
    Context,
    Result,
    ErrorOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Each {
    Map,
    Filter,
    Sort,
}
