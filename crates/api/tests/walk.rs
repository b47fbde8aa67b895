//! What several operations have in common: page tokens, settings of machines, METADATA_ONLY, listings of Map Runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Client, HEAD, Server};
use stepwell_api::Access;
use stepwell_model::PageToken;
use stepwell_value::{Timestamp, Value};

const PASS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Assign":{"x":1}}}}"#;
const INVALID_TOKEN: &str = "InvalidToken: Invalid Token: 'Invalid token'";

#[track_caller]
fn says(answer: &(u16, Value), told: &str, place: &str) {
    assert_eq!((answer.0, common::told(&answer.1)), (400, told.to_owned()), "{place}");
}

fn machine(name: &str, more: &str) -> String {
    let definition = Value::from(PASS).to_json();
    format!(r#"{{"name":"{name}","roleArn":"arn:aws:iam::123456789012:role/r","definition":{definition}{more}}}"#)
}

/// Two of everything that is listed; gives the execution's ARN.
async fn fill(client: &mut Client) -> String {
    for name in ["one", "two"] {
        client.ok("CreateActivity", &format!(r#"{{"name":"{name}"}}"#)).await;
        client.ok("CreateStateMachine", &machine(name, "")).await;
    }
    for description in ["first", "second"] {
        let body = format!(
            r#"{{"stateMachineArn":"{HEAD}:stateMachine:one","publish":true,"versionDescription":"{description}","tracingConfiguration":{{"enabled":{}}}}}"#,
            description == "first"
        );
        client.ok("UpdateStateMachine", &body).await;
        let routing = format!(r#"[{{"stateMachineVersionArn":"{HEAD}:stateMachine:one:1","weight":100}}]"#);
        let alias = format!(r#"{{"name":"{description}","routingConfiguration":{routing}}}"#);
        client.ok("CreateStateMachineAlias", &alias).await;
    }
    for name in ["a", "b"] {
        let body = format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:one","name":"{name}"}}"#);
        client.ok("StartExecution", &body).await;
    }
    format!("{HEAD}:execution:one:a")
}

/// A token is good for the listing that gave it, for a day, as it is.
#[tokio::test]
async fn page_tokens() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let execution = fill(&mut client).await;
    server.ended(&execution).await;
    let machine = format!(r#""stateMachineArn":"{HEAD}:stateMachine:one","#);
    let execution = format!(r#""executionArn":"{execution}","#);
    let mut tokens = Vec::new();
    let listings = [
        ("ListActivities", String::new()),
        ("ListStateMachines", String::new()),
        ("ListStateMachineVersions", machine.clone()),
        ("ListStateMachineAliases", machine.clone()),
        ("ListExecutions", machine.clone()),
        ("GetExecutionHistory", execution.clone()),
    ];
    for (operation, parent) in &listings {
        let page = client.ok(operation, &format!(r#"{{{parent}"maxResults":1}}"#)).await;
        let token = page.get("nextToken").and_then(Value::as_str).unwrap_or_else(|| panic!("{operation}: {page}"));
        let next = client.ok(operation, &format!(r#"{{{parent}"maxResults":1,"nextToken":"{token}"}}"#)).await;
        assert_ne!(next.to_json(), page.to_json(), "{operation}");
        tokens.push(token.to_owned());
    }
    let places = listings.iter().map(|(operation, parent)| (*operation, parent.as_str()));
    for (index, (operation, parent)) in places.chain([("ListMapRuns", execution.as_str())]).enumerate() {
        let others = tokens.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, token)| token.as_str());
        for token in others.chain(["x", "{}", "AAAA"]) {
            let answer = client.call(operation, &format!(r#"{{{parent}"nextToken":"{token}"}}"#)).await;
            says(&answer, INVALID_TOKEN, &format!("{operation} {token}"));
        }
    }
    let more = format!(r#"{{{machine}"statusFilter":"SUCCEEDED","nextToken":"{}"}}"#, tokens[4]);
    says(&client.call("ListExecutions", &more).await, INVALID_TOKEN, "another filter");
    let more = format!(r#"{{{execution}"reverseOrder":true,"nextToken":"{}"}}"#, tokens[5]);
    says(&client.call("GetExecutionHistory", &more).await, INVALID_TOKEN, "another order");

    let listing = ["ListActivities", "123456789012", "us-east-1"];
    let now = server.handle.now();
    for (made, good) in [(now, true), (now.plus_seconds(1), true), (Timestamp(now.0 - 86_400_000), false)] {
        let token = PageToken::new(b"one".to_vec(), made).encode(server.handle.secret(), &listing);
        let answer = client.call("ListActivities", &format!(r#"{{"nextToken":"{token}"}}"#)).await;
        match good {
            true => assert_eq!(answer.0, 200, "{}", answer.1),
            false => says(&answer, INVALID_TOKEN, "a day later"),
        }
    }
    server.stop().await;
}

/// Settings that are refused, and how, by CreateStateMachine and UpdateStateMachine alike.
#[tokio::test]
async fn settings_one_by_one() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    client.ok("CreateStateMachine", &machine("kept", "")).await;
    const ONE: &str =
        "InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination.";
    let failed = |value: &str, at: &str, why: &str| {
        format!(
            "ValidationException: 1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: {why}"
        )
    };
    let long = "a".repeat(257);
    let group = |arn: &str| format!(r#"{{"cloudWatchLogsLogGroup":{{"logGroupArn":"{arn}"}}}}"#);
    let destinations = |list: &str| format!(r#""loggingConfiguration":{{"level":"ALL","destinations":[{list}]}}"#);
    let one = group("arn:aws:logs:us-east-1:123456789012:log-group:g:*");
    let encryption = |rest: &str| format!(r#""encryptionConfiguration":{{{rest}}}"#);
    let rows = [
        (r#""loggingConfiguration":{"level":"ALL"}"#.to_owned(), ONE.to_owned()),
        (r#""loggingConfiguration":{"level":"ERROR","destinations":[]}"#.to_owned(), ONE.to_owned()),
        (destinations(&format!("{one},{one}")), ONE.to_owned()),
        (destinations("{}"), ONE.to_owned()),
        (destinations(r#"{"cloudWatchLogsLogGroup":{}}"#), ONE.to_owned()),
        (
            r#""loggingConfiguration":{"level":"DEBUG"}"#.to_owned(),
            failed(
                "'DEBUG'",
                "loggingConfiguration.level",
                "Member must satisfy enum value set: [ALL, ERROR, FATAL, OFF]",
            ),
        ),
        (
            destinations(&group(&long)),
            failed(
                &format!("'{long}'"),
                "loggingConfiguration.destinations.1.member.cloudWatchLogsLogGroup.logGroupArn",
                "Member must have length less than or equal to 256",
            ),
        ),
        (
            r#""tracingConfiguration":{"enabled":"yes"}"#.to_owned(),
            "SerializationException: STRING_VALUE can not be converted to a Boolean".to_owned(),
        ),
        (encryption(""), failed("null", "encryptionConfiguration.type", "Member must not be null")),
        (
            encryption(r#""type":"AWS""#),
            failed(
                "'AWS'",
                "encryptionConfiguration.type",
                "Member must satisfy enum value set: [AWS_OWNED_KEY, CUSTOMER_MANAGED_KMS_KEY]",
            ),
        ),
        (
            encryption(r#""type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"k","kmsDataKeyReusePeriodSeconds":59"#),
            failed(
                "'59'",
                "encryptionConfiguration.kmsDataKeyReusePeriodSeconds",
                "Member must have value greater than or equal to 60",
            ),
        ),
        (
            encryption(r#""type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"k","kmsDataKeyReusePeriodSeconds":901"#),
            failed(
                "'901'",
                "encryptionConfiguration.kmsDataKeyReusePeriodSeconds",
                "Member must have value less than or equal to 900",
            ),
        ),
        (
            r#""publish":false,"versionDescription":"v""#.to_owned(),
            "ValidationException: Version description can only be set when publish is true".to_owned(),
        ),
    ];
    for (settings, told) in &rows {
        let answer = client.call("CreateStateMachine", &machine("made", &format!(",{settings}"))).await;
        says(&answer, told, settings);
        let body = format!(
            r#"{{"stateMachineArn":"{HEAD}:stateMachine:kept","roleArn":"arn:aws:iam::1:role/other",{settings}}}"#
        );
        says(&client.call("UpdateStateMachine", &body).await, told, &format!("update: {settings}"));
    }
    let listed = client.ok("ListStateMachines", "{}").await;
    assert_eq!(listed.get("stateMachines").and_then(Value::as_array).unwrap().len(), 1, "nothing was made: {listed}");
    let kept = client.ok("DescribeStateMachine", &format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:kept"}}"#)).await;
    assert_eq!(
        kept.get("roleArn").and_then(Value::as_str),
        Some("arn:aws:iam::123456789012:role/r"),
        "nothing was changed"
    );
    server.stop().await;
}

/// With METADATA_ONLY, data is left out wherever `includedData` exists, and nothing else.
#[tokio::test]
async fn metadata_only() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let execution = fill(&mut client).await;
    server.ended(&execution).await;
    client.ok("CreateStateMachine", &machine("x", r#","type":"EXPRESS""#)).await;
    let calls = [
        ("DescribeExecution", format!(r#""executionArn":"{execution}""#), &["input", "output"][..]),
        ("DescribeStateMachine", format!(r#""stateMachineArn":"{HEAD}:stateMachine:one""#), &["variableReferences"]),
        ("DescribeStateMachineForExecution", format!(r#""executionArn":"{execution}""#), &["variableReferences"]),
        ("StartSyncExecution", format!(r#""stateMachineArn":"{HEAD}:stateMachine:x""#), &["input", "output"]),
    ];
    for (operation, body, left_out) in calls {
        let all = client.ok(operation, &format!(r#"{{{body},"includedData":"ALL_DATA"}}"#)).await;
        let some = client.ok(operation, &format!(r#"{{{body},"includedData":"METADATA_ONLY"}}"#)).await;
        let names = |value: &Value| value.as_object().unwrap().keys().map(ToString::to_string).collect::<Vec<_>>();
        let gone: Vec<String> = names(&all).into_iter().filter(|name| !names(&some).contains(name)).collect();
        let unknown: Vec<&str> = left_out.iter().copied().filter(|name| all.get(name).is_some()).collect();
        assert_eq!(gone, unknown, "{operation}: {some}");
        for details in ["inputDetails", "outputDetails"].into_iter().filter(|name| all.get(name).is_some()) {
            assert_eq!(all.get(details).unwrap().to_json(), r#"{"included":true}"#, "{operation}");
            assert_eq!(some.get(details).unwrap().to_json(), r#"{"included":false}"#, "{operation}");
        }
        let definition = some.get("definition").and_then(Value::as_str);
        assert!(definition.is_none_or(|text| text == "{}"), "{operation}: {some}");
        let wrong = client.call(operation, &format!(r#"{{{body},"includedData":"NONE"}}"#)).await;
        let told = "ValidationException: 1 validation error detected: Value 'NONE' at 'includedData' failed to satisfy constraint: Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]";
        says(&wrong, told, operation);
    }
    server.stop().await;
}

/// The children of a Map Run, by status and redrive.
#[tokio::test]
async fn children_of_a_map_run() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let definition = Value::from(
        r#"{"StartAt":"M","States":{"M":{"Type":"Map","ToleratedFailureCount":3,"End":true,
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{
            "C":{"Type":"Choice","Choices":[{"Variable":"$","NumericLessThan":3,"Next":"P"}],"Default":"F"},
            "P":{"Type":"Pass","End":true},"F":{"Type":"Fail"}}}}}}"#,
    );
    let body = format!(r#"{{"name":"m","roleArn":"arn:aws:iam::1:role/r","definition":{}}}"#, definition.to_json());
    client.ok("CreateStateMachine", &body).await;
    let body = format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:m","name":"x","input":"[1,2,3]"}}"#);
    client.ok("StartExecution", &body).await;
    let execution = format!("{HEAD}:execution:m:x");
    server.ended(&execution).await;
    let runs = client.ok("ListMapRuns", &format!(r#"{{"executionArn":"{execution}"}}"#)).await;
    let run = runs.get("mapRuns").and_then(Value::as_array).unwrap()[0].get("mapRunArn").unwrap().to_json();
    for (filter, expected) in [
        ("", 3),
        (r#","statusFilter":"SUCCEEDED""#, 2),
        (r#","statusFilter":"FAILED""#, 1),
        (r#","statusFilter":"PENDING_REDRIVE""#, 0),
        (r#","redriveFilter":"REDRIVEN""#, 0),
        (r#","redriveFilter":"NOT_REDRIVEN""#, 3),
        (r#","redriveFilter":"NOT_REDRIVEN","statusFilter":"FAILED""#, 1),
    ] {
        let listed = client.ok("ListExecutions", &format!(r#"{{"mapRunArn":{run}{filter}}}"#)).await;
        let children = listed.get("executions").and_then(Value::as_array).unwrap();
        assert_eq!(children.len(), expected, "{filter}: {listed}");
        for child in children.iter() {
            assert_eq!(child.get("mapRunArn").unwrap().to_json(), run);
            assert_eq!(child.get("itemCount").and_then(Value::as_i64), Some(1), "{child}");
        }
    }
    let parents = client.ok("ListExecutions", &format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:m"}}"#)).await;
    let parent = &parents.get("executions").and_then(Value::as_array).unwrap()[0];
    assert!(parent.get("itemCount").is_none() && parent.get("mapRunArn").is_none(), "{parent}");
    let both = format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:m","mapRunArn":{run}}}"#);
    for body in [both.as_str(), "{}"] {
        let (status, answer) = client.call("ListExecutions", body).await;
        assert_eq!(
            (status, answer.get("reason").and_then(Value::as_str)),
            (400, Some("MISSING_REQUIRED_PARAMETER")),
            "{answer}"
        );
    }
    server.stop().await;
}
