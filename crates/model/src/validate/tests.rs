//! Requests and what AWS says about them.

use stepwell_value::Value;

use super::{validate, validate_within};
use crate::{ApiError, Limits, Operation};

const ARN: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:m";

fn verdict(operation: &str, body: &str) -> Result<(), ApiError> {
    validate(Operation::find(operation).unwrap(), &Value::parse(body).unwrap())
}

#[track_caller]
fn accepts(operation: &str, body: &str) {
    assert_eq!(verdict(operation, body), Ok(()), "{body}");
}

/// Checks for one ValidationException with these violations.
#[track_caller]
fn violates(operation: &str, body: &str, violations: &[&str]) {
    let noun = if violations.len() == 1 { "error" } else { "errors" };
    let message = format!("{} validation {noun} detected: {}", violations.len(), violations.join("; "));
    let error = verdict(operation, body).unwrap_err();
    assert_eq!((error.code, error.message), ("ValidationException", message));
}

/// Checks for a SerializationException with this text.
#[track_caller]
fn mistypes(operation: &str, body: &str, message: &str) {
    let error = verdict(operation, body).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), ("SerializationException", message));
}

fn start(members: &str) -> String {
    format!(r#"{{"stateMachineArn":"{ARN}",{members}}}"#)
}

#[test]
fn good_requests() {
    accepts("ListStateMachines", "{}");
    accepts("ListStateMachines", r#"{"maxResults":0,"nextToken":null,"foo":{"bar":1}}"#);
    accepts("ListStateMachines", r#"{"maxResults":1000.0}"#);
    accepts("StartExecution", &start(r#""name":"a b","input":"","traceHeader":"""#));
    accepts("DescribeStateMachine", r#"{"stateMachineArn":"not_a_valid_arn"}"#);
    accepts("TagResource", r#"{"resourceArn":"x","tags":[{"key":"k","value":""},{}]}"#);
}

#[test]
fn ranges() {
    // recorded: test_list_sms_pagination
    violates(
        "ListStateMachines",
        r#"{"maxResults":1001}"#,
        &[
            "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ],
    );
    violates(
        "ListStateMachines",
        r#"{"maxResults":-1}"#,
        &["Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0"],
    );
    violates(
        "UpdateMapRun",
        r#"{"mapRunArn":"x","toleratedFailurePercentage":100.5}"#,
        &[
            "Value '100.5' at 'toleratedFailurePercentage' failed to satisfy constraint: Member must have value less than or equal to 100",
        ],
    );
}

#[test]
fn lengths() {
    // recorded: test_list_sms_pagination, test_list_executions_pagination
    let (short, long) = ("x".repeat(1025), "x".repeat(3097));
    violates(
        "ListStateMachines",
        &format!(r#"{{"nextToken":"{short}"}}"#),
        &[&format!(
            "Value '{short}' at 'nextToken' failed to satisfy constraint: Member must have length less than or equal to 1024"
        )],
    );
    accepts("ListExecutions", &start(&format!(r#""nextToken":"{short}""#)));
    violates(
        "ListExecutions",
        &start(&format!(r#""nextToken":"{long}""#)),
        &[&format!(
            "Value '{long}' at 'nextToken' failed to satisfy constraint: Member must have length less than or equal to 3096"
        )],
    );
    violates(
        "StartExecution",
        &start(r#""name":"""#),
        &["Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"],
    );
    accepts("StartExecution", &start(&format!(r#""name":"{}""#, "ü".repeat(80))));
}

#[test]
fn enums_and_patterns() {
    // recorded: test_state_machine_status_filter
    violates(
        "ListExecutions",
        &start(r#""statusFilter":"succeeded""#),
        &[
            "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ],
    );
    // recorded: test_error_create_alias_invalid_name
    let alias = |name: &str| {
        format!(r#"{{"name":"{name}","routingConfiguration":[{{"stateMachineVersionArn":"a","weight":100}}]}}"#)
    };
    accepts("CreateStateMachineAlias", &alias("PROD"));
    for name in ["123", "INVALID ALIAS", "!INVALID", "ALIAS@"] {
        violates(
            "CreateStateMachineAlias",
            &alias(name),
            &[&format!(
                r"Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"
            )],
        );
    }
    let long = "A".repeat(81);
    violates(
        "CreateStateMachineAlias",
        &alias(&long),
        &[&format!(
            "Value '{long}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"
        )],
    );
}

#[test]
fn nested_values() {
    // recorded: test_error_create_alias_invalid_router_configs
    violates(
        "CreateStateMachineAlias",
        r#"{"name":"a","routingConfiguration":[{"stateMachineVersionArn":"v1","weight":101}]}"#,
        &[
            "Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100",
        ],
    );
    violates(
        "CreateStateMachineAlias",
        r#"{"name":"a","routingConfiguration":[{"stateMachineVersionArn":"v1","weight":50},
            {"stateMachineVersionArn":"v2","weight":30},{"weight":20,"stateMachineVersionArn":"v3"}]}"#,
        &[
            "Value '[RoutingConfigurationListItem(stateMachineVersionArn=v1, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=v2, weight=30), RoutingConfigurationListItem(stateMachineVersionArn=v3, weight=20)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2",
        ],
    );
    violates(
        "TagResource",
        r#"{"resourceArn":"x","tags":[{"key":"ok"},{"key":""}]}"#,
        &[
            "Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ],
    );
}

#[test]
fn missing_members() {
    let null = |name: &str| format!("Value null at '{name}' failed to satisfy constraint: Member must not be null");
    violates("StartExecution", r#"{"name":"n"}"#, &[&null("stateMachineArn")]);
    violates("StartExecution", r#"{"stateMachineArn":null}"#, &[&null("stateMachineArn")]);
    violates("TagResource", "{}", &[&null("resourceArn"), &null("tags")]);
    violates(
        "CreateStateMachine",
        "{}",
        &[
            &null("name"),
            "Value at 'definition' failed to satisfy constraint: Member must not be null",
            &null("roleArn"),
        ],
    );
    violates(
        "CreateStateMachineAlias",
        r#"{"name":"a","routingConfiguration":[null,{"weight":1}]}"#,
        &[&null("routingConfiguration.1.member"), &null("routingConfiguration.2.member.stateMachineVersionArn")],
    );
}

#[test]
fn payloads_are_limited_and_not_shown() {
    let body = |bytes: usize| start(&format!(r#""input":"{}""#, "x".repeat(bytes)));
    let too_much = "Value at 'input' failed to satisfy constraint: Member must have size less than or equal to 262144 bytes in UTF-8 encoding";
    accepts("StartExecution", &body(262_144));
    violates("StartExecution", &body(262_145), &[too_much]);
    violates("StartExecution", &start(&format!(r#""input":"{}""#, "ü".repeat(131_073))), &[too_much]);
    let operation = Operation::find("StartExecution").unwrap();
    let value = Value::parse(&body(2_000_000)).unwrap();
    assert_eq!(validate_within(operation, &value, &Limits::unbounded()), Ok(()));
    let long = format!(r#"{{"definition":"{}"}}"#, "x".repeat(1_048_577));
    violates(
        "ValidateStateMachineDefinition",
        &long,
        &["Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576"],
    );
    let operation = Operation::find("ValidateStateMachineDefinition").unwrap();
    assert_eq!(validate_within(operation, &Value::parse(&long).unwrap(), &Limits::unbounded()), Ok(()));
}

#[test]
fn types() {
    mistypes("ListStateMachines", r#"{"maxResults":"1"}"#, "STRING_VALUE can not be converted to an Integer");
    mistypes("ListStateMachines", r#"{"maxResults":true}"#, "TRUE_VALUE can not be converted to an Integer");
    mistypes("ListStateMachines", r#"{"maxResults":1.5}"#, "NUMBER_VALUE can not be converted to an Integer");
    mistypes("ListStateMachines", r#"{"maxResults":[1]}"#, "Start of list found where not expected");
    mistypes("ListStateMachines", r#"{"maxResults":{}}"#, "Start of structure or map found where not expected.");
    mistypes("ListStateMachines", r#"{"nextToken":1}"#, "NUMBER_VALUE can not be converted to a String");
    mistypes("ListStateMachines", r#"{"nextToken":false}"#, "FALSE_VALUE can not be converted to a String");
    mistypes("GetExecutionHistory", r#"{"reverseOrder":"x"}"#, "STRING_VALUE can not be converted to a Boolean");
    mistypes("TagResource", r#"{"tags":"x"}"#, "Expected list or null");
    mistypes("TagResource", r#"{"tags":[{"key":1}]}"#, "NUMBER_VALUE can not be converted to a String");
    mistypes("CreateStateMachine", r#"{"tracingConfiguration":"x"}"#, "Expected null");
    // types come before constraints
    mistypes(
        "ListExecutions",
        r#"{"maxResults":"1","nextToken":""}"#,
        "STRING_VALUE can not be converted to an Integer",
    );
    mistypes("ListStateMachines", "[]", "Start of list found where not expected");
    mistypes("ListStateMachines", "null", "");
    mistypes("ListStateMachines", r#""x""#, "");
}

#[test]
fn every_operation_takes_or_refuses_an_empty_request() {
    for operation in Operation::all() {
        if let Err(error) = validate(operation, &Value::empty_object()) {
            assert_eq!(error.code, "ValidationException");
            assert!(error.message.ends_with("Member must not be null"), "{}", error.message);
        }
    }
}
