//! What definitions compile into.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use stepwell_asl::definition::{
    Amount, Filter, Items, Next, Operand, Operator, Ordering, Pattern, ResultPath, Target, Text, WaitState,
};
use stepwell_asl::{Definition, Options, QueryLanguage, StateKind, compile, compile_state};

#[track_caller]
fn good(text: &str) -> Definition {
    let compiled = compile(text, &Options::default());
    compiled.definition.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

#[track_caller]
fn state(text: &str) -> stepwell_asl::State {
    let machine = format!("{{\"StartAt\": \"S\", \"States\": {{\"S\": {text}, \"N\": {{\"Type\": \"Succeed\"}}}}}}");
    good(&machine).states.swap_remove(0)
}

#[test]
fn names_are_resolved_and_blocks_know_their_parents() {
    let definition = good(
        r#"{"Comment": "m", "TimeoutSeconds": 9, "StartAt": "P", "States": {
            "Done": {"Type": "Succeed"},
            "P": {"Type": "Parallel", "Next": "Done", "Branches": [
                {"Comment": "b", "StartAt": "B", "States": {"A": {"Type": "Pass", "End": true}, "B": {"Type": "Pass", "Next": "A"}}},
                {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}}}]}}}"#,
    );
    let blocks: Vec<String> = definition
        .blocks
        .iter()
        .map(|block| {
            let names: Vec<&str> = block.states.iter().map(|id| &*definition.state(*id).name).collect();
            let parent = block.parent.map_or("-", |id| &definition.state(id).name);
            format!("{parent}: {} of {}", definition.state(block.start_at).name, names.join(","))
        })
        .collect();
    assert_eq!(blocks, ["-: P of Done,P", "P: B of A,B", "P: M of M", "M: I of I"]);
    for (index, state) in definition.states.iter().enumerate() {
        assert_eq!(state.id.0 as usize, index);
        assert!(definition.block(state.block).states.contains(&state.id), "{}", state.name);
    }
    let target = |name: &str| match definition.state_named(name).and_then(|state| state.next) {
        Some(Next::State(id)) => definition.state(id).name.to_string(),
        Some(Next::End) => "end".to_owned(),
        None => "none".to_owned(),
    };
    assert_eq!(["P", "B", "A", "M", "Done"].map(target), ["Done", "A", "end", "end", "none"]);
    assert_eq!((definition.comment.as_deref(), definition.timeout_seconds), (Some("m"), Some(9)));
    assert_eq!(definition.blocks[1].comment.as_deref(), Some("b"));
}

#[test]
fn flow_fields() {
    let one = state(
        r#"{"Type": "Pass", "InputPath": "$", "OutputPath": null, "ResultPath": "$.a", "Assign": {"x.$": "$.y"}, "Next": "N"}"#,
    );
    assert_eq!((&one.flow.input_path, &one.flow.output_path), (&Filter::Whole, &Filter::Discard));
    assert!(matches!(&one.flow.result_path, ResultPath::At(path) if &**path.text() == "$.a"));
    assert_eq!(one.flow.assign.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["x"]);
    let two =
        state(r#"{"Type": "Pass", "InputPath": "$.b", "ResultPath": null, "Result": {"k.$": 1.50}, "Next": "N"}"#);
    assert!(matches!(&two.flow.input_path, Filter::Path(path) if &**path.text() == "$.b"));
    assert_eq!(two.flow.result_path, ResultPath::Discard);
    let StateKind::Pass(pass) = two.kind else { panic!("a Pass") };
    assert_eq!(pass.result.map(|value| value.to_json()).as_deref(), Some(r#"{"k.$":1.50}"#));
}

#[test]
fn tasks() {
    let one = state(
        r#"{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 5,
            "HeartbeatSecondsPath": "$.h", "Credentials": {"RoleArn": "r"}, "Next": "N",
            "Retry": [{"ErrorEquals": ["A"]}, {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 0,
                       "BackoffRate": 1.5, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "N"}]}"#,
    );
    let StateKind::Task(task) = &one.kind else { panic!("a Task") };
    let Target::Integration { service, action, resource, pattern } = &task.resource.target else { panic!("one") };
    assert_eq!((&**service, &**action, &**resource), ("sqs", "sendMessage", "sendMessage.waitForTaskToken"));
    assert_eq!(*pattern, Pattern::WaitForTaskToken);
    assert_eq!(task.timeout, Some(Amount::Fixed(5)));
    assert!(matches!(&task.heartbeat, Some(Amount::Path(path)) if &**path.text() == "$.h"));
    assert!(task.credentials.is_some());
    let retry: Vec<_> = one
        .retry
        .iter()
        .map(|r| (r.interval_seconds, r.max_attempts, r.backoff_rate, r.max_delay_seconds, r.full_jitter))
        .collect();
    assert_eq!(retry, [(1, 3, 2.0, None, false), (2, 0, 1.5, Some(9), true)]);
    assert!(matches!(&one.catch[0].result_path, ResultPath::At(_)));
}

#[test]
fn choices() {
    let one = state(
        r#"{"Type": "Choice", "Default": "N", "Choices": [
            {"Variable": "$.a", "NumericLessThanEquals": 1, "Next": "N"},
            {"And": [{"Variable": "$.a", "StringEqualsPath": "$.b"}, {"Not": {"Variable": "$.c", "IsPresent": true}}], "Next": "N"}]}"#,
    );
    let StateKind::Choice(choice) = &one.kind else { panic!("a Choice") };
    assert!(choice.default.is_some() && one.next.is_none());
    let stepwell_asl::definition::Condition::Test { operator, operand, .. } = &choice.rules[0].condition else {
        panic!("a test")
    };
    assert_eq!(*operator, Operator::Numeric(Ordering::LessThanEquals));
    assert!(matches!(operand, Operand::Literal(value) if value.as_i64() == Some(1)));
    let stepwell_asl::definition::Condition::And(parts) = &choice.rules[1].condition else { panic!("an And") };
    assert_eq!(parts.len(), 2);
}

#[test]
fn waits_and_fails() {
    let kind = |text: &str| state(text).kind;
    assert_eq!(
        kind(r#"{"Type": "Wait", "Seconds": 7, "Next": "N"}"#),
        StateKind::Wait(WaitState::Seconds(Amount::Fixed(7)))
    );
    assert!(matches!(
        kind(r#"{"Type": "Wait", "TimestampPath": "$.t", "Next": "N"}"#),
        StateKind::Wait(WaitState::Timestamp(Text::Expression(_)))
    ));
    let fail = compile_state(r#"{"Type": "Fail", "Error": "E", "CausePath": "$.c"}"#, "F", &Options::default());
    let StateKind::Fail(fail) = fail.definition.unwrap().states.swap_remove(0).kind else { panic!("a Fail") };
    assert_eq!(fail.error, Some(Text::Fixed("E".into())));
    assert!(matches!(fail.cause, Some(Text::Expression(_))));
}

#[test]
fn distributed_maps() {
    let one = state(
        r#"{"Type": "Map", "Next": "N", "MaxConcurrency": 3, "Label": "l", "ToleratedFailurePercentage": 20, "ToleratedFailureCountPath": "$.n",
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}, "ReaderConfig": {"MaxItems": 5}},
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"a.$": "$.a"}},
            "ResultWriter": {"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}"#,
    );
    let StateKind::Map(map) = &one.kind else { panic!("a Map") };
    assert_eq!((&map.items, &map.max_concurrency), (&Items::Input, &Some(Amount::Fixed(3))));
    let own = map.distributed.as_ref().unwrap();
    assert!(own.express_children);
    assert_eq!((own.label.as_deref(), &own.tolerated_failure_percentage), (Some("l"), &Some(Amount::Fixed(20))));
    let reader = own.reader.as_ref().unwrap();
    assert_eq!((&*reader.action, &reader.max_items), ("listObjectsV2", &Some(Amount::Fixed(5))));
    assert_eq!(own.batcher.as_ref().unwrap().max_items_per_batch, Some(Amount::Fixed(2)));
    let writer = own.writer.as_ref().unwrap();
    assert_eq!((writer.transformation.as_deref(), writer.output_type.as_deref()), (Some("COMPACT"), Some("JSON")));
    assert!(own.item_reader.is_some() && own.item_batcher.is_some() && own.result_writer.is_some());
}

#[test]
fn legacy_maps_and_jsonata() {
    let legacy = state(
        r#"{"Type": "Map", "Next": "N", "ItemsPath": "$.i", "Parameters": {"x.$": "$$.Map.Item.Value"}, "Iterator": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}"#,
    );
    assert_eq!(legacy.flow.parameters, None);
    let StateKind::Map(map) = &legacy.kind else { panic!("a Map") };
    assert!(map.item_selector.is_some() && map.distributed.is_none());
    let definition = good(
        r#"{"QueryLanguage": "JSONata", "StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": "{% 5 %}",
                  "Arguments": {"a": "{% $states.input %}"}, "Output": "{% $states.result %}", "Next": "W"},
            "W": {"Type": "Wait", "Timestamp": "{% $now() %}", "Next": "F"},
            "F": {"Type": "Fail", "Error": "{% 'E' %}", "Cause": "plain"}}}"#,
    );
    assert_eq!(definition.query_language, QueryLanguage::Jsonata);
    let StateKind::Task(task) = &definition.states[0].kind else { panic!("a Task") };
    assert!(matches!(task.timeout, Some(Amount::Jsonata(_))));
    assert!(definition.states[0].flow.parameters.is_some() && definition.states[0].flow.output.is_some());
    let StateKind::Fail(fail) = &definition.states[2].kind else { panic!("a Fail") };
    assert!(matches!((&fail.error, &fail.cause), (Some(Text::Jsonata(_)), Some(Text::Fixed(_)))));
}

#[test]
fn variable_references() {
    // recorded: test_base_variable_references_in_assign_templates
    let definition = good(
        r#"{"StartAt": "Start", "States": {
            "Start": {"Type": "Pass", "Assign": {"Question": "?", "List": [1]}, "Next": "Each"},
            "Each": {"Type": "Map", "ItemsPath": "$List", "ItemSelector": {"a.$": "States.Format('{} $no', $Question, $Question)", "b": "$literal"},
                     "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Pass", "Parameters": {"q.$": "$Question.text"}, "End": true}}},
                     "Next": "Fail"},
            "Fail": {"Type": "Fail", "ErrorPath": "$Question", "CausePath": "$.cause"}}}"#,
    );
    let found: Vec<(&str, Vec<&str>)> = definition
        .variable_references
        .iter()
        .map(|(state, names)| (&**state, names.iter().map(|name| &**name).collect()))
        .collect();
    assert_eq!(found, [("Each", vec!["List", "Question"]), ("Fail", vec!["Question"]), ("In", vec!["Question"])]);
}

#[test]
fn a_state_alone_keeps_its_targets_as_stand_ins() {
    let compiled = compile_state(r#"{"Type": "Pass", "Next": "Elsewhere"}"#, "StateName", &Options::default());
    let definition = compiled.definition.unwrap();
    let names: Vec<&str> = definition.states.iter().map(|state| &*state.name).collect();
    assert_eq!(names, ["StateName", "Elsewhere"]);
    assert_eq!(definition.states[1].kind, StateKind::Succeed);
}
