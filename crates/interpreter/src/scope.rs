//! What an expression may see: the scope of one state in one frame.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use stepwell_query::Scope;
use stepwell_value::{Payload, Timestamp, Value};

use crate::command::Moment;
use crate::context;
use crate::execution::{Execution, Frame};

/// The scope of a field while it is evaluated.
pub(crate) struct StateScope<'a> {
    /// The execution, for variables and the context object.
    pub execution: &'a Execution,
    /// The frame that stands at the state.
    pub frame: &'a Frame,
    /// What `$` stands for.
    pub input: &'a Payload,
    /// `$states.result`
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`
    pub error_output: Option<&'a Value>,
    /// The state's name, for the context object.
    pub state_name: &'a Arc<str>,
    /// Whether `State.RetryCount` is in the context object.
    pub with_retry_count: bool,
    /// The Map item that is being selected: index and item (with its key, where the items are an object's members).
    pub item: Option<(u32, &'a Value, Option<&'a Arc<str>>)>,
    /// Where the items of a distributed Map come from.
    pub item_source: Option<&'static str>,
    /// The task token, where the state has one.
    pub token: Option<Arc<str>>,
    /// Time.
    pub moment: Moment<'a>,
    /// State of the step's generator.
    pub random: &'a Cell<u64>,
    /// The context object that a TestState call gives instead of the execution's.
    pub given_context: Option<&'a Payload>,
    /// The context object, once it was asked for.
    pub context: OnceCell<Value>,
}

impl Scope for StateScope<'_> {
    fn input(&self) -> &Value {
        self.input.value()
    }

    fn context(&self) -> &Value {
        self.context.get_or_init(|| context::build(self))
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let mut frame = self.frame;
        loop {
            if let Some(value) = frame.variable(name) {
                return Some(value);
            }
            frame = self.execution.frames.get(&frame.parent?.0)?;
        }
    }

    fn result(&self) -> Option<&Value> {
        self.result
    }

    fn error_output(&self) -> Option<&Value> {
        self.error_output
    }

    fn random(&self) -> u64 {
        next_random(self.random)
    }

    fn now(&self) -> Timestamp {
        self.moment.now
    }
}

/// The next number of a splitmix64 generator.
pub(crate) fn next_random(state: &Cell<u64>) -> u64 {
    let seed = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    state.set(seed);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
