//! Whole executions through the interpreter, and the compiler.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_asl::{Definition, MachineType, Options};
use stepwell_interpreter::{
    Command, Effect, Execution, FrameId, Identity, Limits, Moment, Outside, Progress, Status, Transition, step,
};
use stepwell_value::{Payload, Timestamp};

use crate::Outcome;

/// A workload, prepared.
type Work = Outcome<crate::Repeated>;

const NOON: Timestamp = Timestamp(1_795_176_000_000);

/// The input of small executions.
pub const ORDER: &str = r#"{"orderId": "7f3c21", "customer": {"id": 4711}, "items": [1, 2, 3], "ok": true}"#;

/// Knows what a step asks for.
struct Nobody;

impl Outside for Nobody {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        format!("token-{}-{epoch}", frame.0).into()
    }
}

/// A machine that can be run.
pub struct Machine {
    definition: Definition,
    identity: Arc<Identity>,
}

impl Machine {
    /// Compiles a definition.
    pub fn of(definition: &Value) -> Outcome<Machine> {
        let options = Options { machine_type: MachineType::Standard, warnings: false };
        let compiled = stepwell_asl::compile(&definition.to_string(), &options);
        let definition = compiled.definition.ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
        let base = "arn:aws:states:us-east-1:123456789012";
        let identity = Identity {
            execution_arn: format!("{base}:execution:five:run").into(),
            name: "run".into(),
            state_machine_arn: format!("{base}:stateMachine:five").into(),
            state_machine_name: "five".into(),
            version_arn: None,
            alias_arn: None,
            role_arn: "arn:aws:iam::123456789012:role/bench".into(),
            region: "us-east-1".into(),
            started: NOON,
            express: false,
            test_case: None,
        };
        Ok(Machine { definition, identity: Arc::new(identity) })
    }

    /// A new execution, and the Transition of its start.
    pub fn start(&self, input: Payload) -> (Execution, Transition) {
        let mut execution = Execution::new(Arc::clone(&self.identity), input);
        let transition = self.tell(&mut execution, &Command::Start);
        (execution, transition)
    }

    /// Tells an execution a command.
    pub fn tell(&self, execution: &mut Execution, command: &Command) -> Transition {
        let moment = Moment { now: NOON, entropy: 7, outside: &Nobody };
        step(&self.definition, execution, command, moment, &Limits::AWS)
    }

    /// Runs an execution until it ends; tasks answer at once.
    fn run(&self, input: &str) -> Outcome<()> {
        let (mut execution, mut transition) = self.start(Payload::from_text(input).map_err(|error| error.to_string())?);
        while execution.status == Status::Running {
            let command = transition.effects.iter().find_map(|effect| match effect {
                Effect::Continue => Some(Command::Continue),
                Effect::ScheduleTask(task) => {
                    let progress = Progress::Succeeded { output: Payload::from_checked_text(r#"{"paid": true}"#) };
                    Some(Command::Task { frame: task.frame, epoch: task.epoch, progress })
                }
                _ => None,
            });
            transition = self.tell(&mut execution, &command.ok_or("the execution waits for something")?);
        }
        if execution.status == Status::Succeeded { Ok(()) } else { Err(format!("{:?}", transition.events.last())) }
    }
}

fn repeated(definition: &Value, input: String) -> Work {
    let machine = Machine::of(definition)?;
    Ok(Box::new(move || machine.run(&input)))
}

/// Five Pass states that hand on what they get.
pub fn passes() -> Value {
    let mut states = serde_json::Map::new();
    for number in 1..5 {
        states.insert(format!("P{number}"), json!({"Type": "Pass", "Next": format!("P{}", number + 1)}));
    }
    states.insert("P5".to_owned(), json!({"Type": "Pass", "End": true}));
    json!({"StartAt": "P1", "States": states})
}

/// Five Pass states.
pub fn five_passes() -> Work {
    repeated(&passes(), ORDER.to_owned())
}

/// A loop of 100 turns with States.MathAdd.
pub fn choice_jsonpath() -> Work {
    let definition = json!({"StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Choices": [{"Variable": "$.i", "NumericGreaterThanEquals": 100, "Next": "Done"}],
            "Default": "Add"},
        "Add": {"Type": "Pass", "Parameters": {"i.$": "States.MathAdd($.i, 1)"}, "Next": "Check"},
        "Done": {"Type": "Succeed"}}});
    repeated(&definition, json!({"i": 0}).to_string())
}

/// The same in JSONata.
pub fn choice_jsonata() -> Work {
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.i >= 100 %}", "Next": "Done"}],
            "Default": "Add"},
        "Add": {"Type": "Pass", "Output": {"i": "{% $states.input.i + 1 %}"}, "Next": "Check"},
        "Done": {"Type": "Succeed"}}});
    repeated(&definition, json!({"i": 0}).to_string())
}

/// An inline Map, 100 items × 2 Pass.
pub fn map() -> Work {
    let processor =
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": true}}});
    let definition = json!({"StartAt": "M", "States": {"M": {
        "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": true}}});
    let items: Vec<u32> = (0..100).collect();
    repeated(&definition, json!({"items": items}).to_string())
}

/// A function that is called and answers, with Retry and Catch in place.
pub fn task() -> Work {
    let definition = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:pay", "TimeoutSeconds": 30,
            "ResultPath": "$.payment", "Next": "Done",
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]},
        "Done": {"Type": "Succeed"}}});
    repeated(&definition, ORDER.to_owned())
}

/// Paths, intrinsics and the whole data flow of a Pass.
pub fn templates() -> Work {
    let definition = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "InputPath": "$", "End": true,
        "Parameters": {
            "id.$": "$.orderId", "customer.$": "$.customer.id", "first.$": "$.items[0]", "all.$": "$..id",
            "big.$": "$.items[?(@ > 1)]", "text.$": "States.Format('order {} of {}', $.orderId, $.customer.id)",
            "parts.$": "States.ArrayPartition($.items, 2)", "hash.$": "States.Hash($.orderId, 'SHA-256')",
            "execution.$": "$$.Execution.Id", "fixed": {"a": [1, 2, 3]}},
        "ResultPath": "$.made", "OutputPath": "$.made"}}});
    repeated(&definition, ORDER.to_owned())
}

/// Text to Definition.
pub fn compile() -> Work {
    Ok(Box::new(|| Machine::of(&passes()).map(drop)))
}
