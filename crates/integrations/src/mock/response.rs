//! From a mocked reply to what AWS's history shows.
//!
//! A `Return` is the service's response. What AWS's SDK adds to every response of a service (`SdkHttpMetadata`,
//! `SdkResponseMetadata`, Lambda's `ExecutedVersion`) is added when the mock leaves it out, in the form recorded for that
//! service; Step Functions Local adds nothing, which [`super::Mock`] can be told, too. Nobody was called, so that ids,
//! lengths and dates are made up.

use stepwell_asl::definition::{Pattern, Target};
use stepwell_engine::Call;
use stepwell_value::{Map, Payload, Value};

use super::config::Reply;
use crate::ids::{http_date, now_ms, request_id, trace_id};
use crate::sdk;

/// Service, action and pattern of a call; a bare function counts as `lambda:function`.
pub(super) struct Called<'a> {
    pub service: &'a str,
    pub action: &'a str,
    pub pattern: Pattern,
}

impl<'a> Called<'a> {
    pub fn of(target: &'a Target) -> Called<'a> {
        match target {
            Target::LambdaFunction => {
                Called { service: "lambda", action: "function", pattern: Pattern::RequestResponse }
            }
            Target::Activity => Called { service: "activity", action: "", pattern: Pattern::RequestResponse },
            Target::Integration { service, action, pattern, .. } => Called { service, action, pattern: *pattern },
        }
    }
}

/// The output of a task whose attempt is answered with this `Return`.
pub(super) fn output(called: &Called<'_>, returned: &Value, adds_metadata: bool) -> Payload {
    let value = match (called.service, called.action, called.pattern) {
        // The function's answer, without what Invoke says besides (recorded: test_lambda_invoke).
        ("lambda", "function", _) => returned.get("Payload").unwrap_or(returned).clone(),
        (_, _, Pattern::RequestResponse) if adds_metadata => completed(called, returned),
        // The job's result and the callback's output are no responses of the service's API.
        _ => returned.clone(),
    };
    Payload::from_value(value)
}

/// The output of TaskSubmitted: what the service would have answered to the call that only begins the work.
pub(super) fn submitted(called: &Called<'_>, call: &Call, reply: &Reply, adds_metadata: bool) -> Payload {
    let parameters = call.request.parameters.value();
    let returned = match reply {
        Reply::Return(value @ Value::Object(_)) => value.clone(),
        _ => Value::empty_object(),
    };
    let id = || Value::from(request_id());
    let response = match (called.service, called.action) {
        ("sqs", "sendMessage") => {
            let digest = request_id().replace('-', ""); // has the form of one
            Value::object([("MD5OfMessageBody", Value::from(digest)), ("MessageId", id())])
        }
        ("sns", "publish") => Value::object([("MessageId", id())]),
        ("lambda", "invoke") => Value::object([("Payload", Value::Null), ("StatusCode", Value::from(200))]),
        ("events", "putEvents") => {
            let count = parameters.get("Entries").and_then(Value::as_array).map_or(1, |entries| entries.len());
            let entries = (0..count).map(|_| Value::object([("EventId", id())]));
            Value::object([("Entries", Value::array(entries)), ("FailedEntryCount", Value::from(0))])
        }
        ("states", "startExecution") => started(parameters, &returned),
        _ if called.pattern == Pattern::WaitForTaskToken => Value::empty_object(),
        _ => returned,
    };
    Payload::from_value(if adds_metadata { completed(called, &response) } else { response })
}

/// The answer of StartExecution: the execution that the mock tells of, or one with the name that was asked for.
fn started(parameters: &Value, returned: &Value) -> Value {
    let arn = returned.get("ExecutionArn").cloned().unwrap_or_else(|| {
        let machine = parameters.get("StateMachineArn").and_then(Value::as_str).unwrap_or_default();
        let name = parameters.get("Name").and_then(Value::as_str).map_or_else(request_id, str::to_owned);
        Value::from(format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1)))
    });
    let date = returned.get("StartDate").cloned().unwrap_or_else(|| Value::from(now_ms()));
    Value::object([("ExecutionArn", arn), ("StartDate", date)])
}

/// A response with what the SDK adds, members in AWS's order (by name). One that has the SDK's members, is no object, or
/// is of a service whose form was not recorded, stays as it is.
fn completed(called: &Called<'_>, response: &Value) -> Value {
    let Value::Object(members) = response else { return response.clone() };
    if members.get("SdkHttpMetadata").is_some() {
        return response.clone();
    }
    let id = request_id();
    let Some(headers) = headers(called, members, response, &id) else { return response.clone() };
    let mut all: Vec<(String, Value)> = members.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    let mut add = |name: &str, value: Value| {
        if members.get(name).is_none() {
            all.push((name.to_owned(), value));
        }
    };
    if called.service == "lambda" {
        add("ExecutedVersion", Value::from("$LATEST"));
        add("StatusCode", Value::from(200));
    }
    for (name, value) in sdk::metadata(200, &id, &headers) {
        add(name, value);
    }
    all.sort_by(|(one, _), (two, _)| one.cmp(two));
    Value::object(all)
}

/// The headers of a response as AWS sends them; none for a service whose headers were not recorded.
fn headers(called: &Called<'_>, members: &Map, response: &Value, id: &str) -> Option<Vec<(String, String)>> {
    let (id, date) = (id.to_owned(), http_date());
    let json_1_0 = || "application/x-amz-json-1.0".to_owned();
    let length = |text: &str| text.len().to_string();
    let headers = match (called.service, called.action) {
        ("lambda", "invoke") => {
            let payload = members.get("Payload").map(as_python_writes).unwrap_or_default();
            vec![
                ("X-Amz-Executed-Version", "$LATEST".to_owned()),
                ("x-amzn-Remapped-Content-Length", "0".to_owned()),
                ("Connection", "keep-alive".to_owned()),
                ("x-amzn-RequestId", id),
                ("Content-Length", length(&payload)),
                ("Date", date),
                ("X-Amzn-Trace-Id", trace_id()),
                ("Content-Type", "application/json".to_owned()),
            ]
        }
        ("dynamodb", _) => {
            let text = response.to_json();
            vec![
                ("Server", "Server".to_owned()),
                ("Connection", "keep-alive".to_owned()),
                ("x-amzn-RequestId", id),
                ("x-amz-crc32", crc32(text.as_bytes()).to_string()),
                ("Content-Length", length(&text)),
                ("Date", date),
                ("Content-Type", json_1_0()),
            ]
        }
        ("sqs", "sendMessage") => plain(id, &response.to_json(), date, json_1_0()),
        ("states", "startExecution") => plain(id, &sdk::camel_members(response).to_json(), date, json_1_0()),
        ("sns", "publish") => {
            let text = publish_response(members.get("MessageId").and_then(Value::as_str).unwrap_or_default(), &id);
            plain(id, &text, date, "text/xml".to_owned())
        }
        ("events", "putEvents") => {
            let mut headers = plain(id, &response.to_json(), date, "application/x-amz-json-1.1".to_owned());
            headers.retain(|(name, _)| *name != "connection");
            headers
        }
        _ => return None,
    };
    Some(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn plain(id: String, text: &str, date: String, content_type: String) -> Vec<(&'static str, String)> {
    vec![
        ("x-amzn-RequestId", id),
        ("connection", "keep-alive".to_owned()),
        ("Content-Length", text.len().to_string()),
        ("Date", date),
        ("Content-Type", content_type),
    ]
}

/// The body of SNS's answer.
fn publish_response(message_id: &str, request_id: &str) -> String {
    format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <PublishResult>\n    <MessageId>{message_id}</MessageId>\n  </PublishResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</PublishResponse>\n"
    )
}

/// JSON as a function in Python writes its answer: with blanks (recorded: test_lambda_service_invoke).
fn as_python_writes(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                format!("{}: {}", Value::from(std::sync::Arc::clone(key)).to_json(), as_python_writes(value))
            });
            format!("{{{}}}", members.collect::<Vec<String>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(as_python_writes).collect::<Vec<String>>().join(", "))
        }
        scalar => scalar.to_json(),
    }
}

/// CRC-32 (IEEE), bit by bit: bodies are short.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _: u8| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use stepwell_asl::definition::Pattern;
    use stepwell_value::Value;

    use super::{Called, as_python_writes, crc32, output};

    #[track_caller]
    fn check(service: &str, action: &str, returned: &str, expected: &str) {
        let called = Called { service, action, pattern: Pattern::RequestResponse };
        let returned = Value::parse(returned).unwrap();
        let output = output(&called, &returned, true);
        let value = output.value();
        let members = value.as_object().unwrap();
        let names: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        let headers = value.get("SdkHttpMetadata").and_then(|meta| meta.get("HttpHeaders")).cloned();
        let header = |name: &str| headers.as_ref().and_then(|all| all.get(name)?.as_str().map(str::to_owned));
        let shown = format!(
            "{} {} {}",
            names.join(","),
            header("Content-Length").unwrap_or_default(),
            header("Content-Type").unwrap_or_default()
        );
        assert_eq!(shown.trim(), expected, "{service}:{action}");
    }

    #[test]
    fn what_the_sdk_adds() {
        let lambda = "ExecutedVersion,Payload,SdkHttpMetadata,SdkResponseMetadata,StatusCode 21 application/json";
        check("lambda", "invoke", r#"{"StatusCode":200,"Payload":{"status":"running"}}"#, lambda);
        let dynamodb = "Item,SdkHttpMetadata,SdkResponseMetadata 57 application/x-amz-json-1.0";
        check("dynamodb", "getItem", r#"{"Item":{"data":{"S":"string-literal"},"id":{"S":"id1"}}}"#, dynamodb);
        let id = "3bcb6e8e-8b51-4375-b0bc-1a59812c6e51";
        let sns = "MessageId,SdkHttpMetadata,SdkResponseMetadata 294 text/xml";
        check("sns", "publish", &format!(r#"{{"MessageId":"{id}"}}"#), sns);
        let sqs = "MD5OfMessageBody,MessageId,SdkHttpMetadata,SdkResponseMetadata 106 application/x-amz-json-1.0";
        let digest = "0".repeat(32);
        check("sqs", "sendMessage", &format!(r#"{{"MD5OfMessageBody":"{digest}","MessageId":"{id}"}}"#), sqs);
    }

    #[test]
    fn what_stays_as_it_is() {
        check("lambda", "function", r#"{"StatusCode":200,"Payload":{"a":1}}"#, "a");
        check("lambda", "function", r#"{"a":1}"#, "a");
        check("aws-sdk:s3", "getObject", r#"{"Body":"b"}"#, "Body");
        check("dynamodb", "getItem", r#"{"SdkHttpMetadata":{},"Item":{}}"#, "SdkHttpMetadata,Item");
        let called = Called { service: "sqs", action: "sendMessage", pattern: Pattern::WaitForTaskToken };
        assert_eq!(&**output(&called, &Value::from("text"), true).text(), "\"text\"");
        let called = Called { service: "sqs", action: "sendMessage", pattern: Pattern::RequestResponse };
        assert_eq!(&**output(&called, &Value::empty_object(), false).text(), "{}");
    }

    #[test]
    fn spelling_and_checksum() {
        assert_eq!(as_python_writes(&Value::parse(r#"{"a":[1,"x"],"b":{}}"#).unwrap()), r#"{"a": [1, "x"], "b": {}}"#);
        assert_eq!(crc32(b"{}"), 2_745_614_147);
    }
}
