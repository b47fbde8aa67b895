//! Running an expression: the only place that talks to the engine.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use stepwell_value::Timestamp;

use super::dialect::{self, Moment};
use super::limits::Limits;
use super::plain::Mismatch;
use super::{JsonataSyntaxError, errors, guards, syntax};

/// The code of faults that are the engine's own: it panicked.
pub(super) const ENGINE_FAILED: &str = "D9001";

/// An error the engine raised, as it words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// JSONata's code; empty when the engine gave none.
    pub code: String,
    /// The engine's words, without the code.
    pub message: String,
}

impl Fault {
    fn of(error: &EvaluatorError) -> Fault {
        let (code, message) = errors::split_code(error.message());
        Fault { code: code.to_owned(), message: message.to_owned() }
    }
}

/// Parses a text into the engine's tree.
///
/// # Errors
/// When it is no JSONata.
pub(super) fn parse(text: &str) -> Result<AstNode, JsonataSyntaxError> {
    match catch_unwind(|| parser::parse(text)) {
        Ok(Ok(ast)) => Ok(ast),
        Ok(Err(error)) => Err(syntax::syntax_error(&error.to_string(), text)),
        Err(_) => {
            let message = "the JSONata engine failed to read this expression; simplify it".to_owned();
            Err(JsonataSyntaxError { code: ENGINE_FAILED.to_owned(), message, offset: 0 })
        }
    }
}

/// What an evaluation sees.
#[derive(Clone)]
pub(super) struct World {
    /// The input document; undefined for expressions of state machines.
    pub input: JValue,
    /// Variables by name, without `$`.
    pub bindings: Vec<(Arc<str>, JValue)>,
    /// Names of the functions the expression uses.
    pub functions: Vec<Arc<str>>,
    /// The time of the step.
    pub now: Timestamp,
    /// Where the random bits start.
    pub random: u64,
    /// Whether the tree has guards in it.
    pub is_guarded: bool,
    /// What a plain evaluation could not compare.
    pub mismatch: Option<Mismatch>,
}

/// One evaluation, with everything bound. It can be repeated on parts of the expression.
pub(super) struct Session {
    evaluator: Evaluator,
    input: JValue,
    /// What a plain evaluation could not compare.
    pub(super) mismatch: Option<Mismatch>,
}

impl Session {
    /// Binds everything.
    ///
    /// # Errors
    /// When the engine refuses a function, which would be a bug of ours.
    pub(super) fn new(world: World, limits: &Limits) -> Result<Session, Fault> {
        let options = EvaluatorOptions {
            timeout_ms: Some(limits.timeout_millis),
            cancel: None,
            max_stack_depth: Some(limits.depth_max),
            max_sequence_length: Some(limits.sequence_length_max),
        };
        let mut context = Context::new();
        let moment = Moment {
            now: world.now,
            random: Rc::new(Cell::new(world.random)),
            sequence_length_max: limits.sequence_length_max,
        };
        let hidden = |name: &Arc<str>| world.bindings.iter().any(|(bound, _)| bound == name);
        let ours: Vec<_> = world.functions.iter().filter(|name| dialect::is_ours(name) && !hidden(name)).collect();
        for (name, value) in &world.bindings {
            context.bind(name.to_string(), value.clone());
        }
        let mut evaluator = Evaluator::with_options(context, options);
        if world.is_guarded {
            guards::register(&mut evaluator, limits).map_err(|error| Fault::of(&error))?;
        }
        for name in ours {
            dialect::register(&mut evaluator, name, &moment).map_err(|error| Fault::of(&error))?;
        }
        Ok(Session { evaluator, input: world.input, mismatch: world.mismatch })
    }

    /// Evaluates a tree.
    ///
    /// # Errors
    /// What the engine raised; a panic of the engine becomes a fault, too.
    pub(super) fn evaluate(&mut self, ast: &AstNode) -> Result<JValue, Fault> {
        let Session { evaluator, input, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(ast, input))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Fault::of(&error)),
            Err(_) => Err(Fault {
                code: ENGINE_FAILED.to_owned(),
                message: "the JSONata engine failed on this expression; simplify it".to_owned(),
            }),
        }
    }
}
