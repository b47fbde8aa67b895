//! Nothing that is fed to the validator makes it panic or take long.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use stepwell_asl::{Options, compile, compile_state, render, yaml};

const SEEDS: [&str; 5] = [
    r#"{"Comment": "c", "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 2.0}], "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}], "Next": "B"}, "B": {"Type": "Succeed"}}}"#,
    r#"{"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.a", "StringEquals": "é"}, {"Not": {"Variable": "$.b", "IsPresent": true}}], "Next": "D"}], "Default": "D"}, "D": {"Type": "Wait", "Timestamp": "2024-01-01T00:00:00Z", "Next": "E"}, "E": {"Type": "Fail", "Error": "E", "CausePath": "States.Format('{}', $.x)"}}}"#,
    r#"{"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": {"Type": "Map", "Items": "{% $states.input.orders[amount > 3] %}", "MaxConcurrency": "{% 2 %}", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "Output": {"a": ["{% $uppercase('x') %}"]}, "Assign": {"v": "{% $states.input %}"}, "End": true}}}, "Label": "l", "End": true}}}"#,
    r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [{"StartAt": "X", "States": {"X": {"Type": "Pass", "Parameters": {"a.$": "$.a[0]['b']", "c": {"d.$": "$v.x"}}, "Result": null, "End": true}}}], "ResultSelector": {"r.$": "$[0]"}, "OutputPath": null, "End": true}}}"#,
    r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "MaxItems": 5}, "Parameters": {"Bucket": "b"}}, "ItemBatcher": {"MaxItemsPerBatch": 5}, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}}, "ToleratedFailurePercentage": 0.5, "Iterator": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": true}}}"#,
];

/// What a mutation puts in.
const SCRAPS: [&str; 28] = [
    "null",
    "true",
    "5",
    "-1",
    "1e999",
    "\"\"",
    "\"$\"",
    "\"$.\"",
    "\"{% %}\"",
    "\"{%\"",
    "[]",
    "{}",
    "[{}]",
    "{",
    "}",
    "]",
    "\"",
    ",",
    ":",
    "\"States.Format(\"",
    "\"$$.Task.Token\"",
    "\"arn:aws:states:::\"",
    "\\",
    "\u{0}",
    "é",
    "😀",
    "\"Next\": \"A\",",
    "\"States\": {\"A\": {}},",
];

/// What a value is replaced by.
const VALUES: [&str; 20] = [
    "null",
    "true",
    "5",
    "-1",
    "1e999",
    "0.5",
    "\"\"",
    "\"$\"",
    "\"$.\"",
    "\"$$\"",
    "\"{% %}\"",
    "\"{%\"",
    "\"{% $x := %}\"",
    "[]",
    "{}",
    "[{}]",
    "[[5]]",
    "{\"a.$\": 5}",
    "\"States.Format(\"",
    "\"arn:aws:states:::\"",
];

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }
}

/// Changes a definition in one to four places; often at the borders of its tokens, so that it stays JSON.
fn mutate(seed: &str, random: &mut Random) -> String {
    let mut text: Vec<char> = seed.chars().collect();
    for _ in 0..=random.below(4) {
        let borders: Vec<usize> = (0..text.len()).filter(|at| "{}[]:,\"".contains(text[*at])).collect();
        let at = if random.below(3) > 0 { borders[random.below(borders.len())] } else { random.below(text.len()) };
        let scrap: Vec<char> = SCRAPS[random.below(SCRAPS.len())].chars().collect();
        match random.below(4) {
            0 if random.below(4) == 0 => drop(text.splice(at..at, scrap)),
            1 if random.below(4) == 0 => drop(text.drain(at..(at + 1 + random.below(20)).min(text.len()))),
            2 => {
                // Letters replaced: names, paths and numbers go wrong, the JSON stays.
                let letters: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_alphanumeric()).collect();
                text[letters[random.below(letters.len())]] =
                    ['x', 'A', '$', '.', '[', '(', '%', '9', ' ', 'é'][random.below(10)];
            }
            _ => {
                // A value, from a colon to the next comma or bracket, replaced by another.
                let colons: Vec<usize> = (0..text.len()).filter(|at| text[*at] == ':').collect();
                let Some(from) = colons.get(random.below(colons.len())).map(|at| at + 1) else { continue };
                let rest = text[from..].iter().position(|c| ",}]".contains(*c));
                let value = VALUES[random.below(VALUES.len())].chars();
                drop(text.splice(from..rest.map_or(text.len(), |more| from + more), value));
            }
        }
        if text.len() < 2 {
            break;
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_mutation_of_a_definition_makes_it_panic() {
    let mut random = Random(0x5EED);
    let options = Options { warnings: true, ..Options::default() };
    let mut parsed = 0;
    for round in 0..6_000 {
        let text = mutate(SEEDS[round % SEEDS.len()], &mut random);
        let compiled = compile(&text, &options);
        parsed += usize::from(compiled.diagnostics.first().is_none_or(|one| one.code != "INVALID_JSON_DESCRIPTION"));
        for found in &compiled.diagnostics {
            assert!(!render(found, "m", &text).is_empty());
        }
        if round % 10 == 0 {
            compile_state(&text, "S", &options);
            for found in yaml::compile(&text, &options).diagnostics {
                assert!(!render(&found, "m", &text).is_empty());
            }
        }
    }
    assert!(parsed > 1_500, "most mutations should stay JSON, {parsed} did");
}

#[test]
fn deep_nesting_is_no_danger() {
    let depth = 240;
    let map = "{\"StartAt\":\"S\",\"States\":{\"S\":{\"Type\":\"Map\",\"End\":true,\"ItemProcessor\":";
    let text = format!("{}{}{}", map.repeat(depth), "{}", "}}}".repeat(depth));
    assert!(compile(&text, &Options::default()).definition.is_none());
    let nots = format!("{}{}{}", "{\"Not\":".repeat(900), "{}", "}".repeat(900));
    let choice = format!("{{\"Type\":\"Choice\",\"Choices\":[{nots}]}}");
    assert!(compile_state(&choice, "C", &Options::default()).definition.is_none());
    let deep = format!("{}\"x\"{}", "{\"a\":[".repeat(450), "]}".repeat(450));
    let options = Options { warnings: true, ..Options::default() };
    for language in ["JSONPath", "JSONata"] {
        for field in ["Output", "Parameters", "Assign", "Result", "Retry", "Catch", "Next", "Arguments"] {
            let pass =
                format!("{{\"Type\":\"Task\",\"Resource\":\"r\",\"QueryLanguage\":\"{language}\",\"{field}\":{deep}}}");
            compile_state(&pass, "P", &options);
        }
    }
}

/// A chain of states; every third a Choice, with templates and catchers, 1 MB of text.
fn large(states: usize) -> String {
    let mut text = String::from("{\"StartAt\": \"State0\", \"States\": {");
    for index in 0..states {
        let next = index + 1;
        let padding = "x".repeat(40);
        text.push_str(&match index % 3 {
            0 => format!("\"State{index}\": {{\"Type\": \"Pass\", \"Parameters\": {{\"a.$\": \"$.b.c[0]\", \"p\": \"{padding}\"}}, \"Next\": \"State{next}\"}}, "),
            1 => format!("\"State{index}\": {{\"Type\": \"Choice\", \"Choices\": [{{\"Variable\": \"$.a\", \"NumericLessThan\": {index}, \"Next\": \"State{next}\"}}], \"Default\": \"State{next}\"}}, "),
            _ => format!("\"State{index}\": {{\"Type\": \"Task\", \"Resource\": \"arn:aws:states:::lambda:invoke\", \"Parameters\": {{\"FunctionName\": \"f\", \"Payload.$\": \"$\"}}, \"Retry\": [{{\"ErrorEquals\": [\"States.ALL\"]}}], \"Catch\": [{{\"ErrorEquals\": [\"States.ALL\"], \"Next\": \"State{next}\"}}], \"Next\": \"State{next}\"}}, "),
        });
    }
    text.push_str(&format!("\"State{states}\": {{\"Type\": \"Succeed\"}}}}}}"));
    text
}

/// 5,000 states: a search that is quadratic anywhere would be felt here.
#[test]
fn a_large_definition_is_fast() {
    let text = large(5_000);
    assert!(text.len() > 700_000, "{}", text.len());
    let compiled = compile(&text, &Options { warnings: true, ..Options::default() });
    assert!(compiled.definition.is_some());
    // All transitions dangling: the search for suggestions is bounded.
    let broken = text.replace("\"Next\": \"State", "\"Next\": \"Stage");
    assert!(compile(&broken, &Options::default()).diagnostics.len() > 5_000);
}
