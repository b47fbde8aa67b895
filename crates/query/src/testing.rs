//! A scope for tests.

use std::cell::Cell;

use stepwell_value::{Timestamp, Value};

use crate::Scope;

/// A scope of fixed data whose randomness counts from a start.
pub(crate) struct TestScope {
    pub(crate) input: Value,
    pub(crate) context: Value,
    pub(crate) variables: Value,
    pub(crate) random: Cell<u64>,
}

impl TestScope {
    /// A scope with this input, the context `{"Execution":{"Name":"run"}}` and the variables `{"v":{"w":[1,2]}}`.
    pub(crate) fn new(input: &str) -> TestScope {
        let json = |text| Value::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        TestScope {
            input: json(input),
            context: json(r#"{"Execution":{"Name":"run"},"StateMachine":{"Id":"arn","Name":"machine"}}"#),
            variables: json(r#"{"v":{"w":[1,2]}}"#),
            random: Cell::new(0x0123_4567_89AB_CDEF),
        }
    }
}

impl Scope for TestScope {
    fn input(&self) -> &Value {
        &self.input
    }

    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn random(&self) -> u64 {
        self.random
            .set(self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        self.random.get()
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// Texts made of fragments, the same in every run: for the property that a parser does not panic.
pub(crate) fn arbitrary_texts(fragments: &[&str], count: usize) -> Vec<String> {
    let scope = TestScope::new("null");
    let next = |bound: usize| usize::try_from(scope.random() >> 33).unwrap_or(0) % bound;
    (0..count)
        .map(|_| {
            let length = next(12);
            (0..length).map(|_| fragments.get(next(fragments.len())).copied().unwrap_or("")).collect()
        })
        .collect()
}
