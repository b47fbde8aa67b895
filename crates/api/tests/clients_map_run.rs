//! UpdateMapRun: a Map Run under way is changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Client, HEAD, Server};
use stepwell_api::Access;
use stepwell_value::Value;

async fn refused(client: &mut Client, body: &str, reason: &str) {
    let (status, answer) = client.call("UpdateMapRun", body).await;
    let told = answer.get("reason").or(answer.get("message")).and_then(Value::as_str).unwrap_or("").to_owned();
    assert!(status == 400 && told.contains(reason), "{body}: {answer}");
}

/// A Distributed Map over three items, one at a time, whose children wait for a worker.
async fn start(client: &mut Client) -> String {
    client.ok("CreateActivity", r#"{"name":"a"}"#).await;
    let task = format!(r#"{{"Type":"Task","Resource":"{HEAD}:activity:a","End":true}}"#);
    let definition = format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","MaxConcurrency":1,"End":true,"ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},"StartAt":"T","States":{{"T":{task}}}}}}}}}}}"#
    );
    let definition = Value::from(definition).to_json();
    let body = format!(r#"{{"name":"m","roleArn":"arn:aws:iam::1:role/r","definition":{definition}}}"#);
    client.ok("CreateStateMachine", &body).await;
    let body = format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:m","input":"[1,2,3]","name":"x"}}"#);
    client.ok("StartExecution", &body).await;
    format!("{HEAD}:execution:m:x")
}

/// The token of the next child's task; waits for one.
async fn token(client: &mut Client) -> String {
    let task = client.ok("GetActivityTask", &format!(r#"{{"activityArn":"{HEAD}:activity:a"}}"#)).await;
    task.get("taskToken").and_then(Value::as_str).expect("a task").to_owned()
}

#[tokio::test]
async fn a_map_run_is_changed_under_way() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let execution = start(&mut client).await;
    let first = token(&mut client).await;
    let runs = client.ok("ListMapRuns", &format!(r#"{{"executionArn":"{execution}"}}"#)).await;
    let run = runs.get("mapRuns").and_then(Value::as_array).unwrap()[0].get("mapRunArn").unwrap().to_json();

    refused(&mut client, &format!(r#"{{"mapRunArn":{run}}}"#), "MISSING_REQUIRED_PARAMETER").await;
    refused(&mut client, &format!(r#"{{"mapRunArn":{run},"maxConcurrency":-1}}"#), "greater than or equal to 0").await;
    refused(&mut client, r#"{"mapRunArn":"x","maxConcurrency":1}"#, "Invalid Arn").await;
    let none =
        format!(r#"{{"mapRunArn":"{HEAD}:mapRun:m/l:5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01","maxConcurrency":1}}"#);
    refused(&mut client, &none, "Resource not found").await;

    // Without the change the second task would never come: the first one is not answered.
    let update = format!(r#"{{"mapRunArn":{run},"maxConcurrency":3,"toleratedFailureCount":1}}"#);
    assert_eq!(client.ok("UpdateMapRun", &update).await, Value::empty_object());
    let shown = client.ok("DescribeMapRun", &format!(r#"{{"mapRunArn":{run}}}"#)).await;
    let number = |member: &str| shown.get(member).and_then(Value::as_i64);
    assert_eq!((number("maxConcurrency"), number("toleratedFailureCount")), (Some(3), Some(1)));
    let others = [token(&mut client).await, token(&mut client).await];

    // Without the change the first failure would end the run.
    client.ok("SendTaskFailure", &format!(r#"{{"taskToken":"{first}"}}"#)).await;
    for other in others {
        client.ok("SendTaskSuccess", &format!(r#"{{"taskToken":"{other}","output":"1"}}"#)).await;
    }
    server.ended(&execution).await;
    let ended = client.ok("DescribeExecution", &format!(r#"{{"executionArn":"{execution}"}}"#)).await;
    assert_eq!(ended.get("output").and_then(Value::as_str), Some("[1,1]"), "{ended}");
    refused(&mut client, &update, "CANNOT_UPDATE_COMPLETED_MAP_RUN").await;
    server.stop().await;
}

#[tokio::test]
async fn less_tolerance_may_end_a_map_run() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let execution = start(&mut client).await;
    let first = token(&mut client).await;
    let runs = client.ok("ListMapRuns", &format!(r#"{{"executionArn":"{execution}"}}"#)).await;
    let run = runs.get("mapRuns").and_then(Value::as_array).unwrap()[0].get("mapRunArn").unwrap().to_json();
    client.ok("UpdateMapRun", &format!(r#"{{"mapRunArn":{run},"toleratedFailurePercentage":50}}"#)).await;
    client.ok("SendTaskFailure", &format!(r#"{{"taskToken":"{first}"}}"#)).await;
    token(&mut client).await; // the second child has started, so that the first one is counted
    let shown = client.ok("DescribeMapRun", &format!(r#"{{"mapRunArn":{run}}}"#)).await;
    let counts = shown.get("executionCounts").unwrap();
    let count = |member: &str| counts.get(member).and_then(Value::as_i64).unwrap();
    assert_eq!((count("total"), count("failed"), count("running"), count("pending")), (3, 1, 1, 1), "{shown}");
    let children = client.ok("ListExecutions", &format!(r#"{{"mapRunArn":{run},"statusFilter":"RUNNING"}}"#)).await;
    let child = children.get("executions").and_then(Value::as_array).unwrap()[0].get("executionArn").unwrap().to_json();
    let about = format!(r#"{{"executionArn":{child}}}"#);
    let described = client.ok("DescribeExecution", &about).await;
    assert_eq!(described.get("mapRunArn").unwrap().to_json(), run);
    let described = client.ok("DescribeStateMachineForExecution", &about).await;
    assert_eq!(described.get("mapRunArn").unwrap().to_json(), run);
    assert!(described.get("label").and_then(Value::as_str).is_some_and(|label| label.len() == 36), "{described}");
    client.ok("UpdateMapRun", &format!(r#"{{"mapRunArn":{run},"toleratedFailurePercentage":10}}"#)).await;
    server.ended(&execution).await;
    let ended = client.ok("DescribeExecution", &format!(r#"{{"executionArn":"{execution}"}}"#)).await;
    let error = ended.get("error").and_then(Value::as_str);
    assert_eq!(error, Some("States.ExceedToleratedFailureThreshold"), "{ended}");
    server.stop().await;
}
