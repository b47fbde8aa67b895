//! Rules of the operations beyond the constraints of the service model, as rows: tasks, settings, tags, idempotency, versions
//! and aliases. "Recorded" names a case of AWS; "documented" is the API reference; where neither stands, AWS says nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Known, Row, Server, scenario};
use stepwell_api::Config;
use stepwell_model::Limits;

const PASS: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}""#;
const OTHER: &str = r#""definition":"{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Pass\",\"End\":true}}}""#;
const TASK: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:123456789012:activity:a\",\"End\":true}}}""#;
const CALLBACK: &str = r#""definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Parameters\":{\"MessageBody.$\":\"$$.Task.Token\",\"QueueUrl\":\"q\"},\"End\":true}}}""#;
const ROLE: &str = r#""roleArn":"arn:aws:iam::123456789012:role/r""#;
const LOGS: &str = r#"{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}"#;

const MADE: &str = r#"{"stateMachineArn":"A:stateMachine:m","creationDate":"<made>"}"#;
const STARTED: &str = r#"{"executionArn":"<one>","startDate":"*"}"#;
const TIMED_OUT: &str = "TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'";
const NO_TASK: &str = "TaskDoesNotExist: Task Does Not Exist: 'The activity of the provided task does not exist'";
const EXISTS: &str = "StateMachineAlreadyExists: State Machine Already Exists: 'A:stateMachine:m'";

#[track_caller]
fn check(rows: &[Row]) {
    let names =
        [("PASS", PASS), ("OTHER", OTHER), ("TASK", TASK), ("CALLBACK", CALLBACK), ("ROLE", ROLE), ("LOGS", LOGS)];
    common::check(&names, rows);
}

/// When which error is given of a token. Documented: TaskTimedOut when it "has either expired or the task … has already been
/// closed", TaskDoesNotExist when "the activity does not exist".
#[test]
fn tokens_of_activities() {
    check(&[
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        ("CreateStateMachine", r#"{"name":"m",TASK,ROLE}"#, 200, MADE),
        ("StartExecution", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, STARTED),
        ("GetActivityTask", r#"{"activityArn":"A:activity:a"}"#, 200, r#"{"taskToken":"<token>","input":"{}"}"#),
        ("SendTaskHeartbeat", r#"{"taskToken":"nothing"}"#, 400, "InvalidToken: Invalid Token: 'Invalid token'"),
        (
            "SendTaskSuccess",
            r#"{"taskToken":"<token>","output":"not"}"#,
            400,
            "InvalidOutput: Invalid Output: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
        ),
        ("DeleteActivity", r#"{"activityArn":"A:activity:a"}"#, 200, "{}"),
        ("SendTaskHeartbeat", r#"{"taskToken":"<token>"}"#, 400, NO_TASK),
        ("SendTaskFailure", r#"{"taskToken":"<token>"}"#, 400, NO_TASK),
        ("SendTaskSuccess", r#"{"taskToken":"<token>","output":"1"}"#, 400, NO_TASK),
        // The task has gone on to wait: when the activity is there again, its worker is heard.
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        ("SendTaskHeartbeat", r#"{"taskToken":"<token>"}"#, 200, "{}"),
        ("SendTaskSuccess", r#"{"taskToken":"<token>","output":"1"}"#, 200, "{}"),
        ("ended", "<one>", 0, ""),
        // A task that is over is over, whatever has become of its activity.
        ("SendTaskHeartbeat", r#"{"taskToken":"<token>"}"#, 400, TIMED_OUT),
        ("DeleteActivity", r#"{"activityArn":"A:activity:a"}"#, 200, "{}"),
        ("SendTaskFailure", r#"{"taskToken":"<token>"}"#, 400, TIMED_OUT),
    ]);
}

#[test]
fn tokens_of_executions_that_have_ended() {
    check(&[
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"*","creationDate":"*"}"#),
        ("CreateStateMachine", r#"{"name":"m",TASK,ROLE}"#, 200, MADE),
        ("StartExecution", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, STARTED),
        ("GetActivityTask", r#"{"activityArn":"A:activity:a"}"#, 200, r#"{"taskToken":"<token>","input":"{}"}"#),
        ("StopExecution", r#"{"executionArn":"<one>"}"#, 200, r#"{"stopDate":"*"}"#),
        ("SendTaskSuccess", r#"{"taskToken":"<token>","output":"1"}"#, 400, TIMED_OUT),
        ("DeleteStateMachine", r#"{"stateMachineArn":"A:stateMachine:m"}"#, 200, "{}"),
        ("SendTaskHeartbeat", r#"{"taskToken":"<token>"}"#, 400, TIMED_OUT),
        ("SendTaskFailure", r#"{"taskToken":"<token>"}"#, 400, TIMED_OUT),
    ]);
}

/// Documented: what CreateStateMachine compares is name, definition, type, logging, tracing, encryption, publish and
/// versionDescription; roles and tags are neither compared nor changed.
#[test]
fn what_makes_two_machines_the_same() {
    const VERSION: &str =
        r#"{"stateMachineArn":"A:stateMachine:p","creationDate":"<p>","stateMachineVersionArn":"A:stateMachine:p:1"}"#;
    check(&[
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"tags":[{"key":"k","value":"v"}]}"#, 200, MADE),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE}"#, 200, MADE),
        ("CreateStateMachine", r#"{"name":"m",PASS,"roleArn":"arn:aws:iam::123456789012:role/other"}"#, 200, MADE),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"tags":[{"key":"x","value":"y"}]}"#, 200, MADE),
        ("ListTagsForResource", r#"{"resourceArn":"A:stateMachine:m"}"#, 200, r#"{"tags":[{"key":"k","value":"v"}]}"#),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"type":"STANDARD","publish":false}"#, 200, MADE),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"loggingConfiguration":{"level":"OFF"},"tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#,
            200,
            MADE,
        ),
        ("CreateStateMachine", r#"{"name":"m",OTHER,ROLE}"#, 400, EXISTS),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"type":"EXPRESS"}"#, 400, EXISTS),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"loggingConfiguration":{"level":"ALL","destinations":[LOGS]}}"#,
            400,
            EXISTS,
        ),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"tracingConfiguration":{"enabled":true}}"#, 400, EXISTS),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"k"}}"#,
            400,
            EXISTS,
        ),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"publish":true}"#, 400, EXISTS),
        ("CreateStateMachine", r#"{"name":"p",PASS,ROLE,"publish":true,"versionDescription":"d"}"#, 200, VERSION),
        ("CreateStateMachine", r#"{"name":"p",PASS,ROLE,"publish":true,"versionDescription":"d"}"#, 200, VERSION),
        (
            "CreateStateMachine",
            r#"{"name":"p",PASS,ROLE,"publish":true,"versionDescription":"e"}"#,
            400,
            "StateMachineAlreadyExists: State Machine Already Exists: 'A:stateMachine:p'",
        ),
        // Activities are the same by their name alone; their encryption cannot be changed.
        ("CreateActivity", r#"{"name":"a"}"#, 200, r#"{"activityArn":"A:activity:a","creationDate":"<a>"}"#),
        (
            "CreateActivity",
            r#"{"name":"a","tags":[{"key":"k","value":"v"}]}"#,
            200,
            r#"{"activityArn":"A:activity:a","creationDate":"<a>"}"#,
        ),
        ("ListTagsForResource", r#"{"resourceArn":"A:activity:a"}"#, 200, r#"{"tags":[]}"#),
        (
            "CreateActivity",
            r#"{"name":"a","encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"k"}}"#,
            400,
            "ActivityAlreadyExists: Activity Already Exists: 'A:activity:a'",
        ),
    ]);
}

/// Documented: the log group's ARN ends with `:*` (the text was reported by users of AWS), `enabled` is said, a customer's
/// key is named, and only then; all of it is described as it was given.
#[test]
fn settings() {
    const LOG_GROUP: &str = "InvalidLoggingConfiguration: Invalid Logging Configuration: Log Group ARN must be provided with '*' qualifier.";
    const KEY: &str = "InvalidEncryptionConfiguration: Invalid Encryption Configuration: kmsKeyId is required.";
    const NO_KEY: &str =
        "InvalidEncryptionConfiguration: Invalid Encryption Configuration: kmsKeyId is not allowed with AWS_OWNED_KEY.";
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"loggingConfiguration":{"level":"ALL","destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g"}}]}}"#,
            400,
            LOG_GROUP,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"tracingConfiguration":{}}"#,
            400,
            "InvalidTracingConfiguration: Invalid Tracing Configuration: enabled must be set to true or false.",
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY"}}"#,
            400,
            KEY,
        ),
        ("CreateActivity", r#"{"name":"a","encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY"}}"#, 400, KEY),
        (
            "CreateActivity",
            r#"{"name":"a","encryptionConfiguration":{"type":"AWS_OWNED_KEY","kmsKeyId":"k"}}"#,
            400,
            NO_KEY,
        ),
        (
            "CreateStateMachine",
            r#"{"name":"m",PASS,ROLE,"loggingConfiguration":{"level":"OFF","destinations":[LOGS]},"tracingConfiguration":{"enabled":true},"encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"k","kmsDataKeyReusePeriodSeconds":60}}"#,
            200,
            MADE,
        ),
        (
            "DescribeStateMachine",
            r#"{"stateMachineArn":"A:stateMachine:m","includedData":"METADATA_ONLY"}"#,
            200,
            r#"{"stateMachineArn":"A:stateMachine:m","name":"m","status":"ACTIVE","type":"STANDARD","creationDate":"<made>","definition":"{}","roleArn":"*",
                "loggingConfiguration":{"destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}],"includeExecutionData":false,"level":"OFF"},
                "tracingConfiguration":{"enabled":true},"encryptionConfiguration":{"kmsDataKeyReusePeriodSeconds":60,"kmsKeyId":"k","type":"CUSTOMER_MANAGED_KMS_KEY"}}"#,
        ),
    ]);
}

/// Documented: which characters tags may have. The code is a guess: the model lists none for it.
#[test]
fn tags() {
    const REFUSED: &str = "ValidationException: Tags may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @. Received: 'a*'";
    check(&[
        ("CreateActivity", r#"{"name":"a","tags":[{"key":"a*","value":"v"}]}"#, 400, REFUSED),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE,"tags":[{"key":"k","value":"a*"}]}"#, 400, REFUSED),
        (
            "CreateActivity",
            r#"{"name":"a","tags":[{"key":"ü 1_.:/=+-@","value":""}]}"#,
            200,
            r#"{"activityArn":"*","creationDate":"*"}"#,
        ),
        ("TagResource", r#"{"resourceArn":"A:activity:a","tags":[{"key":"a*","value":"v"}]}"#, 400, REFUSED),
        ("TagResource", r#"{"resourceArn":"A:activity:a","tags":[]}"#, 200, "{}"),
        (
            "ListTagsForResource",
            r#"{"resourceArn":"A:activity:a"}"#,
            200,
            r#"{"tags":[{"key":"ü 1_.:/=+-@","value":""}]}"#,
        ),
    ]);
}

/// Documented, and in part recorded: test_publish_state_machine_version, test_idempotent_create_alias,
/// test_error_create_alias_invalid_router_configs.
#[tokio::test]
async fn versions_and_aliases() {
    let limits = Limits { versions_max: 2, aliases_max: 1, ..Limits::aws() };
    let server = Server::start_with(Config { limits, ..Config::default() }).await;
    const REVISED: &str = r#"{"updateDate":"*","revisionId":"*"}"#;
    const MACHINE: &str = r#"{"stateMachineArn":"A:stateMachine:m"}"#;
    const NOT_FOUND: &str = "ResourceNotFound: Request references a resource that does not exist.";
    let create = format!(r#"{{"name":"m",{PASS},{ROLE}}}"#);
    let other = format!(r#"{{"name":"o",{PASS},{ROLE},"publish":true}}"#);
    let revise =
        |role: &str| format!(r#"{{"stateMachineArn":"A:stateMachine:m","roleArn":"arn:aws:iam::1:role/{role}"}}"#);
    let route = |versions: &str, more: &str| format!(r#"{{"routingConfiguration":[{versions}]{more}}}"#);
    let one =
        |arn: &str, weight: u32| format!(r#"{{"stateMachineVersionArn":"A:stateMachine:{arn}","weight":{weight}}}"#);
    let (first, second) = (revise("x"), revise("y"));
    let two_machines = route(&format!("{},{}", one("m:1", 50), one("o:1", 50)), r#","name":"two""#);
    let half = route(&one("m:1", 50), r#","name":"half""#);
    let live = route(&format!("{},{}", one("m:1", 0), one("m:2", 100)), r#","name":"live","description":"d""#);
    let more = route(&one("m:2", 100), r#","name":"more""#);
    let elsewhere = route(&one("o:1", 100), r#","stateMachineAliasArn":"A:stateMachine:m:live""#);
    let version = |number: u32| {
        format!(r#"{{"creationDate":"<v{number}>","stateMachineVersionArn":"A:stateMachine:m:{number}"}}"#)
    };
    let (version1, version2, version3) = (version(1), version(2), version(3));
    let same_machine = "ValidationException: Routing configuration must contain versions of one state machine. Received: [A:stateMachine:m:1, arn:aws:states:us-east-1:123456789012:stateMachine:o:1]";
    let rows: Vec<(&str, &str, u16, &str)> = vec![
        ("CreateStateMachine", &create, 200, MADE),
        (
            "CreateStateMachine",
            &other,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*","stateMachineVersionArn":"*"}"#,
        ),
        (
            "PublishStateMachineVersion",
            r#"{"stateMachineArn":"A:stateMachine:m","revisionId":"none"}"#,
            400,
            "ConflictException: Failed to publish the State Machine version for revision none. The current State Machine revision is INITIAL.",
        ),
        (
            "PublishStateMachineVersion",
            r#"{"stateMachineArn":"A:stateMachine:m","revisionId":"INITIAL"}"#,
            200,
            &version1,
        ),
        ("PublishStateMachineVersion", MACHINE, 200, &version1),
        // Nothing is changed: the same revision, which is published.
        ("UpdateStateMachine", &first, 200, REVISED),
        ("PublishStateMachineVersion", MACHINE, 200, &version2),
        ("CreateStateMachineAlias", &two_machines, 400, same_machine),
        (
            "CreateStateMachineAlias",
            &half,
            400,
            "ValidationException: Sum of routing configuration weights must equal 100. Received: [50]",
        ),
        (
            "CreateStateMachineAlias",
            &live,
            200,
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<live>"}"#,
        ),
        (
            "CreateStateMachineAlias",
            &live,
            200,
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<live>"}"#,
        ),
        (
            "CreateStateMachineAlias",
            &more,
            400,
            "ServiceQuotaExceededException: The maximum number of state machine aliases has been reached.",
        ),
        ("UpdateStateMachineAlias", &elsewhere, 400, NOT_FOUND),
        (
            "UpdateStateMachineAlias",
            r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#,
            400,
            "ValidationException: Either the description or the routing configuration must be specified",
        ),
        // A version with the weight 0 is referenced too.
        (
            "DeleteStateMachineVersion",
            r#"{"stateMachineVersionArn":"A:stateMachine:m:1"}"#,
            400,
            "ConflictException: Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]",
        ),
        (
            "ListStateMachineAliases",
            r#"{"stateMachineArn":"A:stateMachine:m:1"}"#,
            200,
            r#"{"stateMachineAliases":[{"stateMachineAliasArn":"A:stateMachine:m:live","creationDate":"<live>"}]}"#,
        ),
        ("ListStateMachineAliases", r#"{"stateMachineArn":"A:stateMachine:m:3"}"#, 400, NOT_FOUND),
        ("UpdateStateMachine", &second, 200, REVISED),
        (
            "PublishStateMachineVersion",
            MACHINE,
            400,
            "ServiceQuotaExceededException: The maximum number of state machine versions has been reached.",
        ),
        ("DeleteStateMachineAlias", r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#, 200, "{}"),
        ("DeleteStateMachineAlias", r#"{"stateMachineAliasArn":"A:stateMachine:m:live"}"#, 400, NOT_FOUND),
        ("DeleteStateMachineVersion", r#"{"stateMachineVersionArn":"A:stateMachine:m:2"}"#, 200, "{}"),
        // A number is never given twice.
        ("PublishStateMachineVersion", MACHINE, 200, &version3),
        (
            "ListStateMachineVersions",
            MACHINE,
            200,
            r#"{"stateMachineVersions":[{"stateMachineVersionArn":"A:stateMachine:m:3","creationDate":"<v3>"},{"stateMachineVersionArn":"A:stateMachine:m:1","creationDate":"<v1>"}]}"#,
        ),
        (
            "StartExecution",
            r#"{"stateMachineArn":"A:stateMachine:m:2"}"#,
            400,
            "StateMachineDoesNotExist: State Machine Does Not Exist: 'A:stateMachine:m:2'",
        ),
    ];
    let leaked = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let rows: Vec<Row> = rows.into_iter().map(|row| (leaked(row.0), leaked(row.1), row.2, leaked(row.3))).collect();
    scenario(&server, &mut Known::default(), &rows).await;
    server.stop().await;
}

/// A machine that is being deleted; the errors are those that the service model has for each operation.
#[test]
fn a_machine_that_is_being_deleted() {
    const DELETING: &str = "StateMachineDeleting: State Machine is deleting: 'A:stateMachine:m'";
    const MACHINE: &str = r#"{"stateMachineArn":"A:stateMachine:m"}"#;
    check(&[
        (
            "CreateStateMachine",
            r#"{"name":"m",CALLBACK,ROLE,"publish":true}"#,
            200,
            r#"{"stateMachineArn":"*","creationDate":"*","stateMachineVersionArn":"*"}"#,
        ),
        ("StartExecution", MACHINE, 200, STARTED),
        ("DeleteStateMachine", MACHINE, 200, "{}"),
        ("DeleteStateMachine", MACHINE, 200, "{}"),
        ("StartExecution", MACHINE, 400, DELETING),
        ("CreateStateMachine", r#"{"name":"m",PASS,ROLE}"#, 400, DELETING),
        ("UpdateStateMachine", r#"{"stateMachineArn":"A:stateMachine:m",ROLE}"#, 400, DELETING),
        ("PublishStateMachineVersion", MACHINE, 400, DELETING),
        ("ListStateMachineAliases", MACHINE, 400, DELETING),
        (
            "CreateStateMachineAlias",
            r#"{"name":"n","routingConfiguration":[{"stateMachineVersionArn":"A:stateMachine:m:1","weight":100}]}"#,
            400,
            DELETING,
        ),
        ("StopExecution", r#"{"executionArn":"<one>"}"#, 200, r#"{"stopDate":"*"}"#),
        ("ListStateMachines", "{}", 200, r#"{"stateMachines":[]}"#),
        (
            "RedriveExecution",
            r#"{"executionArn":"<one>"}"#,
            400,
            "ExecutionNotRedrivable: State machine is in DELETING status",
        ),
    ]);
}
