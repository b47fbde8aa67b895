//! Definitions grown from a row of choices: by a small grammar of states, fields and expressions, most of which fit together.

use std::fmt::Write as _;

use crate::tape::Tape;

/// How deep Parallel and Map states are nested.
const DEPTH_MAX: usize = 3;

/// The definition's text, and what is left of the bytes.
pub fn definition(bytes: &[u8]) -> (String, &[u8]) {
    let mut grower = Grower { tape: Tape::new(bytes), names: 0, is_jsonata: false };
    grower.is_jsonata = grower.tape.rarely(2);
    let mut text = grower.block(0);
    if grower.is_jsonata {
        text.insert_str(1, r#""QueryLanguage": "JSONata", "#);
    }
    if grower.tape.rarely(8) {
        text.insert_str(1, r#""TimeoutSeconds": 300, "#);
    }
    (text, grower.tape.rest())
}

struct Grower<'b> {
    tape: Tape<'b>,
    names: usize,
    is_jsonata: bool,
}

const PATHS: &[&str] = &[
    "$",
    "$.n",
    "$.f",
    "$.s",
    "$.list",
    "$.items",
    "$.items[0]",
    "$.list[-1]",
    "$.items[*].sku",
    "$..sku",
    "$.deep.a.b",
    "$['a b']",
    "$.u",
    "$.t",
    "$.missing",
    "$.items[?(@.price > 1)]",
    "$.list[0:2]",
    "$$",
    "$$.State.Name",
    "$$.Execution.StartTime",
    "$x",
    "$x.a",
    "$y",
    "$.list.length()",
    "$$.Map.Item.Index",
    "$$.Map.Item.Value",
    "$$.Task.Token",
    "$.Error",
    "$.json",
    "$.words",
    "$.when",
];
const CALLS: &[&str] = &[
    "States.Format('{}-{}', $.s, $.n)",
    "States.Array($, $)",
    "States.Array($.n, 'x', null)",
    "States.ArrayRange(0, 9, 2)",
    "States.ArrayPartition($.list, 2)",
    "States.ArrayGetItem($.list, 1)",
    "States.ArrayLength($.items)",
    "States.MathAdd($.n, 1)",
    "States.MathRandom(1, 10)",
    "States.UUID()",
    "States.StringToJson($.json)",
    "States.JsonToString($)",
    "States.Hash($.s, 'MD5')",
    "States.Base64Encode($.s)",
    "States.StringSplit($.s, 'b')",
    "States.JsonMerge($.deep, $.deep, false)",
    "States.ArrayUnique($.list)",
    "States.MathAdd(States.ArrayLength($.list), $.n)",
    "States.ArrayContains($.list, 3)",
    "States.Format('{}', $x)",
];
const REFERENCES: &[&str] = &["$", "$.out", "$.deep.new.er", "$.list[0]", "$.n", "$.list[9]", "$.s.t", "$['a b'].c"];
const JSONATA: &[&str] = &[
    "$states.input",
    "$states.input.n + 1",
    "$states.input.s & 'x'",
    "$sum($states.input.list)",
    "$states.input.items[price > 1]",
    "$states.context.State.Name",
    "$x",
    "$y + 1",
    "[$states.input.list, 4]",
    "{'a': $states.input.n}",
    "$map([1..5], function($i) { $i * $i })",
    "$uuid()",
    "$now()",
    "$parse($states.input.json)",
    "$partition($states.input.list, 2)",
    "$states.input.missing",
    "1 / 0",
    "'a' + 1",
    "$states.result",
    "$states.errorOutput.Error",
    "$string($states.input)",
    "true",
    "$states.input.n > 3",
    "$exists($x)",
    "[1, 2, 3]",
    "-1",
    "$states.input.list",
    "0",
    "1.5",
    "'2016-03-14T01:59:00Z'",
    "$states.context.Map.Item.Value",
    "$states.context.Task.Token",
    "null",
    "function($a) { $a }",
    "$random()",
    "$range(0, 9, 3)",
    "$hash('a', 'SHA-1')",
    "$states.input.items.{sku: price}",
    "$reverse(1)",
];
const LITERALS: &[&str] =
    &["1", "-2", "1.50", "\"text\"", "null", "true", "[]", "{}", "[1, \"a\"]", "{\"a\": {\"b\": 2}}", "\"$.n\"", "0"];
const ERRORS: &[&str] = &[
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "Own",
    "States.Runtime",
    "States.DataLimitExceeded",
    "Other",
];
const RESOURCES: &[&str] = &[
    "arn:aws:states:::lambda:invoke",
    "arn:aws:lambda:eu-west-1:123456789012:function:f",
    "arn:aws:states:::sqs:sendMessage",
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:::states:startExecution.sync:2",
    "arn:aws:states:eu-west-1:123456789012:activity:a",
    "arn:aws:states:::aws-sdk:s3:getObject",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:::glue:startJobRun.sync",
];

impl Grower<'_> {
    /// A block: some states and where it starts.
    fn block(&mut self, depth: usize) -> String {
        let count = 1 + self.tape.below(4);
        let names: Vec<String> = (0..count).map(|at| format!("S{}", self.names + at)).collect();
        self.names += count;
        let start = self.tape.rarely(8).then(|| self.tape.below(count)).unwrap_or(0);
        let mut states = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let next = names.get(at + 1).map(String::as_str);
            states.push(format!("\"{name}\": {}", self.state(&names, next, depth)));
        }
        format!("{{\"StartAt\": \"{}\", \"States\": {{{}}}}}", names[start], states.join(", "))
    }

    fn state(&mut self, names: &[String], next: Option<&str>, depth: usize) -> String {
        let kinds: &[&str] = &["Pass", "Task", "Map", "Parallel", "Choice", "Wait", "Pass", "Succeed", "Fail", "Task"];
        let kind = match self.tape.pick(kinds) {
            "Map" | "Parallel" if depth >= DEPTH_MAX => "Pass",
            "Choice" if next.is_none() => "Pass",
            kind => kind,
        };
        let mut fields = vec![format!("\"Type\": \"{kind}\"")];
        match kind {
            "Pass" => self.pass(&mut fields),
            "Task" => self.task(&mut fields),
            "Map" => self.map(&mut fields, depth),
            "Parallel" => self.parallel(&mut fields, depth),
            "Choice" => self.choice(&mut fields, names, next.unwrap_or("")),
            "Wait" => self.wait(&mut fields),
            "Fail" => self.fail(&mut fields),
            _ => {}
        }
        if kind != "Fail" {
            self.data_flow(&mut fields, kind);
        }
        if matches!(kind, "Pass" | "Task" | "Map" | "Parallel" | "Wait") {
            let target = if self.tape.rarely(12) { Some(self.name(names)) } else { next.map(str::to_owned) };
            fields.push(match target {
                Some(next) => format!("\"Next\": \"{next}\""),
                None => "\"End\": true".to_owned(),
            });
        }
        if matches!(kind, "Task" | "Map" | "Parallel") {
            self.errors(&mut fields, names);
        }
        format!("{{{}}}", fields.join(", "))
    }

    fn name(&mut self, names: &[String]) -> String {
        names[self.tape.below(names.len())].clone()
    }

    /// A member that reads data: `"name.$": "path"` or `"name": "{% … %}"` or a literal.
    fn member(&mut self, name: &str) -> String {
        match (self.tape.below(4), self.is_jsonata) {
            (0, _) => format!("\"{name}\": {}", self.tape.pick(LITERALS)),
            (_, true) => format!("\"{name}\": \"{{% {} %}}\"", self.tape.pick(JSONATA)),
            (1, false) => format!("\"{name}.$\": \"{}\"", self.tape.pick(CALLS)),
            (_, false) => format!("\"{name}.$\": \"{}\"", self.tape.pick(PATHS)),
        }
    }

    fn template(&mut self) -> String {
        let mut members = Vec::new();
        for name in ["a", "b", "list"] {
            if !self.tape.rarely(3) {
                members.push(self.member(name));
            }
        }
        if self.tape.rarely(4) {
            members.push(format!("\"inner\": {{\"deep\": [{{{}}}]}}", self.member("x")));
        }
        format!("{{{}}}", members.join(", "))
    }

    fn expression(&mut self) -> String {
        format!("\"{{% {} %}}\"", self.tape.pick(JSONATA))
    }

    fn data_flow(&mut self, fields: &mut Vec<String>, kind: &str) {
        if self.tape.rarely(3) && kind != "Succeed" {
            let assign = [self.member("x"), self.member("y")].join(", ");
            fields.push(format!("\"Assign\": {{{assign}}}"));
        }
        if self.is_jsonata {
            if self.tape.rarely(3) {
                let output = if self.tape.rarely(2) { self.expression() } else { self.template() };
                fields.push(format!("\"Output\": {output}"));
            }
            return;
        }
        if self.tape.rarely(5) {
            fields.push(format!("\"InputPath\": \"{}\"", self.tape.pick(PATHS)));
        }
        if self.tape.rarely(5) {
            fields.push(format!("\"OutputPath\": \"{}\"", self.tape.pick(PATHS)));
        }
        if matches!(kind, "Pass" | "Task" | "Map" | "Parallel") && self.tape.rarely(2) {
            fields.push(format!("\"ResultPath\": \"{}\"", self.tape.pick(REFERENCES)));
        }
        if matches!(kind, "Task" | "Map" | "Parallel") && self.tape.rarely(4) {
            fields.push(format!("\"ResultSelector\": {}", self.template()));
        }
        if matches!(kind, "Pass" | "Parallel") && self.tape.rarely(3) {
            fields.push(format!("\"Parameters\": {}", self.template()));
        }
    }

    fn pass(&mut self, fields: &mut Vec<String>) {
        if !self.is_jsonata && self.tape.rarely(3) {
            fields.push(format!("\"Result\": {}", self.tape.pick(LITERALS)));
        }
    }

    fn amount(&mut self, fields: &mut Vec<String>, name: &str) {
        fields.push(match (self.tape.below(3), self.is_jsonata) {
            (0, _) => format!("\"{name}\": {}", 1 + self.tape.below(90)),
            (_, true) => format!("\"{name}\": {}", self.expression()),
            (_, false) => format!(
                "\"{name}Path\": \"{}\"",
                self.tape.pick(&["$.n", "$.f", "$.missing", "$x", "$.s", "$$.State.RetryCount"])
            ),
        });
    }

    fn task(&mut self, fields: &mut Vec<String>) {
        fields.push(format!("\"Resource\": \"{}\"", self.tape.pick(RESOURCES)));
        let name = if self.is_jsonata { "Arguments" } else { "Parameters" };
        let token = match self.is_jsonata {
            true => "\"TaskToken\": \"{% $states.context.Task.Token %}\"",
            false => "\"TaskToken.$\": \"$$.Task.Token\"",
        };
        let common = r#""FunctionName": "f", "QueueUrl": "q", "StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m", "JobName": "j""#;
        let own = self.member("Payload");
        if !self.tape.rarely(8) {
            fields.push(format!("\"{name}\": {{{common}, {token}, {own}}}"));
        }
        if self.tape.rarely(4) {
            self.amount(fields, "TimeoutSeconds");
        }
        if self.tape.rarely(6) {
            self.amount(fields, "HeartbeatSeconds");
        }
        if self.tape.rarely(12) {
            fields.push(format!("\"Credentials\": {{{}}}", self.member("RoleArn")));
        }
    }

    fn map(&mut self, fields: &mut Vec<String>, depth: usize) {
        let is_distributed = self.tape.rarely(6);
        let inner = self.block(depth + 1);
        let mode = match is_distributed {
            true => r#"{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}"#,
            false => r#"{"Mode": "INLINE"}"#,
        };
        fields.push(format!("\"ItemProcessor\": {{\"ProcessorConfig\": {mode}, {}", &inner[1..]));
        match self.is_jsonata {
            true if !self.tape.rarely(4) => fields.push(format!("\"Items\": {}", self.expression())),
            false => fields.push(format!("\"ItemsPath\": \"{}\"", self.tape.pick(PATHS))),
            true => {}
        }
        if self.tape.rarely(3) {
            fields.push(format!("\"ItemSelector\": {}", self.template()));
        }
        if self.tape.rarely(3) {
            self.amount(fields, "MaxConcurrency");
        }
        if is_distributed && self.tape.rarely(2) {
            self.amount(fields, "ToleratedFailurePercentage");
        }
    }

    fn parallel(&mut self, fields: &mut Vec<String>, depth: usize) {
        let branches: Vec<String> = (0..=self.tape.below(3)).map(|_| self.block(depth + 1)).collect();
        fields.push(format!("\"Branches\": [{}]", branches.join(", ")));
        if self.is_jsonata && self.tape.rarely(3) {
            fields.push(format!("\"Arguments\": {}", self.template()));
        }
    }

    fn choice(&mut self, fields: &mut Vec<String>, names: &[String], next: &str) {
        let mut rules = Vec::new();
        for _ in 0..=self.tape.below(2) {
            let condition = self.condition(2);
            rules.push(format!("{{{condition}, \"Next\": \"{}\"}}", self.name(names)));
        }
        fields.push(format!("\"Choices\": [{}]", rules.join(", ")));
        if !self.tape.rarely(4) {
            fields.push(format!("\"Default\": \"{next}\""));
        }
    }

    /// The members of a rule that say when it is taken.
    fn condition(&mut self, depth: usize) -> String {
        if self.is_jsonata {
            return format!("\"Condition\": {}", self.expression());
        }
        match self.tape.below(6) {
            0 if depth > 0 => format!("\"Not\": {{{}}}", self.condition(depth - 1)),
            1 if depth > 0 => {
                format!("\"And\": [{{{}}}, {{{}}}]", self.condition(depth - 1), self.condition(depth - 1))
            }
            2 if depth > 0 => format!("\"Or\": [{{{}}}, {{{}}}]", self.condition(depth - 1), self.condition(depth - 1)),
            _ => {
                let test = self.tape.pick(&[
                    "\"NumericGreaterThan\": 2",
                    "\"StringEquals\": \"abc\"",
                    "\"IsPresent\": true",
                    "\"IsNull\": true",
                    "\"StringMatches\": \"a*\\\\*\"",
                    "\"BooleanEquals\": true",
                    "\"NumericEqualsPath\": \"$.f\"",
                    "\"TimestampLessThan\": \"2016-03-14T01:59:00Z\"",
                    "\"IsTimestamp\": false",
                    "\"StringLessThanPath\": \"$.s\"",
                    "\"IsNumeric\": true",
                    "\"NumericLessThanEquals\": 1e400",
                ]);
                format!("\"Variable\": \"{}\", {test}", self.tape.pick(PATHS))
            }
        }
    }

    fn wait(&mut self, fields: &mut Vec<String>) {
        match (self.tape.below(3), self.is_jsonata) {
            (0, _) => fields.push("\"Timestamp\": \"2027-03-14T01:59:00.5+02:00\"".to_owned()),
            (1, true) => fields.push(format!("\"Timestamp\": {}", self.expression())),
            (1, false) => fields.push(format!("\"TimestampPath\": \"{}\"", self.tape.pick(PATHS))),
            _ => self.amount(fields, "Seconds"),
        }
    }

    fn fail(&mut self, fields: &mut Vec<String>) {
        match (self.tape.below(3), self.is_jsonata) {
            (0, _) => fields.push("\"Error\": \"Own\", \"Cause\": \"grown\"".to_owned()),
            (1, true) => fields.push(format!("\"Error\": {}, \"Cause\": {}", self.expression(), self.expression())),
            (1, false) => {
                let (error, cause) = (self.tape.pick(PATHS), self.tape.pick(CALLS));
                fields.push(format!("\"ErrorPath\": \"{error}\", \"CausePath\": \"{cause}\""));
            }
            _ => {}
        }
    }

    fn errors(&mut self, fields: &mut Vec<String>, names: &[String]) {
        if self.tape.rarely(3) {
            let error = self.tape.pick(ERRORS);
            let (attempts, interval) = (self.tape.below(4), 1 + self.tape.below(5));
            let mut retrier =
                format!("\"ErrorEquals\": [\"{error}\"], \"MaxAttempts\": {attempts}, \"IntervalSeconds\": {interval}");
            if self.tape.rarely(3) {
                let _ =
                    write!(retrier, ", \"BackoffRate\": 1e3, \"MaxDelaySeconds\": 60, \"JitterStrategy\": \"FULL\"");
            }
            fields.push(format!("\"Retry\": [{{{retrier}}}]"));
        }
        if self.tape.rarely(3) {
            let (error, next) = (self.tape.pick(ERRORS), self.name(names));
            let mut catcher = format!("\"ErrorEquals\": [\"{error}\"], \"Next\": \"{next}\"");
            if self.tape.rarely(3) {
                let assign = self.member("x");
                let _ = write!(catcher, ", \"Assign\": {{{assign}}}");
            }
            if !self.is_jsonata && self.tape.rarely(2) {
                let _ = write!(catcher, ", \"ResultPath\": \"{}\"", self.tape.pick(REFERENCES));
            }
            fields.push(format!("\"Catch\": [{{{catcher}}}]"));
        }
    }
}
