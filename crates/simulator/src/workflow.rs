//! Random workflows: ASL texts with every JSONPath state type, nested, that come to an end by themselves.

use serde_json::{Map, Value, json};

use crate::rng::Rng;

/// Account and region of the world.
pub const SCOPE: (&str, &str) = ("000000000000", "us-east-1");

/// The same as the registry writes it.
pub fn scope() -> stepwell_engine::Scope {
    stepwell_engine::Scope { account: SCOPE.0.to_owned(), region: SCOPE.1.to_owned() }
}

/// The ARN of the activity with this name.
pub fn activity_arn(name: &str) -> String {
    format!("arn:aws:states:{}:{}:activity:{name}", SCOPE.1, SCOPE.0)
}

/// The activities of a world.
pub const ACTIVITIES: &[&str] = &["pack", "ship"];

/// Makes the text of a workflow. States keep the members `n`, `items` and `wait` in their data, so that every other state
/// finds what it needs; a few do not, on purpose.
pub fn generate(rng: &mut Rng, depth: u64, width: u64) -> String {
    let mut generator = Generator { rng, depth_max: depth, width: width.max(1), named: 0 };
    let mut machine = generator.block(0);
    if generator.rng.chance(0.2)
        && let Some(members) = machine.as_object_mut()
    {
        members.insert("TimeoutSeconds".into(), json!(generator.rng.between(20, 600)));
    }
    machine.to_string()
}

/// An input that [`generate`]d workflows understand.
pub fn input(rng: &mut Rng) -> String {
    let items: Vec<u64> = (0..rng.below(6)).map(|_| rng.below(9)).collect();
    json!({"n": rng.below(4), "items": items, "wait": rng.below(40)}).to_string()
}

struct Generator<'r> {
    rng: &'r mut Rng,
    depth_max: u64,
    width: u64,
    named: u64,
}

/// Where a state goes: to the state of this name, or to the end of its block.
type Next = Option<String>;

impl Generator<'_> {
    /// A `States` map with its `StartAt`, built from its last state to its first, so that every target exists.
    fn block(&mut self, depth: u64) -> Value {
        let mut states = Map::new();
        let mut next: Next = None;
        for _ in 0..self.rng.between(1, self.width) {
            next = Some(self.segment(&mut states, depth, next));
        }
        json!({"StartAt": next.unwrap_or_default(), "States": Value::Object(states)})
    }

    fn segment(&mut self, states: &mut Map<String, Value>, depth: u64, next: Next) -> String {
        let nested = if depth < self.depth_max { 2 } else { 0 };
        match self.rng.below(10 + nested) {
            0 | 1 => self.pass(states, next),
            2 => self.wait(states, next),
            3 => self.choice(states, next),
            4 => self.count(states, next),
            10 => self.parallel(states, depth, next),
            11 => self.map(states, depth, next),
            _ => self.task(states, next),
        }
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("S{}", self.named)
    }

    /// Adds a state under a new name; gives the name.
    fn add(&mut self, states: &mut Map<String, Value>, mut state: Value, next: Next) -> String {
        let name = self.name();
        lead(&mut state, next);
        states.insert(name.clone(), state);
        name
    }

    fn pass(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let state = match self.rng.below(8) {
            0 => json!({"Type": "Pass", "Result": {"k": [1, 2]}, "ResultPath": "$.k"}),
            1 => json!({"Type": "Pass", "Parameters": {"u.$": "States.UUID()"}, "ResultPath": "$.u"}),
            2 => json!({"Type": "Pass", "Parameters": data("States.MathAdd($.n, 1)")}),
            3 => {
                let variable = format!("v{}.$", self.named);
                json!({"Type": "Pass", "Assign": {variable: "$.items"}})
            }
            4 if self.rng.chance(0.2) => json!({"Type": "Pass", "InputPath": "$.missing"}),
            _ => json!({"Type": "Pass"}),
        };
        self.add(states, state, next)
    }

    fn wait(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let state = match self.rng.below(6) {
            0 => json!({"Type": "Wait", "SecondsPath": "$.wait"}),
            1 => {
                let at = stepwell_value::Timestamp(crate::clock::EPOCH).plus_seconds(self.rng.below(400));
                json!({"Type": "Wait", "Timestamp": at.to_rfc3339()})
            }
            _ => json!({"Type": "Wait", "Seconds": self.rng.below(90)}),
        };
        self.add(states, state, next)
    }

    /// A Choice that skips what follows, fails, or goes on.
    fn choice(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let go_on = match next {
            Some(next) => next,
            None => self.add_last(states, json!({"Type": "Succeed"})),
        };
        let aside = match self.rng.below(3) {
            0 => self.add_last(states, json!({"Type": "Fail", "Error": "Boom", "Cause": "chosen"})),
            1 => self.add_last(states, json!({"Type": "Succeed"})),
            _ => self.add(states, json!({"Type": "Pass"}), Some(go_on.clone())),
        };
        let rule = match self.rng.below(3) {
            0 => json!({"Variable": "$.n", "NumericGreaterThan": 2, "Next": aside}),
            1 => json!({"And": [{"Variable": "$.n", "IsPresent": true}, {"Variable": "$.wait", "NumericLessThan": 10}],
                "Next": aside}),
            _ => json!({"Not": {"Variable": "$.items", "IsPresent": true}, "Next": aside}),
        };
        self.add_last(states, json!({"Type": "Choice", "Choices": [rule], "Default": go_on}))
    }

    fn add_last(&mut self, states: &mut Map<String, Value>, state: Value) -> String {
        let name = self.name();
        states.insert(name.clone(), state);
        name
    }

    /// A loop that counts `n` up: Pass, Choice, and back.
    fn count(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let done = match next {
            Some(next) => next,
            None => self.add(states, json!({"Type": "Pass"}), None),
        };
        let (counter, test) = (self.name(), self.name());
        let counting = json!({"Type": "Pass", "Parameters": data("States.MathAdd($.n, 1)"), "Next": test});
        let limit = self.rng.between(4, 12);
        let rule = json!({"Variable": "$.n", "NumericLessThan": limit, "Next": counter});
        states.insert(counter.clone(), counting);
        states.insert(test, json!({"Type": "Choice", "Choices": [rule], "Default": done}));
        counter
    }

    fn task(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let mut state = match self.rng.below(6) {
            0 | 1 => {
                let activity = self.rng.pick(ACTIVITIES).copied().unwrap_or("pack");
                json!({"Type": "Task", "Resource": activity_arn(activity)})
            }
            2 | 3 => json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {"FunctionName": "callback", "Payload": {"token.$": "$$.Task.Token", "n.$": "$.n"}}}),
            4 => json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "invoked", "Payload.$": "$"}}),
            _ => json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:charge"}),
        };
        let Some(members) = state.as_object_mut() else { return String::new() };
        members.insert("ResultPath".into(), json!("$.r"));
        let timeout = self.rng.between(3, 60);
        if self.rng.chance(0.5) {
            members.insert("TimeoutSeconds".into(), json!(timeout));
            if self.rng.chance(0.4) {
                members.insert("HeartbeatSeconds".into(), json!(self.rng.between(1, timeout - 1)));
            }
        }
        self.handlers(states, &mut state, &next);
        self.add(states, state, next)
    }

    /// `Retry` and `Catch`, each perhaps.
    fn handlers(&mut self, states: &mut Map<String, Value>, state: &mut Value, next: &Next) {
        let errors = ["States.TaskFailed", "Boom", "States.Timeout", "States.ALL"];
        let (retries, catches) = (self.rng.chance(0.4), self.rng.chance(0.4));
        let retry_on = self.rng.pick(&errors).copied().unwrap_or("States.ALL");
        let mut retrier = json!({"ErrorEquals": [retry_on], "IntervalSeconds": self.rng.between(1, 6),
            "MaxAttempts": self.rng.below(4), "BackoffRate": 1.0 + self.rng.below(4) as f64 / 2.0});
        let catch_on = self.rng.pick(&errors).copied().unwrap_or("States.ALL");
        let Some(members) = state.as_object_mut() else { return };
        if retries && let Some(retrier_members) = retrier.as_object_mut() {
            match self.rng.below(3) {
                0 => retrier_members.insert("JitterStrategy".into(), json!("FULL")),
                1 => retrier_members.insert("MaxDelaySeconds".into(), json!(self.rng.between(7, 20))),
                _ => None,
            };
            members.insert("Retry".into(), json!([retrier]));
        }
        if catches {
            let target = match next {
                Some(next) if self.rng.chance(0.5) => next.clone(),
                _ => self.add(states, json!({"Type": "Pass"}), None),
            };
            members.insert("Catch".into(), json!([{"ErrorEquals": [catch_on], "ResultPath": "$.e", "Next": target}]));
        }
    }

    fn parallel(&mut self, states: &mut Map<String, Value>, depth: u64, next: Next) -> String {
        let branches: Vec<Value> = (0..self.rng.between(1, 3)).map(|_| self.block(depth + 1)).collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches, "ResultPath": "$.p"});
        self.handlers(states, &mut state, &next);
        self.add(states, state, next)
    }

    fn map(&mut self, states: &mut Map<String, Value>, depth: u64, next: Next) -> String {
        let distributed = self.rng.chance(0.25);
        let mut processor = self.block(depth + 1);
        if let Some(members) = processor.as_object_mut() {
            let inline = json!({"Mode": "INLINE"});
            let config = if distributed { json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}) } else { inline };
            members.insert("ProcessorConfig".into(), config);
        }
        let mut selector = data("$$.Map.Item.Index");
        if let Some(members) = selector.as_object_mut() {
            members.insert("v.$".into(), json!("$$.Map.Item.Value"));
        }
        let mut state = json!({"Type": "Map", "ItemsPath": "$.items", "ItemSelector": selector,
            "ItemProcessor": processor, "ResultPath": "$.m"});
        if self.rng.chance(0.6)
            && let Some(members) = state.as_object_mut()
        {
            members.insert("MaxConcurrency".into(), json!(self.rng.below(4)));
        }
        if distributed && let Some(members) = state.as_object_mut() {
            members.insert("Label".into(), json!(format!("L{}", self.named)));
            if self.rng.chance(0.5) {
                members.insert("ToleratedFailureCount".into(), json!(self.rng.below(3)));
            }
        }
        self.handlers(states, &mut state, &next);
        self.add(states, state, next)
    }
}

/// The data that states keep, `n` made by this expression.
fn data(n: &str) -> Value {
    json!({"n.$": n, "items.$": "$.items", "wait.$": "$.wait"})
}

fn lead(state: &mut Value, next: Next) {
    let Some(members) = state.as_object_mut() else { return };
    match next {
        Some(next) => members.insert("Next".into(), json!(next)),
        None => members.insert("End".into(), json!(true)),
    };
}

#[cfg(test)]
mod tests {
    use super::{generate, input};
    use crate::rng::Rng;

    #[test]
    fn generated_workflows_compile_and_show_every_state_type() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let text = generate(&mut rng, seed % 4, 1 + seed % 4);
            let compiled = stepwell_asl::compile(&text, &stepwell_asl::Options::default());
            let definition = compiled.definition;
            let definition = definition.unwrap_or_else(|| panic!("{text}\n{:?}", compiled.diagnostics));
            seen.extend(definition.states.iter().map(stepwell_asl::State::state_type));
            assert!(stepwell_value::Value::parse(&input(&mut rng)).is_ok());
        }
        assert_eq!(seen.len(), 8, "{seen:?}");
    }
}
