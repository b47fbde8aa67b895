//! `Resource`: what a Task calls.
//!
//! Source of the table: AWS's list of optimized integrations and the patterns each action supports.

use crate::definition::{Pattern, Resource, Target};

/// The patterns of an action: `RR` is request-response, `S` `.sync`, `T` `.waitForTaskToken`.
const RR: u8 = 1;
const S: u8 = 2;
const S2: u8 = 4;
const T: u8 = 8;

/// The optimized integrations: service, action, patterns.
#[rustfmt::skip]
const INTEGRATIONS: &[(&str, &[&str], u8)] = &[
    ("lambda", &["invoke"], RR | T),
    ("dynamodb", &["getItem", "putItem", "updateItem", "deleteItem"], RR),
    ("sns", &["publish"], RR | T),
    ("sqs", &["sendMessage"], RR | T),
    ("events", &["putEvents"], RR | T),
    ("states", &["startExecution"], RR | S | S2 | T),
    ("apigateway", &["invoke"], RR | T),
    ("http", &["invoke"], RR),
    ("ecs", &["runTask"], RR | S | T),
    ("batch", &["submitJob"], RR | S),
    ("glue", &["startJobRun"], RR | S),
    ("athena", &["startQueryExecution"], RR | S),
    ("athena", &["stopQueryExecution", "getQueryExecution", "getQueryResults"], RR),
    ("elasticmapreduce", &["createCluster", "terminateCluster", "addStep"], RR | S),
    ("elasticmapreduce", &["cancelStep", "setClusterTerminationProtection", "modifyInstanceFleetByName", "modifyInstanceGroupByName"], RR),
    ("emr-containers", &["deleteVirtualCluster", "startJobRun"], RR | S),
    ("emr-containers", &["createVirtualCluster"], RR),
    ("emr-serverless", &["createApplication", "startApplication", "stopApplication", "deleteApplication", "startJobRun", "cancelJobRun"], RR | S),
    ("eks", &["createCluster", "deleteCluster", "createNodegroup", "deleteNodegroup", "createFargateProfile", "deleteFargateProfile", "runJob"], RR | S),
    ("eks", &["call"], RR | T),
    ("codebuild", &["startBuild", "startBuildBatch", "retryBuildBatch"], RR | S),
    ("codebuild", &["stopBuild", "batchDeleteBuilds", "batchGetReports", "stopBuildBatch", "deleteBuildBatch"], RR),
    ("sagemaker", &["createTrainingJob", "createTransformJob", "createProcessingJob", "createLabelingJob", "createHyperParameterTuningJob"], RR | S),
    ("sagemaker", &["createModel", "createEndpoint", "createEndpointConfig", "updateEndpoint"], RR),
    ("databrew", &["startJobRun"], RR | S),
    ("bedrock", &["invokeModel"], RR | T),
    ("bedrock", &["createModelCustomizationJob"], RR | S),
    ("bedrockagentcore", &["invokeHarness"], RR),
    ("bedrock-agentcore", &["invokeHarness"], RR),
    ("mediaconvert", &["createJob"], RR | S),
];

/// Why a text is no resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// AWS's words.
    pub(crate) message: String,
    /// What was probably meant.
    pub(crate) help: Option<String>,
}

/// Reads a resource ARN.
pub(crate) fn parse(arn: &str) -> Result<Resource, Fault> {
    let mut parts = arn.splitn(6, ':');
    let head = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some("arn"), Some(_partition), Some(service), Some(region), Some(_account), Some(rest)] = head else {
        return Err(Fault { message: "Value is not a valid resource ARN".to_owned(), help: meant(arn) });
    };
    let target = match service {
        "lambda" => rest.strip_prefix("function:").filter(|name| !name.is_empty()).map(|_| Target::LambdaFunction),
        "states" if region.is_empty() => integration(rest),
        "states" => rest.strip_prefix("activity:").filter(|name| !name.is_empty()).map(|_| Target::Activity),
        _ => None,
    };
    match target {
        Some(target) => Ok(Resource { arn: arn.into(), target }),
        None => Err(Fault {
            message: format!(
                "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
            ),
            help: meant(arn),
        }),
    }
}

/// `SERVICE:ACTION[.sync|.sync:2|.waitForTaskToken]`, `aws-sdk:SERVICE:ACTION[.waitForTaskToken]`
fn integration(rest: &str) -> Option<Target> {
    let (service, resource) = match rest.strip_prefix("aws-sdk:") {
        Some(sdk) => {
            let (name, resource) = sdk.split_once(':')?;
            (rest.get(.."aws-sdk:".len() + name.len())?, resource)
        }
        None => rest.split_once(':')?,
    };
    let (action, pattern) = split_pattern(resource);
    let known = match service.strip_prefix("aws-sdk:") {
        Some(name) => {
            is_sdk_call(name, action) && matches!(pattern, Pattern::RequestResponse | Pattern::WaitForTaskToken)
        }
        None => is_optimized(service, action, pattern),
    };
    known.then(|| Target::Integration {
        service: service.into(),
        action: action.into(),
        resource: resource.into(),
        pattern,
    })
}

fn split_pattern(resource: &str) -> (&str, Pattern) {
    let patterns =
        [(".waitForTaskToken", Pattern::WaitForTaskToken), (".sync:2", Pattern::Sync2), (".sync", Pattern::Sync)];
    for (suffix, pattern) in patterns {
        if let Some(action) = resource.strip_suffix(suffix) {
            return (action, pattern);
        }
    }
    (resource, Pattern::RequestResponse)
}

fn is_optimized(service: &str, action: &str, pattern: Pattern) -> bool {
    let needed = match pattern {
        Pattern::RequestResponse => RR,
        Pattern::Sync => S,
        Pattern::Sync2 => S2,
        Pattern::WaitForTaskToken => T,
    };
    INTEGRATIONS
        .iter()
        .any(|(name, actions, patterns)| *name == service && patterns & needed != 0 && actions.contains(&action))
}

/// Whether service and action are spelled as those of the AWS SDK integrations are: `s3`, `getObject`.
fn is_sdk_call(service: &str, action: &str) -> bool {
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    !service.is_empty()
        && lower(service)
        && action.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && action.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Resources of services that are called through an integration: how such a text looks, what to call, and which parameter
/// names the resource.
#[rustfmt::skip]
const CALLED_THROUGH: &[(&[&str], &str, &str)] = &[
    (&["https://sqs."], "sqs:sendMessage", "the queue's URL as `QueueUrl`"),
    (&["arn:", ":sqs:"], "sqs:sendMessage", "the queue's URL as `QueueUrl`"),
    (&["arn:", ":dynamodb:", ":table/"], "dynamodb:getItem", "the table's name as `TableName` (or putItem, updateItem, deleteItem)"),
    (&["arn:", ":sns:"], "sns:publish", "the topic as `TopicArn`"),
    (&["arn:", ":states:", ":stateMachine:"], "states:startExecution.sync:2", "the machine as `StateMachineArn`"),
    (&["arn:", ":ecs:", ":task-definition/"], "ecs:runTask.sync", "the task definition as `TaskDefinition` and its `Cluster`"),
    (&["arn:", ":events:", ":event-bus/"], "events:putEvents", "the bus as `EventBusName` of each of the `Entries`"),
    (&["https://"], "http:invoke", "the address as `ApiEndpoint`"),
    (&["http://"], "http:invoke", "the address as `ApiEndpoint`"),
];

/// What a resource that is no integration was probably meant to be.
fn meant(resource: &str) -> Option<String> {
    if let Some(rest) = resource.strip_prefix("arn:aws:states:::") {
        return meant_integration(rest);
    }
    let looks = |(marks, _, _): &&(&[&str], &str, &str)| {
        marks.first().is_some_and(|first| resource.starts_with(first))
            && marks.iter().all(|mark| resource.contains(mark))
    };
    let (_, call, parameter) = CALLED_THROUGH.iter().find(looks)?;
    Some(format!("use `\"Resource\": \"arn:aws:states:::{call}\"` and give {parameter} in `Parameters` or `Arguments`"))
}

/// What an integration that does not exist was probably meant to be.
fn meant_integration(rest: &str) -> Option<String> {
    const SDK: &str = "AWS SDK integrations are written `aws-sdk:SERVICE:ACTION[.waitForTaskToken]`, the service in lower case, the action as in `getObject`";
    if rest.starts_with("aws-sdk:") {
        return Some(SDK.to_owned());
    }
    let (service, action) = rest.split_once(':')?;
    let (action, _) = split_pattern(action);
    let of_service = || INTEGRATIONS.iter().filter(|(name, _, _)| *name == service);
    if of_service().any(|(_, actions, _)| actions.contains(&action)) {
        return Some(format!("`{service}:{action}` does not have this integration pattern"));
    }
    if of_service().next().is_none() {
        let close = crate::suggest::closest(service, INTEGRATIONS.iter().map(|(name, _, _)| *name));
        return close.map(|close| format!("did you mean the service `{close}`?"));
    }
    match crate::suggest::closest(action, of_service().flat_map(|(_, actions, _)| actions.iter().copied())) {
        Some(close) => Some(format!("did you mean `{service}:{close}`?")),
        None => Some(format!("other actions are called as `arn:aws:states:::aws-sdk:{service}:{action}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::definition::Target;

    #[track_caller]
    fn check(arn: &str, expected: &str) {
        let found = match parse(arn).map(|resource| resource.target) {
            Ok(Target::LambdaFunction) => "lambda function".to_owned(),
            Ok(Target::Activity) => "activity".to_owned(),
            Ok(Target::Integration { service, action, resource, pattern }) => {
                format!("{service} {action} {resource} {pattern:?}")
            }
            Err(fault) => format!("error: {}", fault.help.unwrap_or_default()),
        };
        assert_eq!(found, expected, "{arn}");
    }

    #[test]
    fn resources() {
        check("arn:aws:lambda:us-east-1:123456789012:function:f:1", "lambda function");
        check("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", "lambda function");
        check("arn:aws:states:us-east-1:123456789012:activity:a", "activity");
        check("arn:aws:states:::lambda:invoke", "lambda invoke invoke RequestResponse");
        check(
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "sqs sendMessage sendMessage.waitForTaskToken WaitForTaskToken",
        );
        check("arn:aws:states:::states:startExecution.sync:2", "states startExecution startExecution.sync:2 Sync2");
        check("arn:aws:states:::aws-sdk:s3:getObject", "aws-sdk:s3 getObject getObject RequestResponse");
        check(
            "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken",
            "aws-sdk:sfn startExecution startExecution.waitForTaskToken WaitForTaskToken",
        );
    }

    #[test]
    fn what_is_no_resource() {
        check(
            "arn:aws:states:::aws-sdk:s3:GetObject",
            "error: AWS SDK integrations are written `aws-sdk:SERVICE:ACTION[.waitForTaskToken]`, the service in lower case, the action as in `getObject`",
        );
        check("arn:aws:states:::lambda:invoke.sync", "error: `lambda:invoke` does not have this integration pattern");
        check("arn:aws:states:::sqs:sendMesage", "error: did you mean `sqs:sendMessage`?");
        check(
            "arn:aws:states:::dynamodb:query",
            "error: other actions are called as `arn:aws:states:::aws-sdk:dynamodb:query`",
        );
        check(
            "arn:aws:sns:us-east-1:123456789012:topic",
            "error: use `\"Resource\": \"arn:aws:states:::sns:publish\"` and give the topic as `TopicArn` in `Parameters` or `Arguments`",
        );
        check("nonsense", "error: ");
        check("", "error: ");
        check("arn:aws:lambda:us-east-1:123456789012:function:", "error: ");
    }
}
