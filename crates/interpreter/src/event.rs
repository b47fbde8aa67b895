//! History events: the 62 types of GetExecutionHistory and what each carries.

use std::sync::Arc;

use stepwell_value::{Payload, Timestamp};

use crate::Failure;

/// The number of an event in its execution's history: 1, 2, 3 …; 0 stands for "none".
pub type EventId = u64;

/// One event of an execution's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// Its number.
    pub id: EventId,
    /// The event it follows in its branch; 0 for the first ones.
    pub previous: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Its type.
    pub event_type: EventType,
    /// What it carries; the variant agrees with the type.
    pub details: Details,
}

/// What an event carries. One variant serves all types whose details have the same fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Details {
    /// Nothing.
    None,
    /// ExecutionStarted
    ExecutionStarted {
        /// The execution's input.
        input: Payload,
        /// The role of the machine.
        role_arn: Arc<str>,
        /// The alias the execution was started with.
        alias_arn: Option<Arc<str>>,
        /// The version the execution was started with.
        version_arn: Option<Arc<str>>,
    },
    /// ExecutionSucceeded, LambdaFunctionSucceeded, ActivitySucceeded
    Output {
        /// The output.
        output: Payload,
    },
    /// All failures that carry only error and cause: ExecutionFailed, ExecutionAborted, ExecutionTimedOut,
    /// LambdaFunction…Failed/TimedOut, Activity…Failed/TimedOut, MapRunFailed.
    Failure(Failure),
    /// …StateEntered
    StateEntered {
        /// The state's name.
        name: Arc<str>,
        /// Its raw input.
        input: Payload,
    },
    /// …StateExited
    StateExited {
        /// The state's name.
        name: Arc<str>,
        /// Its output.
        output: Payload,
        /// The variables it assigned, by name, in alphabetical order; empty when it assigned none.
        assigned: Vec<(Arc<str>, Payload)>,
    },
    /// LambdaFunctionScheduled, ActivityScheduled
    Scheduled {
        /// The function's or activity's ARN.
        resource: Arc<str>,
        /// The input for the function or worker.
        input: Payload,
        /// `TimeoutSeconds`, where the state has it.
        timeout_seconds: Option<u64>,
        /// `HeartbeatSeconds`, where the state has it (activities only).
        heartbeat_seconds: Option<u64>,
        /// `Credentials.RoleArn`, where the state has it (functions only).
        credentials_role_arn: Option<Arc<str>>,
    },
    /// ActivityStarted
    ActivityStarted {
        /// The name the worker gave itself.
        worker_name: Option<Arc<str>>,
    },
    /// TaskScheduled
    TaskScheduled {
        /// `lambda`, `states`, `aws-sdk:s3`.
        resource_type: Arc<str>,
        /// `invoke.waitForTaskToken`
        resource: Arc<str>,
        /// The region of the execution.
        region: Arc<str>,
        /// The effective parameters.
        parameters: Payload,
        /// `TimeoutSeconds`, where the state has it.
        timeout_seconds: Option<u64>,
        /// `HeartbeatSeconds`, where the state has it.
        heartbeat_seconds: Option<u64>,
        /// `Credentials.RoleArn`, where the state has it.
        credentials_role_arn: Option<Arc<str>>,
    },
    /// TaskStarted
    TaskStarted {
        /// `lambda`, `states`, `aws-sdk:s3`.
        resource_type: Arc<str>,
        /// `invoke.waitForTaskToken`
        resource: Arc<str>,
    },
    /// TaskSubmitted, TaskSucceeded
    TaskOutput {
        /// `lambda`, `states`, `aws-sdk:s3`.
        resource_type: Arc<str>,
        /// `invoke.waitForTaskToken`
        resource: Arc<str>,
        /// What the call answered.
        output: Payload,
    },
    /// TaskFailed, TaskTimedOut, TaskStartFailed, TaskSubmitFailed
    TaskFailure {
        /// `lambda`, `states`, `aws-sdk:s3`.
        resource_type: Arc<str>,
        /// `invoke.waitForTaskToken`
        resource: Arc<str>,
        /// Error and cause.
        failure: Failure,
    },
    /// MapStateStarted
    MapStateStarted {
        /// The number of items.
        length: u64,
    },
    /// MapIterationStarted, MapIterationSucceeded, MapIterationFailed, MapIterationAborted
    MapIteration {
        /// The Map state's name.
        name: Arc<str>,
        /// The item's index, from 0.
        index: u64,
    },
    /// MapRunStarted
    MapRunStarted {
        /// The Map Run's ARN.
        map_run_arn: Arc<str>,
    },
    /// MapRunRedriven
    MapRunRedriven {
        /// The Map Run's ARN.
        map_run_arn: Arc<str>,
        /// How often it was redriven.
        redrive_count: u64,
    },
    /// ExecutionRedriven
    ExecutionRedriven {
        /// How often the execution was redriven.
        redrive_count: u64,
        /// The `clientToken` of the call; kept for its idempotency, never shown.
        client_token: Option<Arc<str>>,
    },
    /// EvaluationFailed
    EvaluationFailed {
        /// Error and cause.
        failure: Failure,
        /// The field: `Output/result`. Empty where AWS names none, as for a Map whose input is no array; such an event
        /// has no `location` on the wire.
        location: Arc<str>,
        /// The state's name.
        state: Arc<str>,
    },
}

macro_rules! event_types {
    ($($name:ident $member:literal,)*) => {
        /// The type of a history event, spelled as AWS spells it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum EventType {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl EventType {
            /// All types; the position of a type in this list is its number in stored histories and never changes.
            pub const ALL: &'static [EventType] = &[$(EventType::$name,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(EventType::$name => stringify!($name),)* }
            }

            /// The member of the wire's HistoryEvent that holds the details; empty for the types without details.
            pub fn details_member(self) -> &'static str {
                match self { $(EventType::$name => $member,)* }
            }
        }
    };
}

event_types! {
    ActivityFailed "activityFailedEventDetails",
    ActivityScheduled "activityScheduledEventDetails",
    ActivityScheduleFailed "activityScheduleFailedEventDetails",
    ActivityStarted "activityStartedEventDetails",
    ActivitySucceeded "activitySucceededEventDetails",
    ActivityTimedOut "activityTimedOutEventDetails",
    ChoiceStateEntered "stateEnteredEventDetails",
    ChoiceStateExited "stateExitedEventDetails",
    ExecutionAborted "executionAbortedEventDetails",
    ExecutionFailed "executionFailedEventDetails",
    ExecutionStarted "executionStartedEventDetails",
    ExecutionSucceeded "executionSucceededEventDetails",
    ExecutionTimedOut "executionTimedOutEventDetails",
    FailStateEntered "stateEnteredEventDetails",
    LambdaFunctionFailed "lambdaFunctionFailedEventDetails",
    LambdaFunctionScheduled "lambdaFunctionScheduledEventDetails",
    LambdaFunctionScheduleFailed "lambdaFunctionScheduleFailedEventDetails",
    LambdaFunctionStarted "",
    LambdaFunctionStartFailed "lambdaFunctionStartFailedEventDetails",
    LambdaFunctionSucceeded "lambdaFunctionSucceededEventDetails",
    LambdaFunctionTimedOut "lambdaFunctionTimedOutEventDetails",
    MapIterationAborted "mapIterationAbortedEventDetails",
    MapIterationFailed "mapIterationFailedEventDetails",
    MapIterationStarted "mapIterationStartedEventDetails",
    MapIterationSucceeded "mapIterationSucceededEventDetails",
    MapStateAborted "",
    MapStateEntered "stateEnteredEventDetails",
    MapStateExited "stateExitedEventDetails",
    MapStateFailed "",
    MapStateStarted "mapStateStartedEventDetails",
    MapStateSucceeded "",
    ParallelStateAborted "",
    ParallelStateEntered "stateEnteredEventDetails",
    ParallelStateExited "stateExitedEventDetails",
    ParallelStateFailed "",
    ParallelStateStarted "",
    ParallelStateSucceeded "",
    PassStateEntered "stateEnteredEventDetails",
    PassStateExited "stateExitedEventDetails",
    SucceedStateEntered "stateEnteredEventDetails",
    SucceedStateExited "stateExitedEventDetails",
    TaskFailed "taskFailedEventDetails",
    TaskScheduled "taskScheduledEventDetails",
    TaskStarted "taskStartedEventDetails",
    TaskStartFailed "taskStartFailedEventDetails",
    TaskStateAborted "",
    TaskStateEntered "stateEnteredEventDetails",
    TaskStateExited "stateExitedEventDetails",
    TaskSubmitFailed "taskSubmitFailedEventDetails",
    TaskSubmitted "taskSubmittedEventDetails",
    TaskSucceeded "taskSucceededEventDetails",
    TaskTimedOut "taskTimedOutEventDetails",
    WaitStateAborted "",
    WaitStateEntered "stateEnteredEventDetails",
    WaitStateExited "stateExitedEventDetails",
    MapRunAborted "",
    MapRunFailed "mapRunFailedEventDetails",
    MapRunStarted "mapRunStartedEventDetails",
    MapRunSucceeded "",
    ExecutionRedriven "executionRedrivenEventDetails",
    MapRunRedriven "mapRunRedrivenEventDetails",
    EvaluationFailed "evaluationFailedEventDetails",
}
