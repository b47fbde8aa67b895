//! The response shapes of AWS services, reduced to what a mocked result is checked against.
//!
//! TestState checks the mocked result of a task against the API it mocks. For the services that workflows call most, this
//! writes `crates/model/facts/services/ID.json`: the operations with their output shapes and the shapes these reach, with
//! types, required members, lengths, ranges and enums. Members are named as Step Functions names them: with a capital.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::facts;

/// The services: directory of the model, and the operations that are kept (none: all). The large models have hundreds of
/// operations that no workflow calls for its result.
#[rustfmt::skip]
const SERVICES: &[(&str, &[&str])] = &[
    ("athena", &[]),
    ("batch", &["SubmitJob", "DescribeJobs", "ListJobs", "TerminateJob", "CancelJob"]),
    ("bedrock-runtime", &["InvokeModel", "Converse", "ApplyGuardrail"]),
    ("cloudwatch", &["PutMetricData", "GetMetricData", "GetMetricStatistics", "DescribeAlarms", "SetAlarmState"]),
    ("codebuild", &["StartBuild", "StopBuild", "BatchGetBuilds", "StartBuildBatch", "StopBuildBatch", "BatchGetBuildBatches", "RetryBuildBatch"]),
    ("comprehend", &["DetectSentiment", "DetectEntities", "DetectKeyPhrases", "DetectDominantLanguage", "DetectPiiEntities", "BatchDetectSentiment"]),
    ("databrew", &["StartJobRun", "DescribeJobRun"]),
    ("dynamodb", &[]),
    ("ec2", &["StartInstances", "StopInstances", "TerminateInstances", "CreateSnapshot", "CreateTags", "DescribeInstanceStatus", "DescribeSnapshots"]),
    ("ecs", &["RunTask", "DescribeTasks", "StopTask", "ListTasks"]),
    ("emr", &["RunJobFlow", "DescribeCluster", "DescribeStep", "AddJobFlowSteps", "ListSteps"]),
    ("events", &[]),
    ("firehose", &["PutRecord", "PutRecordBatch"]),
    ("glue", &["StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun", "StartCrawler", "GetCrawler", "GetTable", "GetPartitions"]),
    ("kinesis", &["PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "DescribeStreamSummary"]),
    ("kms", &[]),
    ("lambda", &[]),
    ("logs", &["PutLogEvents", "CreateLogStream", "StartQuery", "GetQueryResults", "FilterLogEvents", "GetLogEvents", "DescribeLogGroups"]),
    ("polly", &["SynthesizeSpeech", "StartSpeechSynthesisTask", "GetSpeechSynthesisTask"]),
    ("rds-data", &[]),
    ("redshift-data", &[]),
    ("rekognition", &["DetectLabels", "DetectText", "DetectFaces", "DetectModerationLabels", "CompareFaces", "StartLabelDetection", "GetLabelDetection"]),
    ("s3", &[]),
    ("sagemaker", &["CreateTrainingJob", "DescribeTrainingJob", "CreateTransformJob", "DescribeTransformJob", "CreateProcessingJob", "DescribeProcessingJob", "CreateEndpoint", "DescribeEndpoint", "CreateEndpointConfig", "CreateModel", "UpdateEndpoint"]),
    ("scheduler", &[]),
    ("secretsmanager", &[]),
    ("ses", &["SendEmail", "SendRawEmail", "SendTemplatedEmail"]),
    ("sesv2", &["SendEmail", "SendBulkEmail"]),
    ("sns", &[]),
    ("sqs", &[]),
    ("ssm", &["GetParameter", "GetParameters", "GetParametersByPath", "PutParameter", "SendCommand", "GetCommandInvocation", "StartAutomationExecution"]),
    ("stepfunctions", &[]),
    ("sts", &["AssumeRole", "GetCallerIdentity"]),
    ("textract", &["DetectDocumentText", "AnalyzeDocument", "StartDocumentTextDetection", "GetDocumentTextDetection", "StartDocumentAnalysis", "GetDocumentAnalysis"]),
    ("transcribe", &["StartTranscriptionJob", "GetTranscriptionJob"]),
    ("translate", &["TranslateText", "StartTextTranslationJob", "DescribeTextTranslationJob"]),
];

/// Limits that AWS's own check does not take from this version of the model: service, shape, limit, value.
const RECORDED: &[(&str, &str, &str, i64)] = &[
    ("lambda", "MemorySize", "max", 10_240), // recorded: test_strict_mode_aws_sdk_lambda_get_function_task
];

/// Reads the models under `data` (botocore's `data` directory) and rewrites `crates/model/facts/services/`.
///
/// # Errors
/// When a model cannot be read or is none, or the facts cannot be written.
pub fn rewrite(data: &Path) -> Result<String, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/facts/services");
    let mut size = 0;
    for (directory, operations) in SERVICES {
        let source = newest(&data.join(directory))?;
        let text = facts::read(&source)?;
        let no_model = || format!("{}: this is not a service model", source.display());
        let model: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", source.display()))?;
        let (id, reduced) = reduce(&model, operations).ok_or_else(no_model)?;
        let text = facts::print(&reduced);
        size += text.len();
        let path = target.join(format!("{id}.json"));
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(format!("wrote {} services, {size} bytes, into {}", SERVICES.len(), target.display()))
}

/// The model of the newest version of a service's API.
fn newest(directory: &Path) -> Result<PathBuf, String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(told)? {
        let version = entry.map_err(told)?.path();
        let models = ["service-2.json.gz", "service-2.json"].map(|name| version.join(name));
        found.extend(models.into_iter().find(|path| path.is_file()));
    }
    found.into_iter().max().ok_or_else(|| format!("{}: there is no service-2.json", directory.display()))
}

/// A service's name in `aws-sdk:` resources and its facts; `None` when the value is no service model.
fn reduce(model: &Value, kept: &[&str]) -> Option<(String, Value)> {
    let id: String = model.pointer("/metadata/serviceId")?.as_str()?.to_lowercase();
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut reach = Reach { shapes: model.get("shapes")?.as_object()?, found: Map::new() };
    let mut operations = Map::new();
    for (name, operation) in model.get("operations")?.as_object()? {
        if !kept.is_empty() && !kept.contains(&name.as_str()) {
            continue;
        }
        let output = match operation.pointer("/output/shape").and_then(Value::as_str) {
            Some(output) => reach.follow(output)?,
            None => Value::Null,
        };
        operations.insert(recased(name, char::to_ascii_lowercase), output);
    }
    for (_, shape, limit, value) in RECORDED.iter().filter(|(service, ..)| *service == id) {
        if let Some(Value::Object(kept)) = reach.found.get_mut(*shape) {
            kept.insert((*limit).to_owned(), Value::from(*value));
        }
    }
    Some((id, json!({ "operations": operations, "shapes": reach.found })))
}

/// The name with its first letter in another case.
fn recased(name: &str, case: fn(&char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| case(&first)).into_iter().chain(letters).collect()
}

/// The shapes that outputs lead to.
struct Reach<'m> {
    shapes: &'m Map<String, Value>,
    found: Map<String, Value>,
}

impl Reach<'_> {
    /// The name by which a shape is referred to: a plain type, or a shape of its own that is kept.
    fn follow(&mut self, name: &str) -> Option<Value> {
        let shape = self.shapes.get(name)?;
        let has_constraint = ["min", "max", "enum"].iter().any(|name| shape.get(name).is_some());
        let plain = match shape.get("type")?.as_str()? {
            _ if shape.get("document").is_some() => Some("any"),
            "boolean" => Some("boolean"),
            "timestamp" => Some("string"),
            "string" | "blob" | "character" => Some("string").filter(|_| !has_constraint),
            "integer" | "long" | "float" | "double" => Some("number").filter(|_| !has_constraint),
            _ => None,
        };
        if let Some(plain) = plain {
            return Some(Value::from(plain));
        }
        if !self.found.contains_key(name) {
            self.found.insert(name.to_owned(), Value::Null); // a shape may lead to itself
            let kept = self.keep(shape)?;
            self.found.insert(name.to_owned(), kept);
        }
        Some(Value::from(name))
    }

    fn keep(&mut self, shape: &Value) -> Option<Value> {
        let mut kept = Map::new();
        let capital = |name: &str| recased(name, char::to_ascii_uppercase);
        match shape.get("type")?.as_str()? {
            "structure" => {
                let mut members = Map::new();
                for (name, member) in shape.get("members")?.as_object()? {
                    members.insert(capital(name), self.follow(member.get("shape")?.as_str()?)?);
                }
                kept.insert("members".to_owned(), Value::Object(members));
                let required = shape.get("required").and_then(Value::as_array);
                let required: Vec<String> =
                    required.into_iter().flatten().filter_map(Value::as_str).map(capital).collect();
                if !required.is_empty() {
                    kept.insert("required".to_owned(), Value::from(required));
                }
            }
            "list" => {
                kept.insert("items".to_owned(), self.follow(shape.pointer("/member/shape")?.as_str()?)?);
            }
            "map" => {
                kept.insert("values".to_owned(), self.follow(shape.pointer("/value/shape")?.as_str()?)?);
            }
            simple => {
                let is_text = matches!(simple, "string" | "blob" | "character");
                kept.insert("type".to_owned(), Value::from(if is_text { "string" } else { "number" }));
                for name in ["min", "max", "enum"] {
                    kept.extend(shape.get(name).map(|value| (name.to_owned(), value.clone())));
                }
            }
        }
        Some(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::reduce;
    use serde_json::json;

    #[test]
    fn outputs_and_what_they_reach() {
        let model = json!({
            "metadata": {"serviceId": "Elastic Thing v2"},
            "operations": {
                "GetThing": {"input": {"shape": "Input"}, "output": {"shape": "Thing"}},
                "Forget": {},
                "Other": {"output": {"shape": "Missing"}}},
            "shapes": {
                "Input": {"type": "structure", "members": {}},
                "Thing": {"type": "structure", "required": ["id"], "members": {
                    "id": {"shape": "Id"}, "size": {"shape": "Size"}, "parts": {"shape": "Things"},
                    "free": {"shape": "Free"}}},
                "Id": {"type": "string", "pattern": ".*"},
                "Size": {"type": "integer", "min": 1},
                "Things": {"type": "list", "member": {"shape": "Thing"}},
                "Free": {"type": "structure", "members": {}, "document": true}}
        });
        let expected = json!({
            "operations": {"getThing": "Thing", "forget": null},
            "shapes": {
                "Thing": {"members": {"Id": "string", "Size": "Size", "Parts": "Things", "Free": "any"}, "required": ["Id"]},
                "Size": {"type": "number", "min": 1},
                "Things": {"items": "Thing"}}
        });
        assert_eq!(reduce(&model, &["GetThing", "Forget"]), Some(("elasticthingv2".to_owned(), expected)));
    }
}
