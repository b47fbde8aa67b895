//! The responses of AWS services: what the mocked result of a task is checked against.
//!
//! The facts are those of the public service models, for the services that workflows call most. A service is read when it
//! is first asked for.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use stepwell_value::{Number, Value};

/// The services by their names in `aws-sdk:` resources.
#[rustfmt::skip]
const SERVICES: &[(&str, &str)] = &[
    ("athena", include_str!("../facts/services/athena.json")),
    ("batch", include_str!("../facts/services/batch.json")),
    ("bedrockruntime", include_str!("../facts/services/bedrockruntime.json")),
    ("cloudwatch", include_str!("../facts/services/cloudwatch.json")),
    ("cloudwatchlogs", include_str!("../facts/services/cloudwatchlogs.json")),
    ("codebuild", include_str!("../facts/services/codebuild.json")),
    ("comprehend", include_str!("../facts/services/comprehend.json")),
    ("databrew", include_str!("../facts/services/databrew.json")),
    ("dynamodb", include_str!("../facts/services/dynamodb.json")),
    ("ec2", include_str!("../facts/services/ec2.json")),
    ("ecs", include_str!("../facts/services/ecs.json")),
    ("emr", include_str!("../facts/services/emr.json")),
    ("eventbridge", include_str!("../facts/services/eventbridge.json")),
    ("firehose", include_str!("../facts/services/firehose.json")),
    ("glue", include_str!("../facts/services/glue.json")),
    ("kinesis", include_str!("../facts/services/kinesis.json")),
    ("kms", include_str!("../facts/services/kms.json")),
    ("lambda", include_str!("../facts/services/lambda.json")),
    ("polly", include_str!("../facts/services/polly.json")),
    ("rdsdata", include_str!("../facts/services/rdsdata.json")),
    ("redshiftdata", include_str!("../facts/services/redshiftdata.json")),
    ("rekognition", include_str!("../facts/services/rekognition.json")),
    ("s3", include_str!("../facts/services/s3.json")),
    ("sagemaker", include_str!("../facts/services/sagemaker.json")),
    ("scheduler", include_str!("../facts/services/scheduler.json")),
    ("secretsmanager", include_str!("../facts/services/secretsmanager.json")),
    ("ses", include_str!("../facts/services/ses.json")),
    ("sesv2", include_str!("../facts/services/sesv2.json")),
    ("sfn", include_str!("../facts/services/sfn.json")),
    ("sns", include_str!("../facts/services/sns.json")),
    ("sqs", include_str!("../facts/services/sqs.json")),
    ("ssm", include_str!("../facts/services/ssm.json")),
    ("sts", include_str!("../facts/services/sts.json")),
    ("textract", include_str!("../facts/services/textract.json")),
    ("transcribe", include_str!("../facts/services/transcribe.json")),
    ("translate", include_str!("../facts/services/translate.json")),
];

/// Optimized integrations whose service or action has another name than the API, or that answer with something else for
/// `.sync`, which mocks the API that is polled: resource, service and action; `*` stands for any `.sync` form.
#[rustfmt::skip]
const RESPONSES: &[(&str, &str, &str)] = &[
    ("athena:startQueryExecution.*", "athena", "getQueryExecution"),
    ("batch:submitJob.*", "batch", "describeJobs"),
    ("bedrock:invokeModel", "bedrockruntime", "invokeModel"),
    ("codebuild:startBuild.*", "codebuild", "batchGetBuilds"),
    ("codebuild:startBuildBatch.*", "codebuild", "batchGetBuildBatches"),
    ("codebuild:retryBuildBatch.*", "codebuild", "batchGetBuildBatches"),
    ("databrew:startJobRun.*", "databrew", "describeJobRun"),
    ("ecs:runTask.*", "ecs", "describeTasks"),
    ("elasticmapreduce:createCluster", "emr", "runJobFlow"),
    ("elasticmapreduce:createCluster.*", "emr", "describeCluster"),
    ("elasticmapreduce:addStep", "emr", "addJobFlowSteps"),
    ("elasticmapreduce:addStep.*", "emr", "describeStep"),
    ("events:putEvents", "eventbridge", "putEvents"),
    ("glue:startJobRun.*", "glue", "getJobRun"),
    ("sagemaker:createTrainingJob.*", "sagemaker", "describeTrainingJob"),
    ("sagemaker:createTransformJob.*", "sagemaker", "describeTransformJob"),
    ("sagemaker:createProcessingJob.*", "sagemaker", "describeProcessingJob"),
    ("states:startExecution", "sfn", "startExecution"),
    ("states:startExecution.*", "sfn", "describeExecution"),
];

/// Integrations that are no operation of a service model: their results have no shape of their own.
const SHAPELESS: &[&str] = &["http:invoke", "apigateway:invoke", "eks:call", "eks:runJob"];

/// Members that an integration reads as JSON, so that they may be of any type.
#[rustfmt::skip]
const PARSED: &[(&str, &[&str])] = &[
    ("lambda:invoke", &["Payload"]),
    ("bedrock:invokeModel", &["Body"]),
    ("states:startExecution.sync:2", &["Input", "Output"]),
];

/// How strictly a mocked result is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// `STRICT`: required members must be there, and all that is there must fit.
    Strict,
    /// `PRESENT`: all that is there must fit.
    Present,
}

/// Why a mocked result is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It does not fit the response; AWS's words: `Field 'StatusCode' must be a number`.
    Field(String),
    /// The response of this operation is not known here.
    Unknown,
}

/// Checks a mocked result against the response of the API that a task's resource calls. `service` and `resource` are
/// those of task events: `lambda` and `invoke`, `aws-sdk:s3` and `getObject`, `states` and `startExecution.sync:2`. The result of a
/// callback (`.waitForTaskToken`) is whatever the caller sends, so it is not checked. Members that the model does not know
/// are accepted (recorded: test_strict_mode_mock_result_field_not_in_api_spec).
///
/// # Errors
/// See [`Mismatch`]; the first one found, in the order of the model.
pub fn check_result(service: &str, resource: &str, result: &Value, strictness: Strictness) -> Result<(), Mismatch> {
    let full = format!("{service}:{resource}");
    if resource.ends_with(".waitForTaskToken") || SHAPELESS.contains(&full.split('.').next().unwrap_or(&full)) {
        return Ok(());
    }
    let (service, operation) = response_of(service, resource, &full);
    let facts = facts_of(service).ok_or(Mismatch::Unknown)?;
    let output = facts.get("operations").and_then(|table| table.get(operation)).ok_or(Mismatch::Unknown)?;
    let Some(output) = output.as_str() else { return Ok(()) };
    let parsed = PARSED.iter().find(|(name, _)| *name == full).map_or(&[][..], |(_, members)| members);
    Check { shapes: facts.get("shapes"), strictness, parsed }.check("", output, result).map_err(Mismatch::Field)
}

/// Service and operation whose response a resource gives.
fn response_of<'a>(service: &'a str, resource: &'a str, full: &str) -> (&'a str, &'a str) {
    let sync = resource.split_once(".sync").map(|(action, _)| action);
    let pattern = match sync {
        Some(action) => format!("{service}:{action}.*"),
        None => full.to_owned(),
    };
    match RESPONSES.iter().find(|(name, _, _)| *name == pattern) {
        Some((_, service, operation)) => (service, operation),
        None if sync.is_some() => ("", ""),
        None => (service.strip_prefix("aws-sdk:").unwrap_or(service), resource),
    }
}

/// The facts of a service, read once.
fn facts_of(service: &str) -> Option<Value> {
    static READ: LazyLock<Mutex<BTreeMap<&'static str, Value>>> = LazyLock::new(Mutex::default);
    let (name, text) = SERVICES.iter().find(|(name, _)| *name == service)?;
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(facts) = read.get(name) {
        return Some(facts.clone());
    }
    let facts = Value::parse(text).ok()?; // a test reads them all
    read.insert(name, facts.clone());
    Some(facts)
}

struct Check<'f> {
    shapes: Option<&'f Value>,
    strictness: Strictness,
    /// Members of the response itself that may be of any type.
    parsed: &'f [&'f str],
}

impl Check<'_> {
    /// Checks a value; `field` is the name of the member it stands under.
    fn check(&self, field: &str, shape: &str, value: &Value) -> Result<(), String> {
        match (shape, value) {
            ("any", _) | (_, Value::Null) => return Ok(()),
            ("string", Value::String(_)) | ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => return Ok(()),
            ("string" | "number" | "boolean", _) => return Err(must_be(field, &format!("a {shape}"))),
            _ => {}
        }
        let Some(facts) = self.shapes.and_then(|shapes| shapes.get(shape)) else { return Ok(()) };
        if let Some(members) = facts.get("members") {
            return self.structure(field, facts, members, value);
        }
        if let Some(item) = facts.get("items").and_then(Value::as_str) {
            let items = value.as_array().ok_or_else(|| must_be(field, "an array"))?;
            return items.iter().try_for_each(|inner| self.check(field, item, inner));
        }
        if let Some(item) = facts.get("values").and_then(Value::as_str) {
            let map = value.as_object().ok_or_else(|| must_be(field, "an object"))?;
            return map.iter().try_for_each(|(key, inner)| self.check(key, item, inner));
        }
        match (facts.get("type").and_then(Value::as_str), value) {
            (Some("number"), Value::Number(number)) => check_range(field, facts, number),
            (Some("number"), _) => Err(must_be(field, "a number")),
            (_, Value::String(text)) => check_text(field, facts, text),
            _ => Err(must_be(field, "a string")),
        }
    }

    fn structure(&self, field: &str, facts: &Value, members: &Value, value: &Value) -> Result<(), String> {
        let Value::Object(map) = value else { return Err(must_be(field, "an object")) };
        let required =
            facts.get("required").and_then(Value::as_array).filter(|_| self.strictness == Strictness::Strict);
        let mut required = required.into_iter().flat_map(|names| names.iter()).filter_map(Value::as_str);
        if let Some(missing) = required.find(|name| !map.contains_key(name)) {
            return Err(format!("Required field '{missing}' is missing"));
        }
        for (name, shape) in members.as_object().into_iter().flat_map(|members| members.iter()) {
            let is_parsed = field.is_empty() && self.parsed.contains(&&**name);
            if let (Some(shape), Some(inner), false) = (shape.as_str(), map.get(name), is_parsed) {
                self.check(name, shape, inner)?;
            }
        }
        Ok(())
    }
}

fn must_be(field: &str, what: &str) -> String {
    if field.is_empty() { format!("The result must be {what}") } else { format!("Field '{field}' must be {what}") }
}

fn check_range(field: &str, facts: &Value, number: &Number) -> Result<(), String> {
    let limit = |name: &str| facts.get(name).and_then(Value::as_number).map(Number::as_f64);
    if limit("min").is_some_and(|min| number.as_f64() < min) {
        return Err(format!("Field '{field}' is less than the minimum value"));
    }
    if limit("max").is_some_and(|max| number.as_f64() > max) {
        return Err(format!("Field '{field}' exceeds the maximum value"));
    }
    Ok(())
}

fn check_text(field: &str, facts: &Value, text: &str) -> Result<(), String> {
    if let Some(known) = facts.get("enum").and_then(Value::as_array) {
        let is_known = known.iter().any(|value| value.as_str() == Some(text));
        return if is_known { Ok(()) } else { Err(format!("Field '{field}' is not an expected value")) };
    }
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let limit = |name: &str| facts.get(name).and_then(Value::as_i64);
    if limit("min").is_some_and(|min| length < min) {
        return Err(format!("Field '{field}' is smaller than the minimum length"));
    }
    if limit("max").is_some_and(|max| length > max) {
        return Err(format!("Field '{field}' exceeds the maximum length"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Mismatch, SERVICES, Strictness, check_result};
    use stepwell_value::Value;

    /// `expected` is empty where the result fits; it holds for STRICT and, unless a field is missing, for PRESENT too.
    #[track_caller]
    fn check(service: &str, resource: &str, result: &str, expected: &str) {
        let result = Value::parse(result).unwrap();
        let said = |strictness| match check_result(service, resource, &result, strictness) {
            Ok(()) => String::new(),
            Err(Mismatch::Field(message)) => message,
            Err(Mismatch::Unknown) => "unknown".to_owned(),
        };
        assert_eq!(said(Strictness::Strict), expected);
        let lenient = if expected.starts_with("Required") { "" } else { expected };
        assert_eq!(said(Strictness::Present), lenient);
    }

    #[test]
    fn recorded() {
        check(
            "aws-sdk:kms",
            "encrypt",
            r#"{"CiphertextBlob": ""}"#,
            "Field 'CiphertextBlob' is smaller than the minimum length",
        );
        let get_function = |size: u32| format!(r#"{{"Configuration": {{"MemorySize": {size}}}}}"#);
        check("aws-sdk:lambda", "getFunction", &get_function(127), "Field 'MemorySize' is less than the minimum value");
        check("aws-sdk:lambda", "getFunction", &get_function(128), "");
        check("aws-sdk:lambda", "getFunction", &get_function(10241), "Field 'MemorySize' exceeds the maximum value");
        check("aws-sdk:s3", "getObject", r#"{"ContentLength": "9000"}"#, "Field 'ContentLength' must be a number");
        check(
            "aws-sdk:s3",
            "getObject",
            r#"{"StorageClass": "Papyrus"}"#,
            "Field 'StorageClass' is not an expected value",
        );
        check(
            "dynamodb",
            "putItem",
            r#"{"ConsumedCapacity": {"CapacityUnits": "1.5"}}"#,
            "Field 'CapacityUnits' must be a number",
        );
        check("dynamodb", "putItem", r#"{"SdkHttpMetadata": {"HttpStatusCode": 200}}"#, "");
        check("events", "putEvents", r#"{"Entries": [{"EventId": ["x"]}]}"#, "Field 'EventId' must be a string");
        check("events", "putEvents", r#"{"Entries": "x"}"#, "Field 'Entries' must be an array");
        check("events", "putEvents", r#"{"random": "json"}"#, "");
        check("lambda", "invoke", r#"{"StatusCode": "200"}"#, "Field 'StatusCode' must be a number");
        check("lambda", "invoke", r#"{"StatusCode": 200, "Payload": {"any": 1}}"#, "");
        check("states", "startExecution", "{}", "Required field 'ExecutionArn' is missing");
        check(
            "states",
            "startExecution",
            r#"{"ExecutionArn": "a", "StartDate": 1}"#,
            "Field 'StartDate' must be a string",
        );
        check(
            "states",
            "startExecution",
            r#"{"ExecutionArn": 1, "StartDate": "x"}"#,
            "Field 'ExecutionArn' must be a string",
        );
    }

    #[test]
    fn what_is_polled_parsed_or_unknown() {
        let described = r#"{"ExecutionArn": "a", "StateMachineArn": "m", "StartDate": "x", "Status": "SUCCEEDED", "Output": {"a": 1}}"#;
        check("states", "startExecution.sync:2", described, "");
        check("states", "startExecution.sync", described, "Field 'Output' must be a string");
        check("lambda", "invoke.waitForTaskToken", "[1]", "");
        check("aws-sdk:lambda", "invoke", r#"{"Payload": {"any": 1}}"#, "Field 'Payload' must be a string");
        check("http", "invoke", r#"{"StatusCode": "x"}"#, "");
        check("aws-sdk:s3", "getObject", "[]", "The result must be an object");
        check("aws-sdk:braket", "getJob", "{}", "unknown");
        check("aws-sdk:s3", "noSuchThing", "{}", "unknown");
    }

    #[test]
    fn every_service_is_read_and_every_shape_is_there() {
        for (name, text) in SERVICES {
            let facts = Value::parse(text).unwrap();
            let shapes = facts.get("shapes").unwrap();
            let known = |shape: &Value| match shape.as_str() {
                Some("any" | "string" | "number" | "boolean") => true,
                Some(shape) => shapes.get(shape).is_some(),
                None => shape.is_null(),
            };
            let operations = facts.get("operations").unwrap().as_object().unwrap();
            assert!(operations.values().all(known), "{name}");
            for shape in shapes.as_object().unwrap().values() {
                let members = shape.get("members").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
                assert!(members.chain(shape.get("items")).chain(shape.get("values")).all(known), "{name} {shape}");
            }
        }
        assert!(SERVICES.iter().map(|(_, text)| text.len()).sum::<usize>() < 500_000);
    }
}
