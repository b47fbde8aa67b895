//! Random workflows: ASL texts with every type of state, nested, in both query languages, that come to an end by themselves.

use serde_json::{Map, Value, json};

use crate::language::{Language, put};
use crate::options::Options;
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
///
/// One for a machine of type EXPRESS waits for no callback, has no activities and no Map Runs, as AWS has it.
pub fn generate(rng: &mut Rng, express: bool, options: &Options) -> String {
    let language = if rng.chance(0.35) { Language::Jsonata } else { Language::JsonPath };
    let (depth_max, width) = (Options::count(options.depth), Options::count(options.width).max(1));
    let mut generator = Generator { rng, language, express, depth_max, width, map_runs: options.map_runs, named: 0 };
    let mut machine = generator.block(0);
    if generator.rng.chance(0.2) {
        put(&mut machine, "TimeoutSeconds", json!(generator.rng.between(20, 600)));
    }
    if language == Language::Jsonata {
        put(&mut machine, "QueryLanguage", json!("JSONata"));
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
    /// The machine's query language. Single states of a machine in JSONPath may be in JSONata.
    language: Language,
    /// Whether the machine is of type EXPRESS.
    express: bool,
    depth_max: u64,
    width: u64,
    /// The probability that a Map is of mode DISTRIBUTED.
    map_runs: f64,
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
        let nested = match depth < self.depth_max {
            true if self.map_runs > 0.5 => 4,
            true => 2,
            false => 0,
        };
        match self.rng.below(10 + nested) {
            0 | 1 => self.pass(states, next),
            2 => self.wait(states, next),
            3 => self.choice(states, next),
            4 => self.count(states, next),
            10 => self.parallel(states, depth, next),
            11.. => self.map(states, depth, next),
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

    /// The language of the next state.
    fn language(&mut self) -> Language {
        if self.language == Language::JsonPath && self.rng.chance(0.1) { Language::Jsonata } else { self.language }
    }

    fn pass(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let language = self.language();
        let mut state = json!({"Type": "Pass"});
        match self.rng.below(8) {
            0 => language.keep(&mut state, "k", json!([1, 2])),
            1 => language.keep_evaluated(&mut state, "u", "States.UUID()", "$uuid()"),
            2 => language.shape(&mut state, "Parameters", "Output", language.counted()),
            3 => {
                let variable = format!("v{}", self.named);
                language.assign(&mut state, &variable);
            }
            4 if self.rng.chance(0.2) => language.fail(&mut state),
            _ => {}
        }
        language.mark(&mut state, self.language);
        self.add(states, state, next)
    }

    fn wait(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let language = self.language();
        let mut state = json!({"Type": "Wait"});
        match self.rng.below(6) {
            0 => language.wait_as_told(&mut state),
            1 => {
                let at = stepwell_value::Timestamp(crate::clock::EPOCH).plus_seconds(self.rng.below(400));
                put(&mut state, "Timestamp", json!(at.to_rfc3339()));
            }
            _ => put(&mut state, "Seconds", json!(self.rng.below(90))),
        }
        language.mark(&mut state, self.language);
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
        let language = self.language();
        let mut rule = language.rule(self.rng.below(3));
        put(&mut rule, "Next", json!(aside));
        let mut state = json!({"Type": "Choice", "Choices": [rule], "Default": go_on});
        language.mark(&mut state, self.language);
        self.add_last(states, state)
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
        let (counter, test, language) = (self.name(), self.name(), self.language());
        let mut counting = json!({"Type": "Pass", "Next": test});
        language.shape(&mut counting, "Parameters", "Output", language.counted());
        let mut rule = language.below(self.rng.between(4, 12));
        put(&mut rule, "Next", json!(counter));
        let mut testing = json!({"Type": "Choice", "Choices": [rule], "Default": done});
        language.mark(&mut counting, self.language);
        language.mark(&mut testing, self.language);
        states.insert(counter.clone(), counting);
        states.insert(test, testing);
        counter
    }

    fn task(&mut self, states: &mut Map<String, Value>, next: Next) -> String {
        let language = self.language();
        let kind = if self.express { self.rng.between(4, 5) } else { self.rng.below(6) };
        let mut state = match kind {
            0 | 1 => {
                let activity = self.rng.pick(ACTIVITIES).copied().unwrap_or("pack");
                json!({"Type": "Task", "Resource": activity_arn(activity)})
            }
            2 | 3 => {
                let mut state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"});
                language.shape(&mut state, "Parameters", "Arguments", language.callback());
                state
            }
            4 => {
                let mut state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"});
                language.shape(&mut state, "Parameters", "Arguments", language.invocation());
                state
            }
            _ => json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:charge"}),
        };
        language.keep_result(&mut state, "r");
        let timeout = self.rng.between(3, 60);
        if self.rng.chance(0.5) {
            put(&mut state, "TimeoutSeconds", json!(timeout));
            if self.rng.chance(0.4) {
                put(&mut state, "HeartbeatSeconds", json!(self.rng.between(1, timeout - 1)));
            }
        }
        language.mark(&mut state, self.language);
        self.handlers(states, &mut state, &next, language);
        self.add(states, state, next)
    }

    /// `Retry` and `Catch`, each perhaps.
    fn handlers(&mut self, states: &mut Map<String, Value>, state: &mut Value, next: &Next, language: Language) {
        let errors = ["States.TaskFailed", "Boom", "States.Timeout", "States.ALL"];
        let (retries, catches) = (self.rng.chance(0.4), self.rng.chance(0.4));
        let retry_on = self.rng.pick(&errors).copied().unwrap_or("States.ALL");
        let mut retrier = json!({"ErrorEquals": [retry_on], "IntervalSeconds": self.rng.between(1, 6),
            "MaxAttempts": self.rng.below(4), "BackoffRate": 1.0 + self.rng.below(4) as f64 / 2.0});
        let catch_on = self.rng.pick(&errors).copied().unwrap_or("States.ALL");
        if retries {
            match self.rng.below(3) {
                0 => put(&mut retrier, "JitterStrategy", json!("FULL")),
                1 => put(&mut retrier, "MaxDelaySeconds", json!(self.rng.between(7, 20))),
                _ => {}
            }
            put(state, "Retry", json!([retrier]));
        }
        if catches {
            let target = match next {
                Some(next) if self.rng.chance(0.5) => next.clone(),
                _ => self.add(states, json!({"Type": "Pass"}), None),
            };
            let mut catcher = json!({"ErrorEquals": [catch_on], "Next": target});
            language.keep_error(&mut catcher, "e");
            put(state, "Catch", json!([catcher]));
        }
    }

    fn parallel(&mut self, states: &mut Map<String, Value>, depth: u64, next: Next) -> String {
        let language = self.language();
        let branches: Vec<Value> = (0..self.rng.between(1, 3)).map(|_| self.block(depth + 1)).collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches});
        language.keep_result(&mut state, "p");
        language.mark(&mut state, self.language);
        self.handlers(states, &mut state, &next, language);
        self.add(states, state, next)
    }

    fn map(&mut self, states: &mut Map<String, Value>, depth: u64, next: Next) -> String {
        let language = self.language();
        let distributed = self.rng.chance(self.map_runs) && !self.express;
        let mut processor = self.block(depth + 1);
        let inline = json!({"Mode": "INLINE"});
        let config = if distributed { json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}) } else { inline };
        put(&mut processor, "ProcessorConfig", config);
        let mut state = json!({"Type": "Map", "ItemSelector": language.selector(), "ItemProcessor": processor});
        language.shape(&mut state, "ItemsPath", "Items", language.items());
        language.keep_result(&mut state, "m");
        if self.rng.chance(0.6) {
            put(&mut state, "MaxConcurrency", json!(self.rng.below(4)));
        }
        if distributed {
            put(&mut state, "Label", json!(format!("L{}", self.named)));
            if self.rng.chance(0.5) {
                put(&mut state, "ToleratedFailureCount", json!(self.rng.below(3)));
            }
        }
        language.mark(&mut state, self.language);
        self.handlers(states, &mut state, &next, language);
        self.add(states, state, next)
    }
}

fn lead(state: &mut Value, next: Next) {
    match next {
        Some(next) => put(state, "Next", json!(next)),
        None => put(state, "End", json!(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::{generate, input};
    use crate::options::Options;
    use crate::rng::Rng;

    #[test]
    fn generated_workflows_compile_and_show_every_state_type() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let express = seed % 5 == 0;
            let mut options = Options::draw(seed);
            (options.depth, options.width) = ((seed % 4) as f64, (1 + seed % 4) as f64);
            let text = generate(&mut rng, express, &options);
            let machine_type =
                if express { stepwell_asl::MachineType::Express } else { stepwell_asl::MachineType::Standard };
            let options = stepwell_asl::Options { machine_type, ..stepwell_asl::Options::default() };
            let compiled = stepwell_asl::compile(&text, &options);
            let definition = compiled.definition;
            let definition = definition.unwrap_or_else(|| panic!("{text}\n{:?}", compiled.diagnostics));
            seen.extend(
                definition
                    .states
                    .iter()
                    .map(|state| (state.state_type(), state.query_language == stepwell_asl::QueryLanguage::Jsonata)),
            );
            assert!(stepwell_value::Value::parse(&input(&mut rng)).is_ok());
        }
        assert_eq!(seen.len(), 16, "{seen:?}"); // eight types in two languages
    }
}
