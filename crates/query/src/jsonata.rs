//! JSONata expressions (`{% … %}`), profile 2.0.6 with AWS's additions, behind a border of our own.
//!
//! What it is for: [`Jsonata`] parses an expression once, says which names it reads, and evaluates it in a [`Scope`]. The
//! engine (crate `jsonata-core`) is seen by nothing outside this module; its values are not shared between threads and never
//! leave it.
//!
//! Start reading at [`Jsonata::eval`]; what AWS refuses is in `profile`, what it adds in `dialect`.

mod blame;
mod chains;
mod convert;
mod dialect;
mod engine;
mod errors;
mod guards;
mod limits;
mod messages;
mod names;
mod plain;
mod profile;
mod reads;
mod syntax;
mod tree;

use std::fmt;
use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::value::{JMap, JValue};
use stepwell_value::{Timestamp, Value};

use crate::{EvalError, Scope};
use convert::NoJson;
use engine::{Fault, Session, World};
use names::Names;
use plain::{Mismatch, Plain};
use reads::{Reads, WHOLE};

pub use limits::Limits;

/// A parsed JSONata expression. Immutable and shareable between threads.
#[derive(Clone)]
pub struct Jsonata {
    text: Arc<str>,
    program: Arc<Program>,
}

/// What is known of an expression before it runs.
struct Program {
    ast: AstNode,
    /// The tree with guards in it (see [`guards`]); none when there is nothing to guard.
    guarded: Option<AstNode>,
    names: Names,
    /// Whether it can make long chains of functions (see [`chains`]).
    can_chain: bool,
    /// Set when no engine is needed, unless something unusual happens.
    plain: Option<Plain>,
}

/// Why a text is no JSONata expression of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonataSyntaxError {
    /// JSONata's code, `S0201` (AWS: `INVALID_JSONATA_EXPRESSION`); empty when the profile refuses the expression for a reason
    /// of Step Functions (AWS: `UNSUPPORTED_JSONATA_EXPRESSION`).
    pub code: String,
    /// What is wrong, in the words of the reference implementation.
    pub message: String,
    /// Byte offset in the expression's text, as near as the engine's words tell; the end of the text when they do not.
    pub offset: usize,
}

impl JsonataSyntaxError {
    /// The code of AWS's diagnostic: `INVALID_JSONATA_EXPRESSION`, or `UNSUPPORTED_JSONATA_EXPRESSION` for what is JSONata but
    /// has no meaning in a state machine. AWS gives the message without JSONata's own code.
    pub fn diagnostic_code(&self) -> &'static str {
        if self.code.is_empty() { "UNSUPPORTED_JSONATA_EXPRESSION" } else { "INVALID_JSONATA_EXPRESSION" }
    }
}

impl fmt::Debug for Jsonata {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Jsonata").field(&self.text).finish()
    }
}

impl PartialEq for Jsonata {
    /// Expressions are equal when their texts are.
    fn eq(&self, other: &Jsonata) -> bool {
        self.text == other.text
    }
}

impl Jsonata {
    /// Parses the text between `{%` and `%}` (blanks around it included).
    ///
    /// # Errors
    /// When the text does not parse, or uses what AWS refuses at creation.
    pub fn parse(text: &str) -> Result<Jsonata, JsonataSyntaxError> {
        let text = text.trim();
        let ast = engine::parse(text)?;
        profile::check(&ast, text)?;
        let names = Names::of(&ast);
        let plain = Plain::of(&ast, &names, true);
        let guarded = guards::guarded(&ast, &names.functions);
        let can_chain = chains::can_chain(&ast);
        Ok(Jsonata { text: Arc::from(text), program: Arc::new(Program { ast, guarded, names, can_chain, plain }) })
    }

    /// The expression as AWS quotes it in messages: trimmed, without the delimiters.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Names of the variables (without `$`) that the expression reads but does not bind itself, sorted; `states` among them when used.
    /// Built-in functions are not among them: see [`Jsonata::functions`].
    pub fn free_variables(&self) -> &[Arc<str>] {
        &self.program.names.variables
    }

    /// Names of the functions of JSONata and Step Functions that the expression uses, without `$`, sorted. A workflow variable of the
    /// same name hides the function, and is then what the expression reads.
    pub fn functions(&self) -> &[Arc<str>] {
        &self.program.names.functions
    }

    /// Which members of `$states` the expression may look at (`input`, `result`, …), in the order of first use; `None` when it
    /// looks at `$states` as a whole.
    pub fn states_members(&self) -> Option<Vec<Arc<str>>> {
        let reads = self.program.names.reads.iter().find(|(name, _)| &**name == "states");
        match reads {
            None => Some(Vec::new()),
            Some((_, reads)) if reads.whole => None,
            Some((_, reads)) => Some(reads.members.iter().map(|(name, _)| Arc::clone(name)).collect()),
        }
    }

    /// Evaluates under [`Limits::DEFAULT`]. `Ok(None)` is JSONata's undefined.
    ///
    /// # Errors
    /// [`EvalError::Jsonata`] with the code and message of the reference implementation; the code is empty for limits, as on
    /// AWS (see [`thrown`]). [`EvalError::UnsupportedResult`] when the result is a function.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Option<Value>, EvalError> {
        self.eval_within(scope, &Limits::DEFAULT)
    }

    /// Evaluates under limits of the caller's choice.
    ///
    /// # Errors
    /// As [`Jsonata::eval`].
    pub fn eval_within(&self, scope: &dyn Scope, limits: &Limits) -> Result<Option<Value>, EvalError> {
        let program = &*self.program;
        let evaluated = |mismatch| {
            let world = World { mismatch, ..program.world(scope) };
            chains::with_room(program.can_chain, || run(program, world, limits))
        };
        match program.plain.as_ref().map_or(Err(None), |plain| plain.eval(scope, None, limits)) {
            Ok(outcome) => {
                debug_assert!(agree(&evaluated(None), &outcome), "{} plainly gives {outcome:?}", self.text);
                Ok(outcome)
            }
            Err(mismatch) => evaluated(mismatch).map_err(|failure| self.error(failure)),
        }
    }

    fn error(&self, failure: Failure) -> EvalError {
        let (field, expression) = (Arc::from(""), Arc::clone(&self.text));
        match failure {
            Failure::Thrown { code, message } => EvalError::Jsonata { field, expression, code, message },
            Failure::Unsupported => EvalError::UnsupportedResult { field, expression },
        }
    }
}

/// The end of the sentence "… threw an error during evaluation" as AWS writes it: `. T1006: Attempted …`, or `: Stack overflow
/// error…` for a limit, which has no code.
pub fn thrown(code: &str, message: &str) -> String {
    if code.is_empty() { format!(": {message}") } else { format!(". {code}: {message}") }
}

/// Whether the engine gives what a plain evaluation gave, unless a limit kept it from it.
fn agree(evaluated: &Result<Option<Value>, Failure>, plainly: &Option<Value>) -> bool {
    match evaluated {
        Ok(value) => {
            // Plainly, a number passes as it is spelled; the engine's are floats.
            let as_floats = |value: &Value| convert::from_engine(&convert::to_engine(value, &WHOLE), &Limits::DEFAULT);
            value.as_ref().map(as_floats) == plainly.as_ref().map(as_floats)
        }
        Err(Failure::Thrown { code, .. }) => code.is_empty(),
        Err(Failure::Unsupported) => false,
    }
}

/// The engine's code for an evaluation that takes too long.
const TIME_IS_UP: &str = "D1012";

/// Why there is no result.
enum Failure {
    Thrown { code: String, message: String },
    Unsupported,
}

/// Evaluates with the engine. When the time is up, it is tried once more: the engine goes by the wall clock, and a process that
/// was stopped, or got no processor, is no fault of the expression.
fn run(program: &Program, world: World, limits: &Limits) -> Result<Option<Value>, Failure> {
    match run_once(program, world.clone(), limits) {
        Err(Failure::Thrown { code, message })
            if code.is_empty() && Some(&*message) == errors::limit_message(TIME_IS_UP) =>
        {
            run_once(program, world, limits)
        }
        outcome => outcome,
    }
}

fn run_once(program: &Program, world: World, limits: &Limits) -> Result<Option<Value>, Failure> {
    let ast = &program.ast;
    let outcome = Session::new(world, limits).map(|mut session| {
        let outcome = session.evaluate(program.guarded.as_ref().unwrap_or(ast));
        (session, outcome)
    });
    let (mut session, outcome) = outcome.map_err(|fault| thrown_as_is(&fault))?;
    match outcome {
        Ok(value) => convert::from_engine(&value, limits).map_err(|reason| match reason {
            NoJson::Function => Failure::Unsupported,
            NoJson::TooLarge => limit_failure("D2015"),
        }),
        Err(fault) => Err(failure_of(&mut session, ast, fault)),
    }
}

fn failure_of(session: &mut Session, ast: &AstNode, mut fault: Fault) -> Failure {
    if errors::limit_message(&fault.code).is_some() {
        return limit_failure(&fault.code);
    }
    if messages::template(&fault.code).is_none() {
        return thrown_as_is(&fault);
    }
    let message = blame::explain(session, ast, &fault);
    Failure::Thrown { code: std::mem::take(&mut fault.code), message }
}

fn limit_failure(code: &str) -> Failure {
    let message = errors::limit_message(code).unwrap_or(code).to_owned();
    Failure::Thrown { code: String::new(), message }
}

fn thrown_as_is(fault: &Fault) -> Failure {
    Failure::Thrown { code: fault.code.clone(), message: fault.message.clone() }
}

impl Program {
    /// Converts what the expression reads of the scope, and nothing else.
    fn world(&self, scope: &dyn Scope) -> World {
        let mut bindings = Vec::with_capacity(self.names.reads.len());
        for (name, reads) in &self.names.reads {
            let value = match &**name {
                "states" => Some(states(scope, reads)),
                _ => scope.variable(name).map(|value| convert::to_engine(value, reads)),
            };
            bindings.extend(value.map(|value| (Arc::clone(name), value)));
        }
        let is_random = |name: &Arc<str>| matches!(&**name, "random" | "uuid" | "shuffle");
        World {
            input: JValue::Undefined,
            bindings,
            now: scope.now(),
            random: if self.names.functions.iter().any(is_random) { scope.random() } else { 0 },
            is_guarded: self.guarded.is_some(),
            functions: self.names.functions.clone(),
            mismatch: None,
        }
    }
}

/// Names and values of the members of `$states` that this scope gives.
fn states_of(scope: &dyn Scope, wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, &Value)> {
    let mut members = Vec::with_capacity(4);
    if wanted("input") {
        members.push(("input", scope.input()));
    }
    if wanted("context") {
        members.push(("context", scope.context())); // making it costs something
    }
    members.extend(scope.result().map(|value| ("result", value)).filter(|(name, _)| wanted(name)));
    members.extend(scope.error_output().map(|value| ("errorOutput", value)).filter(|(name, _)| wanted(name)));
    members
}

/// `$states`, as far as it is read.
fn states(scope: &dyn Scope, reads: &Reads) -> JValue {
    let members = states_of(scope, |name| reads.member(name).is_some());
    let converted = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), convert::to_engine(value, reads.member(name)?))));
    JValue::Object(std::rc::Rc::new(converted.collect::<JMap>()))
}

/// Evaluates any JSONata text against an input document, without the restrictions of the profile: for the official test suite
/// and for trying expressions out at the time `now`. `Ok(None)` is undefined.
///
/// # Errors
/// Code (as the engine gives it, limits included) and message.
pub fn evaluate_document(
    text: &str,
    input: Option<&Value>,
    bindings: &[(&str, &Value)],
    now: Timestamp,
    limits: &Limits,
) -> Result<Option<Value>, (String, String)> {
    let ast = engine::parse(text).map_err(|error| (error.code, error.message))?;
    let names = Names::of(&ast);
    let document = Document { input, bindings, now };
    let plain = Plain::of(&ast, &names, false).map_or(Err(None), |plain| plain.eval(&document, input, limits));
    let evaluated = |mismatch| document.evaluate(&ast, names, mismatch, limits);
    match plain {
        Ok(outcome) if cfg!(debug_assertions) => {
            // The two ways have to agree; numbers may be spelled in different ways.
            assert_eq!(evaluated(None).as_ref(), Ok(&outcome), "{text}");
            Ok(outcome)
        }
        Ok(outcome) => Ok(outcome),
        Err(mismatch) => evaluated(mismatch),
    }
}

/// What an expression sees that is evaluated against a document.
struct Document<'d> {
    input: Option<&'d Value>,
    bindings: &'d [(&'d str, &'d Value)],
    now: Timestamp,
}

impl Scope for Document<'_> {
    fn input(&self) -> &Value {
        self.input.unwrap_or(&Value::Null)
    }
    fn context(&self) -> &Value {
        &Value::Null
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        self.bindings.iter().find(|(bound, _)| *bound == name).map(|(_, value)| *value)
    }
    fn random(&self) -> u64 {
        0
    }
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Document<'_> {
    /// Evaluates with the engine.
    fn evaluate(
        &self,
        ast: &AstNode,
        names: Names,
        mismatch: Option<Mismatch>,
        limits: &Limits,
    ) -> Result<Option<Value>, (String, String)> {
        let guarded = guards::guarded(ast, &names.functions);
        let bindings = self.bindings.iter();
        let world = World {
            input: self.input.map_or(JValue::Undefined, |value| convert::to_engine(value, &WHOLE)),
            bindings: bindings.map(|(name, value)| (Arc::from(*name), convert::to_engine(value, &WHOLE))).collect(),
            functions: names.functions.into_iter().filter(|name| &**name != "eval").collect(),
            now: self.now,
            random: self.random(),
            is_guarded: guarded.is_some(),
            mismatch,
        };
        chains::with_room(chains::can_chain(ast), || run_document(ast, guarded.as_ref(), world, limits))
    }
}

fn run_document(
    ast: &AstNode,
    guarded: Option<&AstNode>,
    world: World,
    limits: &Limits,
) -> Result<Option<Value>, (String, String)> {
    let mut session = Session::new(world, limits).map_err(|fault| (fault.code, fault.message))?;
    match session.evaluate(guarded.unwrap_or(ast)) {
        Ok(value) => convert::from_engine(&value, limits).map_err(|reason| ("D2015".to_owned(), format!("{reason:?}"))),
        Err(fault) if messages::template(&fault.code).is_some() => {
            let message = blame::explain(&mut session, ast, &fault);
            Err((fault.code, message))
        }
        Err(fault) => Err((fault.code, fault.message)),
    }
}
