//! The operations over HTTP: their answers and errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Row, Server};
use stepwell_api::Access;
use stepwell_value::Value;

const PASS: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}""#;
const ROLE: &str = r#""roleArn":"arn:aws:iam::123456789012:role/r""#;

/// Runs rows on a server of their own; `PASS` and `ROLE` in requests stand for a definition and a role.
#[track_caller]
fn check(rows: &[Row]) {
    common::check(&[("PASS", PASS), ("ROLE", ROLE)], rows);
}

#[test]
fn requests_that_are_refused() {
    check(&[
        ("Nothing", "{}", 400, "UnknownOperationException:"),
        ("ListActivities", "not json", 400, "SerializationException:"),
        ("ListActivities", "7", 400, "SerializationException:"),
        (
            "ListActivities",
            r#"{"maxResults":"x"}"#,
            400,
            "SerializationException: STRING_VALUE can not be converted to an Integer",
        ),
        (
            "ListStateMachines",
            r#"{"maxResults":1001}"#,
            400,
            "ValidationException: 1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        ("ListStateMachines", r#"{"nextToken":"x"}"#, 400, "InvalidToken: Invalid Token: 'Invalid token'"),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"not_a_valid_arn"}"#,
            400,
            "InvalidArn: Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'",
        ),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:none"}"#,
            400,
            "StateMachineDoesNotExist: State Machine Does Not Exist: 'A:stateMachine:none'",
        ),
        (
            "DescribeExecution",
            r#"{"executionArn":"A:execution:none:x"}"#,
            400,
            "ExecutionDoesNotExist: Execution Does Not Exist: 'A:execution:none:x'",
        ),
        (
            "StopExecution",
            r#"{"executionArn":"A:express:m:x:y"}"#,
            400,
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'",
        ),
        ("CreateActivity", r#"{"name":"a b"}"#, 400, "InvalidName: Invalid Name: 'a b'"),
        (
            "GetActivityTask",
            r#"{"activityArn":"A:activity:none"}"#,
            400,
            "ActivityDoesNotExist: Activity Does Not Exist: 'A:activity:none'",
        ),
        ("SendTaskHeartbeat", r#"{"taskToken":"x"}"#, 400, "InvalidToken: Invalid Token: 'Invalid token'"),
        (
            "SendTaskSuccess",
            r#"{"taskToken":"x","output":"done"}"#,
            400,
            "InvalidOutput: Invalid Output: 'Unrecognized token 'done': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
        ),
        (
            "RedriveExecution",
            r#"{"executionArn":"A:execution:m:x"}"#,
            400,
            "ExecutionDoesNotExist: Execution Does Not Exist: 'A:execution:m:x'",
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m","definition":"{\"StartAt\":\"A\"}",ROLE}"#,
            400,
            "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
        ),
        ("CreateStateMachine", r#"{"name":"m",PASS,"roleArn":"role"}"#, 400, "InvalidArn: Invalid Role Arn: 'role'"),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"versionDescription":"v"}"#,
            400,
            "ValidationException: Version description can only be set when publish is true",
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"loggingConfiguration":{"level":"ALL"}}"#,
            400,
            "InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m/label:1"}"#,
            400,
            "ValidationException: DescribeStateMachine does not support the ARN of a Distributed Map's own state machine: 'A:stateMachine:m/label:1'",
        ),
    ]);
}

#[test]
fn machines_are_made_changed_and_removed() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"<made>"}"#,
        ),
        // idempotent, whatever the role (recorded: test_create_exact_duplicate_sm)
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,"roleArn":"arn:aws:iam::1:role/other"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"<made>"}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"type":"EXPRESS"}"#,
            400,
            "StateMachineAlreadyExists: State Machine Already Exists: 'A:stateMachine:m'",
        ),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","status":"ACTIVE","type":"STANDARD","creationDate":"<made>",
                "definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}",
                "roleArn":"arn:aws:iam::123456789012:role/r","tracingConfiguration":{"enabled":false},
                "encryptionConfiguration":{"type":"AWS_OWNED_KEY"},"loggingConfiguration":{"includeExecutionData":false,"level":"OFF"}}"#,
        ),
        (
            "UpdateStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            400,
            "MissingRequiredParameter: Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        ),
        // nothing changes, so that the revision stays the first one, which has no id
        ("UpdateStateMachine", r#"{"stateMachineArn":"A:stateMachine:m",PASS}"#, 200, r#"{"updateDate":"*"}"#),
        (
            "UpdateStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m","roleArn":"arn:aws:iam::1:role/two"}"#,
            200,
            r#"{"updateDate":"*","revisionId":"<second>"}"#,
        ),
        (
            "UpdateStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m","roleArn":"arn:aws:iam::1:role/two"}"#,
            200,
            r#"{"updateDate":"*","revisionId":"<second>"}"#,
        ),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m","includedData":"METADATA_ONLY"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","status":"ACTIVE","type":"STANDARD","creationDate":"<made>",
                "definition":"{}","roleArn":"arn:aws:iam::1:role/two","tracingConfiguration":{"enabled":false},
                "encryptionConfiguration":{"type":"AWS_OWNED_KEY"},"loggingConfiguration":{"includeExecutionData":false,"level":"OFF"},"revisionId":"<second>"}"#,
        ),
        ("CreateStateMachine", r#"{"name":"a",PASS,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "ListStateMachines",
            r#"{"maxResults":1}"#,
            200,
            r#"{"stateMachines":[{"stateMachineArn":"A:stateMachine:a","name":"a","type":"STANDARD","creationDate":"*"}],"nextToken":"<next>"}"#,
        ),
        (
            "ListStateMachines",
            r#"{"maxResults":1,"nextToken":"<next>"}"#,
            200,
            r#"{"stateMachines":[{"stateMachineArn":"A:stateMachine:m","name":"m","type":"STANDARD","creationDate":"*"}]}"#,
        ),
        ("ListActivities", r#"{"nextToken":"<next>"}"#, 400, "InvalidToken: Invalid Token: 'Invalid token'"),
        ("DeleteStateMachine", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, "{}"),
        ("DeleteStateMachine", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, "{}"),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            400,
            "StateMachineDoesNotExist: State Machine Does Not Exist: 'A:stateMachine:m'",
        ),
        // the name is free again, and nothing of the old machine is left
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"publish":true,"versionDescription":"new"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"*","stateMachineVersionArn":"A:stateMachine:m:1"}"#,
        ),
    ]);
}

#[test]
fn versions_and_aliases() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"publish":true,"versionDescription":"first"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"*","stateMachineVersionArn":"A:stateMachine:m:1"}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"publish":true,"versionDescription":"other"}"#,
            400,
            "StateMachineAlreadyExists: State Machine Already Exists: 'A:stateMachine:m'",
        ),
        // published already (recorded: test_idempotent_publish)
        (
            "PublishStateMachineVersion",
            r#"{"stateMachineArn":"A:stateMachine:m","revisionId":"INITIAL"}"#,
            200,
            r#"{"stateMachineVersionArn":"A:stateMachine:m:1","creationDate":"*"}"#,
        ),
        (
            "UpdateStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m","roleArn":"arn:aws:iam::1:role/two","publish":true}"#,
            200,
            r#"{"updateDate":"*","revisionId":"<second>","stateMachineVersionArn":"A:stateMachine:m:2"}"#,
        ),
        (
            "PublishStateMachineVersion",
            r#"{"stateMachineArn":"A:stateMachine:m","revisionId":"INITIAL"}"#,
            400,
            "ConflictException: Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is <second>.",
        ),
        (
            "ListStateMachineVersions",
            r#"{"stateMachineArn":"A:stateMachine:m","maxResults":1}"#,
            200,
            r#"{"stateMachineVersions":[{"stateMachineVersionArn":"A:stateMachine:m:2","creationDate":"*"}],"nextToken":"<next>"}"#,
        ),
        (
            "ListStateMachineVersions",
            r#"{"stateMachineArn":"A:stateMachine:m","nextToken":"<next>"}"#,
            200,
            r#"{"stateMachineVersions":[{"stateMachineVersionArn":"A:stateMachine:m:1","creationDate":"*"}]}"#,
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m","weight":100}]}"#,
            400,
            "ValidationException: Routing configuration must contain state machine version ARNs. Received: [A:stateMachine:m]",
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:1","weight":70},{"stateMachineVersionArn":"A:stateMachine:m:2","weight":29}]}"#,
            400,
            "ValidationException: Sum of routing configuration weights must equal 100. Received: [70, 29]",
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:9","weight":100}]}"#,
            400,
            "ResourceNotFound: Request references a resource that does not exist.",
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:1","weight":100}]}"#,
            200,
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<alias>"}"#,
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:1","weight":100}]}"#,
            200,
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<alias>"}"#,
        ),
        (
            "CreateStateMachineAlias",
            r#"{"name":"live","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:2","weight":100}]}"#,
            400,
            "ConflictException: Failed to create alias because an alias with the same name and a different routing configuration already exists.",
        ),
        (
            "DeleteStateMachineVersion",
            r#"{"stateMachineVersionArn":"A:stateMachine:m:1"}"#,
            400,
            "ConflictException: Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m:live","name":"by-alias"}"#,
            200,
            r#"{"executionArn":"A:execution:m:by-alias","startDate":"*"}"#,
        ),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m:1","statusFilter":"ABORTED"}"#,
            200,
            r#"{"executions":[]}"#,
        ),
        ("ended", "arn:aws:states:us-east-1:123456789012:execution:m:by-alias", 0, ""),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m:live"}"#,
            200,
            r#"{"executions":[{"executionArn":"A:execution:m:by-alias","stateMachineArn":"A:stateMachine:m","name":"by-alias","status":"SUCCEEDED","startDate":"*","stopDate":"*","redriveCount":0,"stateMachineVersionArn":"A:stateMachine:m:1","stateMachineAliasArn":"A:stateMachine:m:live"}]}"#,
        ),
        (
            "DescribeStateMachineForExecution",
            r#"{"executionArn":"A:execution:m:by-alias"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","definition":"*","roleArn":"arn:aws:iam::123456789012:role/r",
                "updateDate":"*","tracingConfiguration":{"enabled":false},
                "encryptionConfiguration":{"type":"AWS_OWNED_KEY"},"loggingConfiguration":{"includeExecutionData":false,"level":"OFF"}}"#,
        ),
        (
            "UpdateStateMachineAlias",
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","description":"d","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:2","weight":100}]}"#,
            200,
            r#"{"updateDate":"<updated>"}"#,
        ),
        (
            "DescribeStateMachineAlias",
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#,
            200,
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","name":"live","description":"d","creationDate":"<alias>","updateDate":"<updated>",
                "routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:2","weight":100}]}"#,
        ),
        (
            "ListStateMachineAliases",
            r#"{"stateMachineArn":"A:stateMachine:m:1"}"#,
            200,
            r#"{"stateMachineAliases":[]}"#,
        ),
        (
            "ListStateMachineAliases",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            200,
            r#"{"stateMachineAliases":[{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<alias>"}]}"#,
        ),
        ("DeleteStateMachineVersion", r#"{"stateMachineVersionArn":"A:stateMachine:m:1"}"#, 200, "{}"),
        ("DeleteStateMachineVersion", r#"{"stateMachineVersionArn":"A:stateMachine:m:1"}"#, 200, "{}"),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m:1"}"#,
            400,
            "StateMachineDoesNotExist: State Machine Does Not Exist: 'A:stateMachine:m:1'",
        ),
        ("DeleteStateMachineAlias", r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#, 200, "{}"),
        (
            "DescribeStateMachineAlias",
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#,
            400,
            "ResourceNotFound: Request references a resource that does not exist.",
        ),
    ]);
}

/// A machine that waits for a callback, so that its executions run until they are stopped.
const CALLBACK: &str = r#"{"name":"m",ROLE,"definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Parameters\":{\"QueueUrl\":\"q\",\"MessageBody.$\":\"$$.Task.Token\"},\"End\":true}}}"}"#;

#[test]
fn executions() {
    check(&[
        ("CreateStateMachine", r#"{"name":"p",PASS,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        ("CreateStateMachine", CALLBACK, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:p","name":"a b","input":"x"}"#,
            400,
            "InvalidName: Invalid Name: 'a b'",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:p","input":"not some json"}"#,
            400,
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:p","input":""}"#,
            400,
            "InvalidExecutionInput: Invalid State Machine Execution Input: 'Invalid execution input.'",
        ),
        // while it runs, the same name and input give the same execution
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"{\"a\": 1}"}"#,
            200,
            r#"{"executionArn":"A:execution:m:one","startDate":"<started>"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"{\"a\":1}"}"#,
            200,
            r#"{"executionArn":"A:execution:m:one","startDate":"<started>"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"{}"}"#,
            400,
            "ExecutionAlreadyExists: Execution Already Exists: 'A:execution:m:one'",
        ),
        (
            "DescribeExecution",
            r#"{"executionArn":"A:execution:m:one"}"#,
            200,
            r#"{"executionArn":"A:execution:m:one","stateMachineArn":"A:stateMachine:m","name":"one","status":"RUNNING","startDate":"<started>",
                "input":"{\"a\": 1}","inputDetails":{"included":true},"redriveCount":0,"redriveStatus":"NOT_REDRIVABLE",
                "redriveStatusReason":"Execution is RUNNING and cannot be redriven"}"#,
        ),
        (
            "StopExecution",
            r#"{"executionArn":"A:execution:m:one","error":"E","cause":"C"}"#,
            200,
            r#"{"stopDate":"<stopped>"}"#,
        ),
        ("StopExecution", r#"{"executionArn":"A:execution:m:one"}"#, 200, r#"{"stopDate":"<stopped>"}"#),
        (
            "DescribeExecution",
            r#"{"executionArn":"A:execution:m:one","includedData":"METADATA_ONLY"}"#,
            200,
            r#"{"executionArn":"A:execution:m:one","stateMachineArn":"A:stateMachine:m","name":"one","status":"ABORTED","startDate":"<started>",
                "stopDate":"<stopped>","inputDetails":{"included":false},"error":"E","cause":"C","redriveCount":0,"redriveStatus":"REDRIVABLE"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","name":"one","input":"{\"a\": 1}"}"#,
            400,
            "ExecutionAlreadyExists: Execution Already Exists: 'A:execution:m:one'",
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:p","input":"[1, 2]","traceHeader":"t"}"#,
            200,
            r#"{"executionArn":"<made>","startDate":"*"}"#,
        ),
        ("ended", "<made>", 0, ""),
        (
            "DescribeExecution",
            r#"{"executionArn":"<made>"}"#,
            200,
            r#"{"executionArn":"<made>","stateMachineArn":"A:stateMachine:p","name":"*","status":"SUCCEEDED","startDate":"*","stopDate":"*",
                "input":"[1, 2]","inputDetails":{"included":true},"output":"[1, 2]","outputDetails":{"included":true},"traceHeader":"t",
                "redriveCount":0,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is SUCCEEDED and cannot be redriven"}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<made>","maxResults":3}"#,
            200,
            r#"{"events":[
                {"timestamp":"*","type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":{"input":"[1, 2]","inputDetails":{"truncated":false},"roleArn":"arn:aws:iam::123456789012:role/r"}},
                {"timestamp":"*","type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A","input":"[1, 2]","inputDetails":{"truncated":false}}},
                {"timestamp":"*","type":"PassStateExited","id":3,"previousEventId":2,"stateExitedEventDetails":{"name":"A","output":"[1, 2]","outputDetails":{"truncated":false}}}
                ],"nextToken":"<history>"}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<made>","maxResults":3,"nextToken":"<history>","includeExecutionData":false}"#,
            200,
            r#"{"events":[{"timestamp":"*","type":"ExecutionSucceeded","id":4,"previousEventId":3,"executionSucceededEventDetails":{}}]}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<made>","reverseOrder":true,"nextToken":"<history>"}"#,
            400,
            "InvalidToken: Invalid Token: 'Invalid token'",
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<made>","maxResults":3,"reverseOrder":true,"includeExecutionData":false}"#,
            200,
            r#"{"events":[
                {"timestamp":"*","type":"ExecutionSucceeded","id":4,"previousEventId":3,"executionSucceededEventDetails":{}},
                {"timestamp":"*","type":"PassStateExited","id":3,"previousEventId":2,"stateExitedEventDetails":{"name":"A"}},
                {"timestamp":"*","type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A"}}
                ],"nextToken":"<reverse>"}"#,
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"<made>","reverseOrder":true,"includeExecutionData":false,"nextToken":"<reverse>"}"#,
            200,
            r#"{"events":[{"timestamp":"*","type":"ExecutionStarted","id":1,"previousEventId":0,"executionStartedEventDetails":{"roleArn":"*"}}]}"#,
        ),
        ("ListMapRuns", r#"{"executionArn":"<made>"}"#, 200, r#"{"mapRuns":[]}"#),
        (
            "ListExecutions",
            "{}",
            400,
            "ValidationException: Exactly one of stateMachineArn and mapRunArn must be specified",
        ),
    ]);
}

#[test]
fn a_machine_is_deleting_while_executions_run() {
    check(&[
        ("CreateStateMachine", CALLBACK, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            200,
            r#"{"executionArn":"<run>","startDate":"*"}"#,
        ),
        ("DeleteStateMachine", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, "{}"),
        (
            "ListStateMachines",
            "{}",
            200,
            r#"{"stateMachines":[{"stateMachineArn":"A:stateMachine:m","name":"m","type":"STANDARD","creationDate":"*"}]}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            400,
            "StateMachineDeleting: State Machine is deleting: 'A:stateMachine:m'",
        ),
        ("StopExecution", r#"{"executionArn":"<run>"}"#, 200, r#"{"stopDate":"*"}"#),
        ("ListStateMachines", "{}", 200, r#"{"stateMachines":[]}"#),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            400,
            "StateMachineDoesNotExist: State Machine Does Not Exist: 'A:stateMachine:m'",
        ),
        // what ran can still be looked at
        (
            "DescribeStateMachineForExecution",
            r#"{"executionArn":"<run>","includedData":"METADATA_ONLY"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","definition":"{}","roleArn":"*","updateDate":"*",
                "tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"},"loggingConfiguration":{"includeExecutionData":false,"level":"OFF"}}"#,
        ),
    ]);
}

#[test]
fn express() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"x",PASS,ROLE,"type":"EXPRESS"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        ("CreateStateMachine", r#"{"name":"s",PASS,ROLE}"#, 200, r#"{"stateMachineArn":"*","creationDate":"*"}"#),
        (
            "StartSyncExecution",
            r#"{"stateMachineArn":"A:stateMachine:s"}"#,
            400,
            "StateMachineTypeNotSupported: This operation is not supported by this type of state machine",
        ),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:x"}"#,
            400,
            "StateMachineTypeNotSupported: This operation is not supported by this type of state machine",
        ),
        (
            "StartSyncExecution",
            r#"{"stateMachineArn":"A:stateMachine:x","name":"n","input":"{\"a\": 1}"}"#,
            200,
            r#"{"executionArn":"*","stateMachineArn":"A:stateMachine:x","name":"n","startDate":"*","stopDate":"*","status":"SUCCEEDED",
                "input":"{\"a\": 1}","inputDetails":{"included":true},"output":"{\"a\": 1}","outputDetails":{"included":true},
                "billingDetails":{"billedMemoryUsedInMB":64,"billedDurationInMilliseconds":100}}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:x"}"#,
            200,
            r#"{"executionArn":"<express>","startDate":"*"}"#,
        ),
        (
            "DescribeExecution",
            r#"{"executionArn":"<express>"}"#,
            400,
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'",
        ),
    ]);
}

#[test]
fn activities_and_their_tasks() {
    check(&[
        ("CreateActivity", r#"{"name":"act"}"#, 200, r#"{"activityArn":"A:activity:act","creationDate":"<made>"}"#),
        ("CreateActivity", r#"{"name":"act"}"#, 200, r#"{"activityArn":"A:activity:act","creationDate":"<made>"}"#),
        (
            "DescribeActivity",
            r#"{"activityArn":"A:activity:act"}"#,
            200,
            r#"{"activityArn":"A:activity:act","name":"act","creationDate":"<made>","encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#,
        ),
        (
            "ListActivities",
            "{}",
            200,
            r#"{"activities":[{"activityArn":"A:activity:act","name":"act","creationDate":"<made>"}]}"#,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",ROLE,"definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:123456789012:activity:act\",\"End\":true}}}"}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*"}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m","input":"{\"n\": 1}"}"#,
            200,
            r#"{"executionArn":"<one>","startDate":"*"}"#,
        ),
        (
            "GetActivityTask",
            r#"{"activityArn":"A:activity:act","workerName":"w"}"#,
            200,
            r#"{"taskToken":"<first>","input":"{\"n\": 1}"}"#,
        ),
        ("SendTaskHeartbeat", r#"{"taskToken":"<first>"}"#, 200, "{}"),
        ("SendTaskSuccess", r#"{"taskToken":"<first>","output":"\"done\""}"#, 200, "{}"),
        (
            "SendTaskSuccess",
            r#"{"taskToken":"<first>","output":"\"done\""}"#,
            400,
            "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'",
        ),
        ("ended", "<one>", 0, ""),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m"}"#,
            200,
            r#"{"executionArn":"<two>","startDate":"*"}"#,
        ),
        ("GetActivityTask", r#"{"activityArn":"A:activity:act"}"#, 200, r#"{"taskToken":"<second>","input":"{}"}"#),
        ("SendTaskFailure", r#"{"taskToken":"<second>","error":"E","cause":"C"}"#, 200, "{}"),
        ("ended", "<two>", 0, ""),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m","maxResults":1}"#,
            200,
            r#"{"executions":[{"executionArn":"<two>","stateMachineArn":"A:stateMachine:m","name":"*","status":"FAILED","startDate":"*","stopDate":"*","redriveCount":0}],"nextToken":"<next>"}"#,
        ),
        (
            "ListExecutions",
            r#"{"stateMachineArn":"A:stateMachine:m","maxResults":1,"nextToken":"<next>"}"#,
            200,
            r#"{"executions":[{"executionArn":"<one>","stateMachineArn":"A:stateMachine:m","name":"*","status":"SUCCEEDED","startDate":"*","stopDate":"*","redriveCount":0}]}"#,
        ),
        ("DeleteActivity", r#"{"activityArn":"A:activity:act"}"#, 200, "{}"),
        ("DeleteActivity", r#"{"activityArn":"A:activity:act"}"#, 200, "{}"),
        ("ListActivities", "{}", 200, r#"{"activities":[]}"#),
    ]);
}

#[test]
fn tags() {
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"publish":true,"tags":[{"key":"a","value":"1"}]}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*","stateMachineVersionArn":"*"}"#,
        ),
        ("CreateActivity", r#"{"name":"act"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        (
            "TagResource",
            r#"{"resourceArn":"A:stateMachine:m","tags":[{"key":"b","value":""},{"key":"a","value":"2"}]}"#,
            200,
            "{}",
        ),
        (
            "ListTagsForResource",
            r#"{"resourceArn":"A:stateMachine:m"}"#,
            200,
            r#"{"tags":[{"key":"a","value":"2"},{"key":"b","value":""}]}"#,
        ),
        ("UntagResource", r#"{"resourceArn":"A:stateMachine:m","tagKeys":["a","zz"]}"#, 200, "{}"),
        ("ListTagsForResource", r#"{"resourceArn":"A:stateMachine:m"}"#, 200, r#"{"tags":[{"key":"b","value":""}]}"#),
        ("TagResource", r#"{"resourceArn":"A:activity:act","tags":[{"key":"k","value":"v"}]}"#, 200, "{}"),
        ("ListTagsForResource", r#"{"resourceArn":"A:activity:act"}"#, 200, r#"{"tags":[{"key":"k","value":"v"}]}"#),
        (
            "TagResource",
            r#"{"resourceArn":"A:stateMachine:m:1","tags":[]}"#,
            400,
            "ResourceNotFound: Resource not found: 'A:stateMachine:m:1'",
        ),
    ]);
}

#[test]
fn definitions_are_validated() {
    check(&[
        ("ValidateStateMachineDefinition", r#"{PASS}"#, 200, r#"{"result":"OK","diagnostics":[],"truncated":false}"#),
        (
            "ValidateStateMachineDefinition",
            r#"{"definition":"not a definition"}"#,
            200,
            r#"{"result":"FAIL","truncated":false,"diagnostics":[{"severity":"ERROR","code":"INVALID_JSON_DESCRIPTION","message":"*","location":"*"}]}"#,
        ),
        (
            "ValidateStateMachineDefinition",
            r#"{"definition":"{}","maxResults":1}"#,
            200,
            r#"{"result":"FAIL","truncated":false,"diagnostics":[{"severity":"ERROR","code":"SCHEMA_VALIDATION_FAILED","message":"These fields are required: [StartAt, States]","location":"/"}]}"#,
        ),
    ]);
}

/// Every operation of the service model answers something of AWS's form, whatever the request.
#[test]
fn no_operation_breaks_on_an_empty_request() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(Access::default()).await;
        let mut client = server.client().await;
        for operation in stepwell_model::Operation::all() {
            for body in ["{}", "[]", "null", r#"{"stateMachineArn":7}"#, r#"{"executionArn":""}"#] {
                let (status, answer) = client.call(operation.name(), body).await;
                let is_error = answer.get("__type").and_then(Value::as_str).is_some();
                assert!(status == 200 || (status == 400 && is_error), "{} {body}: {status} {answer}", operation.name());
            }
        }
        server.stop().await;
    });
}
