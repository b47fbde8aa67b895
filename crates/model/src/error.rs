//! The errors of the API.

use stepwell_value::Value;

/// An error as the API answers it.
///
/// The texts marked *recorded* are AWS's own, byte for byte; the others follow their form.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The code that SDKs dispatch on, such as `StateMachineDoesNotExist`.
    pub code: &'static str,
    /// What went wrong; empty where AWS sends none.
    pub message: String,
    /// The HTTP status: 400, or 5xx when the fault is the server's.
    pub http_status: u16,
    /// Further members of the error's shape, such as `reason` or `resourceName`.
    pub members: Vec<(&'static str, Value)>,
    /// What stands before `#` in `__type`.
    namespace: &'static str,
}

/// Namespace of the service's own errors (as AWS sends it; SDKs drop it).
const SERVICE: &str = "com.amazonaws.swf.service.v2.model";
/// Namespace of violated constraints of the model.
const CONSTRAINTS: &str = "com.amazon.coral.validate";
/// Namespace of errors of the protocol.
const PROTOCOL: &str = "com.amazon.coral.service";

/// Why a request is invalid beyond its shape: `ValidationException.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReason {
    /// The operation does not take the ARN of a Distributed Map's own machine.
    ApiDoesNotSupportLabeledArns,
    /// One of several parameters is required.
    MissingRequiredParameter,
    /// The Map Run is over.
    CannotUpdateCompletedMapRun,
    /// The routing of an alias is not possible.
    InvalidRoutingConfiguration,
}

impl InvalidReason {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            InvalidReason::ApiDoesNotSupportLabeledArns => "API_DOES_NOT_SUPPORT_LABELED_ARNS",
            InvalidReason::MissingRequiredParameter => "MISSING_REQUIRED_PARAMETER",
            InvalidReason::CannotUpdateCompletedMapRun => "CANNOT_UPDATE_COMPLETED_MAP_RUN",
            InvalidReason::InvalidRoutingConfiguration => "INVALID_ROUTING_CONFIGURATION",
        }
    }
}

/// State of a KMS key that cannot be used: `KmsInvalidStateException.kmsKeyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsKeyState {
    /// Switched off.
    Disabled,
    /// To be deleted.
    PendingDeletion,
    /// Without key material.
    PendingImport,
    /// Its key store is not connected.
    Unavailable,
    /// Being made.
    Creating,
}

impl KmsKeyState {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            KmsKeyState::Disabled => "DISABLED",
            KmsKeyState::PendingDeletion => "PENDING_DELETION",
            KmsKeyState::PendingImport => "PENDING_IMPORT",
            KmsKeyState::Unavailable => "UNAVAILABLE",
            KmsKeyState::Creating => "CREATING",
        }
    }
}

impl ApiError {
    fn new(namespace: &'static str, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), http_status: 400, members: Vec::new(), namespace }
    }

    fn service(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(SERVICE, code, message)
    }

    /// Adds a member of the error's shape.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> ApiError {
        self.members.push((name, value.into()));
        self
    }

    /// The value of `__type`: `com.amazonaws.swf.service.v2.model#InvalidArn`.
    pub fn type_name(&self) -> String {
        format!("{}#{}", self.namespace, self.code)
    }

    /// The body of the response in AWS JSON 1.0: `__type`, `message`, further members.
    pub fn to_body(&self) -> Value {
        let mut members = vec![("__type", Value::from(self.type_name()))];
        if !self.message.is_empty() {
            members.push(("message", Value::from(self.message.as_str())));
        }
        members.extend(self.members.iter().cloned());
        Value::object(members)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

/// Activities and tasks.
impl ApiError {
    /// An activity of this name exists with other encryption.
    pub fn activity_already_exists(arn: &str) -> ApiError {
        ApiError::service("ActivityAlreadyExists", format!("Activity Already Exists: '{arn}'"))
    }

    /// Recorded: test_describe_deleted_activity.
    pub fn activity_does_not_exist(arn: &str) -> ApiError {
        ApiError::service("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
    }

    /// The account has as many activities as it may have.
    pub fn activity_limit_exceeded() -> ApiError {
        ApiError::service("ActivityLimitExceeded", "The maximum number of activities has been reached.")
    }

    /// As many workers poll the activity as may.
    pub fn activity_worker_limit_exceeded() -> ApiError {
        ApiError::service(
            "ActivityWorkerLimitExceeded",
            "The maximum number of workers concurrently polling for activity tasks has been reached.",
        )
    }

    /// The output is not JSON; `detail` is the reader's message.
    pub fn invalid_output(detail: &str) -> ApiError {
        ApiError::service("InvalidOutput", format!("Invalid Output: '{detail}'"))
    }

    /// The activity of a task has been deleted. AWS documents when, and no text.
    pub fn task_does_not_exist() -> ApiError {
        ApiError::service("TaskDoesNotExist", "Task Does Not Exist: 'The activity of the provided task does not exist'")
    }

    /// The task is over, timed out or answered. The text is reported by users of AWS.
    pub fn task_timed_out() -> ApiError {
        ApiError::service("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    }

    /// A page token or task token that AWS did not give out. Recorded: test_list_state_machine_aliases_pagination_invalid_next_token.
    pub fn invalid_token() -> ApiError {
        ApiError::service("InvalidToken", "Invalid Token: 'Invalid token'")
    }
}

/// Executions and Map Runs.
impl ApiError {
    /// Recorded: test_start_execution_idempotent.
    pub fn execution_already_exists(arn: &str) -> ApiError {
        ApiError::service("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
    }

    /// Recorded: test_describe_execution_no_such_state_machine.
    pub fn execution_does_not_exist(arn: &str) -> ApiError {
        ApiError::service("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// As many executions are open as may be.
    pub fn execution_limit_exceeded() -> ApiError {
        ApiError::service("ExecutionLimitExceeded", "The maximum number of running executions has been reached.")
    }

    /// The execution cannot be redriven, for this reason.
    pub fn execution_not_redrivable(message: impl Into<String>) -> ApiError {
        ApiError::service("ExecutionNotRedrivable", message)
    }

    /// The input is not JSON; `detail` is the reader's message. Recorded: test_invalid_start_execution_input.
    pub fn invalid_execution_input(detail: &str) -> ApiError {
        ApiError::service("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{detail}'"))
    }

    /// Stepwell's own: the execution cannot be forked there, or so.
    pub fn execution_not_forkable(why: &str) -> ApiError {
        ApiError::service("ExecutionNotForkable", format!("The execution cannot be forked: {why}"))
    }

    /// The input is empty. Recorded: test_invalid_start_execution_input.
    pub fn empty_execution_input() -> ApiError {
        ApiError::invalid_execution_input("Invalid execution input.")
    }
}

/// State machines, versions and aliases.
impl ApiError {
    /// Something else stands in the way: an alias with other routing, a referenced version, a newer revision.
    pub fn conflict(message: impl Into<String>) -> ApiError {
        ApiError::service("ConflictException", message)
    }

    /// Recorded: test_error_create_alias_not_idempotent.
    pub fn alias_exists() -> ApiError {
        ApiError::conflict(
            "Failed to create alias because an alias with the same name and a different routing configuration already \
             exists.",
        )
    }

    /// Recorded: test_delete_version_with_alias. `aliases` are their names.
    pub fn version_is_referenced(aliases: &[&str]) -> ApiError {
        ApiError::conflict(format!(
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this \
             version: [{}]",
            aliases.join(", ")
        ))
    }

    /// Recorded: test_publish_state_machine_version.
    pub fn revision_is_not_current(revision: &str, current: &str) -> ApiError {
        ApiError::conflict(format!(
            "Failed to publish the State Machine version for revision {revision}. The current State Machine revision \
             is {current}."
        ))
    }

    /// Recorded: test_error_create_alias_invalid_router_configs. `arns` are those of the request.
    pub fn routing_repeats_versions(arns: &[&str]) -> ApiError {
        ApiError::routing(format!(
            "Routing configuration must contain distinct state machine version ARNs. Received: [{}]",
            arns.join(", ")
        ))
    }

    /// Recorded: test_error_create_alias_with_state_machine_arn. `arns` are those of the request.
    pub fn routing_names_no_versions(arns: &[&str]) -> ApiError {
        ApiError::routing(format!(
            "Routing configuration must contain state machine version ARNs. Received: [{}]",
            arns.join(", ")
        ))
    }

    /// Recorded: test_error_create_alias_invalid_router_configs. `weights` are those of the request.
    pub fn routing_weights(weights: &[i64]) -> ApiError {
        ApiError::routing(format!("Sum of routing configuration weights must equal 100. Received: {weights:?}"))
    }

    fn routing(message: String) -> ApiError {
        ApiError::validation_because(InvalidReason::InvalidRoutingConfiguration, message)
    }

    /// Recorded: test_create_with_version_description_no_publish.
    pub fn version_description_without_publish() -> ApiError {
        ApiError::validation("Version description can only be set when publish is true")
    }

    /// The definition is refused; `detail` is `CODE: message at /path`, several joined by `, `. Recorded: many.
    pub fn invalid_definition(detail: &str) -> ApiError {
        ApiError::service("InvalidDefinition", format!("Invalid State Machine Definition: '{detail}'"))
    }

    /// The definition is refused with a text of its own. Recorded: test_state_type_requires_mock.
    pub fn invalid_definition_plain(message: impl Into<String>) -> ApiError {
        ApiError::service("InvalidDefinition", message)
    }

    /// The encryption asked for is not possible.
    pub fn invalid_encryption_configuration(detail: &str) -> ApiError {
        ApiError::service("InvalidEncryptionConfiguration", format!("Invalid Encryption Configuration: {detail}"))
    }

    /// Recorded: test_invalid_logging_configuration, test_deleted_log_group.
    pub fn invalid_logging_configuration(detail: &str) -> ApiError {
        ApiError::service("InvalidLoggingConfiguration", format!("Invalid Logging Configuration: {detail}"))
    }

    /// The tracing asked for is not possible.
    pub fn invalid_tracing_configuration(detail: &str) -> ApiError {
        ApiError::service("InvalidTracingConfiguration", format!("Invalid Tracing Configuration: {detail}"))
    }

    /// Recorded: test_create_update_state_machine_base_update_none.
    pub fn nothing_to_update() -> ApiError {
        ApiError::service(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be \
             specified",
        )
    }

    /// Recorded: test_create_duplicate_definition_format_sm.
    pub fn state_machine_already_exists(arn: &str) -> ApiError {
        ApiError::service("StateMachineAlreadyExists", format!("State Machine Already Exists: '{arn}'"))
    }

    /// The state machine is being deleted.
    pub fn state_machine_deleting(arn: &str) -> ApiError {
        ApiError::service("StateMachineDeleting", format!("State Machine is deleting: '{arn}'"))
    }

    /// Recorded: test_describe_nonexistent_sm.
    pub fn state_machine_does_not_exist(arn: &str) -> ApiError {
        ApiError::service("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{arn}'"))
    }

    /// The account has as many state machines as it may have.
    pub fn state_machine_limit_exceeded() -> ApiError {
        ApiError::service("StateMachineLimitExceeded", "The maximum number of state machines has been reached.")
    }

    /// Recorded: test_start_sync_execution.
    pub fn state_machine_type_not_supported() -> ApiError {
        ApiError::service(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        )
    }

    /// More versions or aliases than there may be.
    pub fn service_quota_exceeded(message: impl Into<String>) -> ApiError {
        ApiError::service("ServiceQuotaExceededException", message)
    }
}

/// Names, ARNs, tags.
impl ApiError {
    /// The ARN is refused; `detail` is what AWS puts into quotes. Recorded: test_describe_invalid_arn_sm.
    pub fn invalid_arn(detail: &str) -> ApiError {
        ApiError::service("InvalidArn", format!("Invalid Arn: '{detail}'"))
    }

    /// Recorded: test_create_activity_invalid_name.
    pub fn invalid_name(name: &str) -> ApiError {
        ApiError::service("InvalidName", format!("Invalid Name: '{name}'"))
    }

    /// Recorded: test_tag_state_machine_version.
    pub fn resource_not_found(arn: &str) -> ApiError {
        ApiError::service("ResourceNotFound", format!("Resource not found: '{arn}'")).with_member("resourceName", arn)
    }

    /// Recorded: test_update_no_such_alias_arn.
    pub fn referenced_resource_not_found() -> ApiError {
        ApiError::service("ResourceNotFound", "Request references a resource that does not exist.")
    }

    /// The resource has, or would have, more tags than it may.
    pub fn too_many_tags(arn: &str) -> ApiError {
        let message = format!("The resource '{arn}' would have more than 50 tags.");
        ApiError::service("TooManyTags", message).with_member("resourceName", arn)
    }
}

/// Encryption.
impl ApiError {
    /// The caller may not use the key.
    pub fn kms_access_denied(message: impl Into<String>) -> ApiError {
        ApiError::service("KmsAccessDeniedException", message)
    }

    /// The key is in a state in which it cannot be used.
    pub fn kms_invalid_state(state: KmsKeyState, message: impl Into<String>) -> ApiError {
        ApiError::service("KmsInvalidStateException", message).with_member("kmsKeyState", state.as_str())
    }

    /// KMS is throttling.
    pub fn kms_throttling(message: impl Into<String>) -> ApiError {
        ApiError::service("KmsThrottlingException", message)
    }
}

/// Requests as such.
impl ApiError {
    /// A request that breaks a rule outside the model's constraints. Recorded: many.
    pub fn validation(message: impl Into<String>) -> ApiError {
        ApiError::service("ValidationException", message)
    }

    /// The same with the reason that SDKs read.
    pub fn validation_because(reason: InvalidReason, message: impl Into<String>) -> ApiError {
        ApiError::validation(message).with_member("reason", reason.as_str())
    }

    /// Violated constraints of the model, each `Value '…' at '…' failed to satisfy constraint: …`.
    /// Recorded: test_list_sms_pagination.
    pub fn constraints(violations: &[String]) -> ApiError {
        let noun = if violations.len() == 1 { "error" } else { "errors" };
        let message = format!("{} validation {noun} detected: {}", violations.len(), violations.join("; "));
        ApiError::new(CONSTRAINTS, "ValidationException", message)
    }

    /// A body that is not JSON or whose members are of other types; AWS sends no message for a broken body.
    pub fn serialization(message: impl Into<String>) -> ApiError {
        ApiError::new(PROTOCOL, "SerializationException", message)
    }

    /// `X-Amz-Target` names nothing that exists.
    pub fn unknown_operation() -> ApiError {
        ApiError::new(PROTOCOL, "UnknownOperationException", "")
    }

    /// The caller may not do this. The text is IAM's.
    pub fn access_denied(principal_arn: &str, action: &str, resource_arn: &str) -> ApiError {
        let message =
            format!("User: {principal_arn} is not authorized to perform: {action} on resource: {resource_arn}");
        ApiError::new(PROTOCOL, "AccessDeniedException", message)
    }

    /// An error of authentication, with the code and text that `iam` gives.
    pub fn authentication(code: &'static str, message: impl Into<String>, http_status: u16) -> ApiError {
        ApiError { http_status, ..ApiError::new(PROTOCOL, code, message) }
    }

    /// Too many requests; SDKs try again.
    pub fn throttling() -> ApiError {
        ApiError::new(PROTOCOL, "ThrottlingException", "Rate exceeded")
    }

    /// A fault of the server; SDKs try again.
    pub fn internal_failure(message: impl Into<String>) -> ApiError {
        ApiError { http_status: 500, ..ApiError::new(PROTOCOL, "InternalFailure", message) }
    }

    /// The server is starting or stopping; SDKs try again.
    pub fn service_unavailable(message: impl Into<String>) -> ApiError {
        ApiError { http_status: 503, ..ApiError::new(PROTOCOL, "ServiceUnavailable", message) }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiError, InvalidReason};

    #[track_caller]
    fn check(error: ApiError, body: &str) {
        assert_eq!(error.to_body().to_json(), body);
    }

    #[test]
    fn bodies() {
        check(
            ApiError::invalid_arn("Invalid ARN prefix: not_a_valid_arn"),
            r#"{"__type":"com.amazonaws.swf.service.v2.model#InvalidArn","message":"Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"}"#,
        );
        check(
            ApiError::validation_because(InvalidReason::InvalidRoutingConfiguration, "no"),
            r#"{"__type":"com.amazonaws.swf.service.v2.model#ValidationException","message":"no","reason":"INVALID_ROUTING_CONFIGURATION"}"#,
        );
        check(ApiError::serialization(""), r#"{"__type":"com.amazon.coral.service#SerializationException"}"#);
        check(
            ApiError::constraints(&["a".to_owned(), "b".to_owned()]),
            r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"2 validation errors detected: a; b"}"#,
        );
    }

    #[test]
    fn texts() {
        // recorded: test_error_create_alias_invalid_router_configs, test_delete_version_with_alias
        let sum = "Sum of routing configuration weights must equal 100. Received: [70, 29]";
        assert_eq!(ApiError::routing_weights(&[70, 29]).message, sum);
        let versions = "Routing configuration must contain state machine version ARNs. Received: [a, b]";
        assert_eq!(ApiError::routing_names_no_versions(&["a", "b"]).message, versions);
        let aliases = "Version to be deleted must not be referenced by an alias. Current list of aliases referencing \
                       this version: [x]";
        assert_eq!(ApiError::version_is_referenced(&["x"]).message, aliases);
    }

    #[test]
    fn codes_exist_in_the_model() {
        let known: Vec<&str> = crate::Operation::all().flat_map(crate::Operation::errors).collect();
        for error in [
            ApiError::activity_already_exists(""),
            ApiError::activity_does_not_exist(""),
            ApiError::activity_limit_exceeded(),
            ApiError::activity_worker_limit_exceeded(),
            ApiError::invalid_output(""),
            ApiError::task_does_not_exist(),
            ApiError::task_timed_out(),
            ApiError::invalid_token(),
            ApiError::execution_already_exists(""),
            ApiError::execution_does_not_exist(""),
            ApiError::execution_limit_exceeded(),
            ApiError::execution_not_redrivable(""),
            ApiError::empty_execution_input(),
            ApiError::alias_exists(),
            ApiError::invalid_definition(""),
            ApiError::invalid_encryption_configuration(""),
            ApiError::invalid_logging_configuration(""),
            ApiError::invalid_tracing_configuration(""),
            ApiError::nothing_to_update(),
            ApiError::state_machine_already_exists(""),
            ApiError::state_machine_deleting(""),
            ApiError::state_machine_does_not_exist(""),
            ApiError::state_machine_limit_exceeded(),
            ApiError::state_machine_type_not_supported(),
            ApiError::service_quota_exceeded(""),
            ApiError::invalid_name(""),
            ApiError::resource_not_found(""),
            ApiError::too_many_tags(""),
            ApiError::kms_access_denied(""),
            ApiError::kms_invalid_state(super::KmsKeyState::Disabled, ""),
            ApiError::kms_throttling(""),
            ApiError::validation(""),
        ] {
            assert!(known.contains(&error.code), "{}", error.code);
        }
    }
}
