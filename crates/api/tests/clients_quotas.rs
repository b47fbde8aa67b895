//! Quotas over HTTP, with AWS's errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Known, Server, scenario};
use stepwell_api::Config;
use stepwell_api::throttle::{Bucket, Quotas};

#[tokio::test]
async fn resources_are_counted() {
    let quotas = Quotas { open_executions: Some(2), state_machines: Some(2), activities: Some(1), ..Quotas::default() };
    let server = Server::start_with(Config { quotas, ..Config::default() }).await;
    let rows = [
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        (
            "CreateActivity",
            r#"{"name":"b"}"#,
            400,
            "ActivityLimitExceeded: The maximum number of activities has been reached.",
        ),
        ("DeleteActivity", r#"{"activityArn":"A:activity:a"}"#, 200, "{}"),
        ("CreateActivity", r#"{"name":"b"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        (
            "CreateStateMachine",
            r#"{"name":"w","roleArn":"arn:aws:iam::1:role/r","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Wait\",\"Seconds\":1000,\"End\":true}}}"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"e","type":"EXPRESS","roleArn":"arn:aws:iam::1:role/r","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Succeed\"}}}"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"x","roleArn":"arn:aws:iam::1:role/r","definition":"{\"StartAt\":\"W\",\"States\":{\"W\":{\"Type\":\"Succeed\"}}}"}"#,
            400,
            "StateMachineLimitExceeded: The maximum number of state machines has been reached.",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:w","name":"one"}"#,
            200,
            r#"{"executionArn":"*","startDate":"*"}"#,
        ),
        ("StartExecution", r#"{"stateMachineArn":"A:stateMachine:w"}"#, 200, r#"{"executionArn":"*","startDate":"*"}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:w"}"#,
            400,
            "ExecutionLimitExceeded: The maximum number of running executions has been reached.",
        ),
        ("StartExecution", r#"{"stateMachineArn":"A:stateMachine:e"}"#, 200, r#"{"executionArn":"*","startDate":"*"}"#),
        ("StopExecution", r#"{"executionArn":"A:execution:w:one"}"#, 200, r#"{"stopDate":"*"}"#),
        ("StartExecution", r#"{"stateMachineArn":"A:stateMachine:w"}"#, 200, r#"{"executionArn":"*","startDate":"*"}"#),
    ];
    scenario(&server, &mut Known::default(), &rows).await;
    server.stop().await;
}

#[tokio::test]
async fn requests_are_throttled() {
    let bucket = Bucket { size: 2, per_second: 0.0 };
    let quotas = Quotas { requests: [("ListActivities".to_owned(), bucket)].into(), ..Quotas::default() };
    let server = Server::start_with(Config { quotas, ..Config::default() }).await;
    let rows = [
        ("ListActivities", "{}", 200, r#"{"activities":[]}"#),
        ("ListActivities", "{}", 200, r#"{"activities":[]}"#),
        ("ListActivities", "{}", 400, "ThrottlingException: Rate exceeded"),
        ("ListStateMachines", "{}", 200, r#"{"stateMachines":[]}"#),
    ];
    scenario(&server, &mut Known::default(), &rows).await;
    server.stop().await;
}
