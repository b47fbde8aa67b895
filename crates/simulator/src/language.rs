//! The same state in either query language: what generated workflows say, spelled in both.

use serde_json::{Value, json};

/// A query language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `Parameters`, `ResultPath` …
    JsonPath,
    /// `Arguments`, `Output` …
    Jsonata,
}

/// Adds a member to an object.
pub fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

impl Language {
    /// Says so in the state, when it is not the machine's language.
    pub fn mark(self, state: &mut Value, of_machine: Language) {
        if self == Language::Jsonata && of_machine == Language::JsonPath {
            put(state, "QueryLanguage", json!("JSONata"));
        }
    }

    /// A field that has one name in JSONPath and another in JSONata.
    pub fn shape(self, state: &mut Value, in_path: &str, in_jsonata: &str, value: Value) {
        put(state, if self == Language::JsonPath { in_path } else { in_jsonata }, value);
    }

    /// The data that states keep, `n` made by this expression.
    fn data(self, in_path: &str, in_jsonata: &str) -> Value {
        match self {
            Language::JsonPath => json!({"n.$": in_path, "items.$": "$.items", "wait.$": "$.wait"}),
            Language::Jsonata => json!({"n": in_jsonata, "items": "{% $states.input.items %}",
                "wait": "{% $states.input.wait %}"}),
        }
    }

    /// The data, with `n` counted up.
    pub fn counted(self) -> Value {
        self.data("States.MathAdd($.n, 1)", "{% $states.input.n + 1 %}")
    }

    /// What an iteration gets.
    pub fn selector(self) -> Value {
        let mut selector = self.data("$$.Map.Item.Index", "{% $states.context.Map.Item.Index %}");
        match self {
            Language::JsonPath => put(&mut selector, "v.$", json!("$$.Map.Item.Value")),
            Language::Jsonata => put(&mut selector, "v", json!("{% $states.context.Map.Item.Value %}")),
        }
        selector
    }

    /// The items of a Map.
    pub fn items(self) -> Value {
        json!(if self == Language::JsonPath { "$.items" } else { "{% $states.input.items %}" })
    }

    /// What a function gets that calls back.
    pub fn callback(self) -> Value {
        match self {
            Language::JsonPath => {
                json!({"FunctionName": "callback", "Payload": {"token.$": "$$.Task.Token", "n.$": "$.n"}})
            }
            Language::Jsonata => json!({"FunctionName": "callback",
                "Payload": {"token": "{% $states.context.Task.Token %}", "n": "{% $states.input.n %}"}}),
        }
    }

    /// What a function gets that answers.
    pub fn invocation(self) -> Value {
        match self {
            Language::JsonPath => json!({"FunctionName": "invoked", "Payload.$": "$"}),
            Language::Jsonata => json!({"FunctionName": "invoked", "Payload": "{% $states.input %}"}),
        }
    }

    /// A Pass state that keeps a literal beside its input.
    pub fn keep(self, state: &mut Value, name: &str, value: Value) {
        match self {
            Language::JsonPath => {
                put(state, "Result", value);
                put(state, "ResultPath", json!(format!("$.{name}")));
            }
            Language::Jsonata => merge(state, name, &value.to_string()),
        }
    }

    /// A Pass state that keeps what an expression gives beside its input.
    pub fn keep_evaluated(self, state: &mut Value, name: &str, in_path: &str, in_jsonata: &str) {
        match self {
            Language::JsonPath => {
                put(state, "Parameters", json!({format!("{name}.$"): in_path}));
                put(state, "ResultPath", json!(format!("$.{name}")));
            }
            Language::Jsonata => merge(state, name, in_jsonata),
        }
    }

    /// A state that keeps its result beside its input.
    pub fn keep_result(self, state: &mut Value, name: &str) {
        match self {
            Language::JsonPath => put(state, "ResultPath", json!(format!("$.{name}"))),
            Language::Jsonata => merge(state, name, "$states.result"),
        }
    }

    /// A catcher that keeps the error beside the state's input.
    pub fn keep_error(self, catcher: &mut Value, name: &str) {
        match self {
            Language::JsonPath => put(catcher, "ResultPath", json!(format!("$.{name}"))),
            Language::Jsonata => merge(catcher, name, "$states.errorOutput"),
        }
    }

    /// Assigns the items to a variable.
    pub fn assign(self, state: &mut Value, variable: &str) {
        let assigned = match self {
            Language::JsonPath => json!({format!("{variable}.$"): "$.items"}),
            Language::Jsonata => json!({variable: "{% $states.input.items %}"}),
        };
        put(state, "Assign", assigned);
    }

    /// Reads what is not there.
    pub fn fail(self, state: &mut Value) {
        match self {
            Language::JsonPath => put(state, "InputPath", json!("$.missing")),
            Language::Jsonata => put(state, "Output", json!("{% $states.input.missing.deep + 1 %}")),
        }
    }

    /// Waits as long as the input says.
    pub fn wait_as_told(self, state: &mut Value) {
        match self {
            Language::JsonPath => put(state, "SecondsPath", json!("$.wait")),
            Language::Jsonata => put(state, "Seconds", json!("{% $states.input.wait %}")),
        }
    }

    /// One of three rules of a Choice, without where it leads.
    pub fn rule(self, which: u64) -> Value {
        match (self, which) {
            (Language::JsonPath, 0) => json!({"Variable": "$.n", "NumericGreaterThan": 2}),
            (Language::JsonPath, 1) => json!({"And": [{"Variable": "$.n", "IsPresent": true},
                {"Variable": "$.wait", "NumericLessThan": 10}]}),
            (Language::JsonPath, _) => json!({"Not": {"Variable": "$.items", "IsPresent": true}}),
            (Language::Jsonata, 0) => json!({"Condition": "{% $states.input.n > 2 %}"}),
            (Language::Jsonata, 1) => {
                json!({"Condition": "{% $exists($states.input.n) and $states.input.wait < 10 %}"})
            }
            (Language::Jsonata, _) => json!({"Condition": "{% $not($exists($states.input.items)) %}"}),
        }
    }

    /// The rule that `n` is below a limit.
    pub fn below(self, limit: u64) -> Value {
        match self {
            Language::JsonPath => json!({"Variable": "$.n", "NumericLessThan": limit}),
            Language::Jsonata => json!({"Condition": format!("{{% $states.input.n < {limit} %}}")}),
        }
    }
}

/// An `Output` of the input with one more member.
fn merge(state: &mut Value, name: &str, value: &str) {
    let output = format!("{{% $merge([$states.input, {{'{name}': {value}}}]) %}}");
    put(state, "Output", json!(output));
}
