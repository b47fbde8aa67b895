//! What an evaluation may see.

use stepwell_value::{Timestamp, Value};

/// The data around a field while it is evaluated. The interpreter implements it; building the context object is put off
/// until an expression asks for it.
pub trait Scope {
    /// The document `$` stands for in JSONPath: the raw or effective input, or the result, whichever the field reads.
    fn input(&self) -> &Value;

    /// The context object, `$$` in JSONPath and `$states.context` in JSONata.
    fn context(&self) -> &Value;

    /// The value of a workflow variable, seen from the current scope outwards.
    fn variable(&self, name: &str) -> Option<&Value>;

    /// The result of a Task, Parallel or Map: `$states.result`, where the field may see it.
    fn result(&self) -> Option<&Value> {
        None
    }

    /// The error a catcher handles: `$states.errorOutput`, where the field may see it.
    fn error_output(&self) -> Option<&Value> {
        None
    }

    /// The next 64 random bits of this step. Deterministic: derived from the step's Moment.
    fn random(&self) -> u64;

    /// The time of this step: `$now()` and `$millis()` of JSONata.
    fn now(&self) -> Timestamp;
}
