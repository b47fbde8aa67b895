//! Requests that nobody would send: whatever comes in, the server answers as AWS would, with no 5xx, no panic and no hang.
//!
//! Each round is a fresh server and a row of requests that follow from the round's number. A failure names the round and
//! shows the request. `STEPWELL_FUZZ_SECONDS=600 cargo nextest run -p stepwell-api --test fuzz --no-capture` goes on for so
//! long (nextest's own limit has to allow it: `cargo test -p stepwell-api --test fuzz` has none); `STEPWELL_FUZZ_FROM=17`
//! begins with another round.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::Server;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use stepwell_api::{Access, Api, Config, http};
use stepwell_model::Operation;
use stepwell_value::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Rounds that every run makes.
const ROUNDS: u64 = 10;
/// Requests of a round.
const REQUESTS: usize = 700;
/// How long an answer may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an operation is waited for that may take as long as its task.
const LONG_POLL: Duration = Duration::from_millis(40);

/// Operations that wait for something: a worker's task, the end of an execution.
const MAY_WAIT: &[&str] = &["GetActivityTask", "StartSyncExecution"];

/// Requests that are right, by operation; what is not here begins with an empty object. `M`, `E`, `X`, `A`, `V`, `L` stand
/// for ARNs of a machine, an Express machine, an execution, an activity, a version and an alias; `D` for a definition.
const SEEDS: &[(&str, &str)] = &[
    (
        "CreateActivity",
        r#"{"name":"b","tags":[{"key":"k","value":"v"}],"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}"#,
    ),
    (
        "CreateStateMachine",
        r#"{"name":"n","definition":"D","roleArn":"R","type":"STANDARD","publish":true,"versionDescription":"d","tags":[{"key":"k","value":"v"}],"loggingConfiguration":{"level":"OFF","includeExecutionData":true},"tracingConfiguration":{"enabled":false}}"#,
    ),
    (
        "CreateStateMachineAlias",
        r#"{"name":"z","description":"d","routingConfiguration":[{"stateMachineVersionArn":"V","weight":100}]}"#,
    ),
    ("DeleteActivity", r#"{"activityArn":"A"}"#),
    ("DeleteStateMachineAlias", r#"{"stateMachineAliasArn":"L"}"#),
    ("DeleteStateMachineVersion", r#"{"stateMachineVersionArn":"V"}"#),
    ("DescribeActivity", r#"{"activityArn":"A"}"#),
    ("DescribeExecution", r#"{"executionArn":"X","includedData":"METADATA_ONLY"}"#),
    ("DescribeMapRun", r#"{"mapRunArn":"P"}"#),
    ("DescribeStateMachine", r#"{"stateMachineArn":"M","includedData":"ALL_DATA"}"#),
    ("DescribeStateMachineAlias", r#"{"stateMachineAliasArn":"L"}"#),
    ("DescribeStateMachineForExecution", r#"{"executionArn":"X"}"#),
    ("DescribeLineage", r#"{"executionArn":"X"}"#),
    ("ForkExecution", r#"{"executionArn":"X","eventId":2,"input":"{}","definition":"D","name":"f"}"#),
    ("GetActivityTask", r#"{"activityArn":"A","workerName":"w"}"#),
    (
        "GetExecutionHistory",
        r#"{"executionArn":"X","maxResults":2,"reverseOrder":true,"includeExecutionData":false,"nextToken":"t"}"#,
    ),
    ("ListActivities", r#"{"maxResults":1}"#),
    (
        "ListExecutions",
        r#"{"stateMachineArn":"M","statusFilter":"RUNNING","maxResults":1,"redriveFilter":"NOT_REDRIVEN"}"#,
    ),
    ("ListMapRuns", r#"{"executionArn":"X","maxResults":1}"#),
    ("ListStateMachineAliases", r#"{"stateMachineArn":"M","maxResults":1}"#),
    ("ListStateMachineVersions", r#"{"stateMachineArn":"M","maxResults":1}"#),
    ("ListStateMachines", r#"{"maxResults":1}"#),
    ("ListTagsForResource", r#"{"resourceArn":"M"}"#),
    ("PublishStateMachineVersion", r#"{"stateMachineArn":"M","description":"d","revisionId":"INITIAL"}"#),
    ("RedriveExecution", r#"{"executionArn":"X","clientToken":"t"}"#),
    ("SendTaskFailure", r#"{"taskToken":"T","error":"e","cause":"c"}"#),
    ("SendTaskHeartbeat", r#"{"taskToken":"T"}"#),
    ("SendTaskSuccess", r#"{"taskToken":"T","output":"{\"a\":1}"}"#),
    ("StartExecution", r#"{"stateMachineArn":"M","name":"x","input":"{\"a\":[1,{}]}","traceHeader":"t"}"#),
    ("StartSyncExecution", r#"{"stateMachineArn":"E","name":"x","input":"{}","includedData":"ALL_DATA"}"#),
    ("StopExecution", r#"{"executionArn":"X","error":"e","cause":"c"}"#),
    ("TagResource", r#"{"resourceArn":"M","tags":[{"key":"a","value":"b"}]}"#),
    (
        "TestState",
        r#"{"definition":"{\"Type\":\"Pass\",\"End\":true}","roleArn":"R","input":"{\"a\":1}","inspectionLevel":"TRACE","revealSecrets":false}"#,
    ),
    ("UntagResource", r#"{"resourceArn":"M","tagKeys":["a"]}"#),
    (
        "UpdateMapRun",
        r#"{"mapRunArn":"P","maxConcurrency":2,"toleratedFailurePercentage":50.5,"toleratedFailureCount":3}"#,
    ),
    (
        "UpdateStateMachine",
        r#"{"stateMachineArn":"M","definition":"D","roleArn":"R","publish":true,"versionDescription":"d"}"#,
    ),
    (
        "UpdateStateMachineAlias",
        r#"{"stateMachineAliasArn":"L","description":"d","routingConfiguration":[{"stateMachineVersionArn":"V","weight":100}]}"#,
    ),
    ("ValidateStateMachineDefinition", r#"{"definition":"D","type":"EXPRESS","severity":"WARNING","maxResults":5}"#),
];

const HEAD: &str = "arn:aws:states:us-east-1:123456789012";
const DEFINITION: &str = r#"{"StartAt":"A","TimeoutSeconds":60,"States":{"A":{"Type":"Pass","Parameters":{"x.$":"$.a"},"ResultPath":"$.b","Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.a","NumericEquals":1,"Next":"M"}],"Default":"W"},"W":{"Type":"Wait","Seconds":1,"Next":"M"},"M":{"Type":"Map","ItemsPath":"$.l","MaxConcurrency":2,"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"Catch":[{"ErrorEquals":["States.ALL"],"Next":"T"}],"Next":"T"},"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"End":true}}}"#;

/// Texts that go where a text, a number or anything else is expected.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{7f}",
    "ü",
    "😀",
    "null",
    "a/b",
    "a:b",
    "*",
    "$",
    "$$",
    "{%",
    "{% $a %}",
    "{}",
    "[",
    "\"",
    "[[",
    "..",
    "arn",
    "arn:",
    "arn:aws:states",
    "arn:aws:states:::",
    "arn:aws:states:us-east-1:123456789012:stateMachine:",
    "arn:aws:states:us-east-1:123456789012:stateMachine:m:99999999999999999999",
    "arn:aws:states:us-east-1:123456789012:stateMachine:m:0",
    "arn:aws:states:us-east-1:123456789012:stateMachine:m/label",
    "arn:aws:states:us-east-1:123456789012:execution:m",
    "arn:aws:states:us-east-1:123456789012:execution:m:x:y:z",
    "arn:aws:states:us-east-1:123456789012:express:e:x:y",
    "arn:aws:states:us-east-1:123456789012:mapRun:m/l:u",
    "arn:aws:states::123456789012:activity:a",
    "arn:é:states:us-east-1:1:activity:a",
    "AAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "-1",
    "1e999",
    "0x10",
    "true",
    "%00",
    "\\ud800",
];

/// JSON that is written as it stands.
const RAW: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1",
    "1001",
    "99999999999999999999999999",
    "-99999999999999999999",
    "1e400",
    "-0",
    "0.5",
    "[]",
    "{}",
    "[[]]",
    "{\"\":null}",
    "[null]",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[1,2,3]",
    "{\"key\":\"k\"}",
    "1E2",
    "2147483648",
    "9223372036854775808",
];

/// Pseudo-random numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What requests are about: set up anew for each round.
struct World {
    api: Arc<Api>,
    /// What stands for what in the seeds.
    names: Vec<(&'static str, String)>,
    /// Tokens that answers have given: they are sent back, changed and unchanged.
    tokens: Vec<String>,
}

/// One request, ready to be shown.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    uri: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let mut builder = Request::builder().method(self.method.clone()).uri(&self.uri);
        for (name, value) in &self.headers {
            builder = builder.header(name, hyper::header::HeaderValue::from_bytes(value).ok()?);
        }
        builder.body(Full::new(Bytes::from(self.body.clone()))).ok()
    }

    fn shown(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)));
        let body: String = String::from_utf8_lossy(&self.body).chars().take(3000).collect();
        format!("{} {}\n{}\n{body}\n({} bytes)", self.method, self.uri, headers.collect::<String>(), self.body.len())
    }
}

impl World {
    async fn new(server: &Server) -> World {
        let api = Arc::new(Api::new(server.handle.clone(), Config::default()));
        let mut world = World { api, names: Vec::new(), tokens: vec!["x".to_owned()] };
        let quoted = Value::from(DEFINITION).to_json();
        let pass = Value::from(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#).to_json();
        let waits = Value::from(r#"{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"t.$":"$$.Task.Token"},"End":true}}}"#).to_json();
        for (operation, body) in [
            ("CreateActivity", r#"{"name":"a"}"#.to_owned()),
            (
                "CreateStateMachine",
                format!(r#"{{"name":"m","definition":{quoted},"roleArn":"arn:aws:iam::1:role/r","publish":true}}"#),
            ),
            (
                "CreateStateMachine",
                format!(r#"{{"name":"e","definition":{pass},"roleArn":"arn:aws:iam::1:role/r","type":"EXPRESS"}}"#),
            ),
            ("CreateStateMachine", format!(r#"{{"name":"w","definition":{waits},"roleArn":"arn:aws:iam::1:role/r"}}"#)),
            (
                "CreateStateMachineAlias",
                format!(
                    r#"{{"name":"l","routingConfiguration":[{{"stateMachineVersionArn":"{HEAD}:stateMachine:m:1","weight":100}}]}}"#
                ),
            ),
            ("StartExecution", format!(r#"{{"stateMachineArn":"{HEAD}:stateMachine:w","name":"x"}}"#)),
        ] {
            let answer = world.perform(&call(operation, body.into_bytes())).await;
            assert_eq!(answer.unwrap().0, 200, "{operation}");
        }
        let arn = |rest: &str| format!("{HEAD}:{rest}");
        world.names = vec![
            ("M", arn("stateMachine:m")),
            ("E", arn("stateMachine:e")),
            ("X", arn("execution:w:x")),
            ("A", arn("activity:a")),
            ("V", arn("stateMachine:m:1")),
            ("L", arn("stateMachine:m:l")),
            ("P", arn("mapRun:m/label:5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01")),
            ("R", "arn:aws:iam::123456789012:role/r".to_owned()),
            ("D", DEFINITION.to_owned()),
            ("T", "token".to_owned()),
        ];
        world
    }

    /// The answer: status and body; `None` for a request that HTTP itself does not allow.
    async fn perform(&self, sent: &Sent) -> Option<(u16, Vec<u8>)> {
        let (parts, body) = http::answer(&self.api, sent.request()?).await.into_parts();
        Some((parts.status.as_u16(), body.collect().await.unwrap().to_bytes().to_vec()))
    }

    /// A right request for an operation, with the names filled in.
    fn seed(&self, operation: &str) -> Value {
        let seed = SEEDS.iter().find(|(name, _)| *name == operation).map_or("{}", |(_, seed)| seed);
        self.filled(&Value::parse(seed).unwrap())
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let named = self.names.iter().find(|(name, _)| *name == &**text);
                named.map_or_else(|| value.clone(), |(_, full)| Value::from(full.as_str()))
            }
            Value::Array(items) => Value::array(items.iter().map(|item| self.filled(item))),
            Value::Object(members) => {
                Value::object(members.iter().map(|(key, inner)| (Arc::clone(key), self.filled(inner))))
            }
            _ => value.clone(),
        }
    }
}

/// A call of the API.
fn call(operation: &str, body: Vec<u8>) -> Sent {
    let headers =
        [("host", "localhost"), ("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target(operation))];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Sent { method: Method::POST, uri: "/".to_owned(), headers: headers.into(), body }
}

/// Writes a value with some of its parts replaced, left out, doubled or moved.
fn mutated(value: &Value, world: &World, dice: &mut Dice, out: &mut String) {
    if dice.one_in(14) {
        return strange(world, dice, out);
    }
    match value {
        Value::Object(members) => {
            out.push('{');
            let mut first = true;
            for (key, inner) in members.iter() {
                let copies = if dice.one_in(25) { dice.below(3) } else { 1 };
                for _ in 0..copies {
                    out.push_str(if first { "" } else { "," });
                    first = false;
                    let key = if dice.one_in(40) { dice.pick(TEXTS) } else { key };
                    out.push_str(&Value::from(key).to_json());
                    out.push(':');
                    mutated(inner, world, dice, out);
                }
            }
            if dice.one_in(12) {
                out.push_str(if first { "" } else { "," });
                out.push_str(&Value::from(any_member(dice)).to_json());
                out.push(':');
                strange(world, dice, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            let copies = if dice.one_in(20) { dice.below(120) } else { 1 };
            let repeated = items.iter().cycle().take(items.len() * copies);
            for (index, item) in repeated.enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                mutated(item, world, dice, out);
            }
            out.push(']');
        }
        // A text that holds JSON is changed inside, too.
        Value::String(text) if text.starts_with('{') && dice.one_in(2) => {
            let mut inner = String::new();
            match Value::parse(text) {
                Ok(parsed) => mutated(&parsed, world, dice, &mut inner),
                Err(_) => inner.push_str(text),
            }
            out.push_str(&Value::from(inner.as_str()).to_json());
        }
        _ => out.push_str(&value.to_json()),
    }
}

/// `AWSStepFunctions.StartExecution`, `Stepwell.ForkExecution`
fn target(operation: &str) -> String {
    let own = Operation::find_own(operation).is_some();
    format!("{}.{operation}", if own { "Stepwell" } else { "AWSStepFunctions" })
}

fn any_member(dice: &mut Dice) -> &'static str {
    let members: Vec<&'static str> =
        Operation::all().chain(Operation::all_own()).flat_map(Operation::input_members).collect();
    dice.pick(&members)
}

/// Something that does not belong there.
fn strange(world: &World, dice: &mut Dice, out: &mut String) {
    match dice.below(9) {
        0 | 1 => out.push_str(dice.pick(RAW)),
        2 | 3 => out.push_str(&Value::from(dice.pick(TEXTS)).to_json()),
        4 => {
            let names: Vec<&str> = world.names.iter().map(|(_, name)| name.as_str()).collect();
            out.push_str(&Value::from(dice.pick(&names)).to_json());
        }
        5 => {
            let token = world.tokens[dice.below(world.tokens.len())].clone();
            let cut = dice.below(token.len() + 1);
            let token = if dice.one_in(2) { &token } else { token.get(..cut).unwrap_or("") };
            out.push_str(&Value::from(token).to_json());
        }
        6 => {
            let length = [80, 81, 127, 1025, 3097, 32_769, 262_145][dice.below(7)];
            out.push_str(&Value::from("x".repeat(length).as_str()).to_json());
        }
        7 => {
            let depth = [3, 30, 300, 3000][dice.below(4)];
            let (open, close) = dice.pick(&[("[", "]"), ("{\"a\":", "}")]);
            out.push_str(&format!("{}1{}", open.repeat(depth), close.repeat(depth)));
        }
        _ => {
            let arn = dice.pick(TEXTS);
            out.push_str(
                &Value::from(
                    format!(
                        "{HEAD}:{}:{arn}",
                        dice.pick(&["stateMachine", "execution", "activity", "mapRun", "express", "x"])
                    )
                    .as_str(),
                )
                .to_json(),
            );
        }
    }
}

/// Changes bytes of a text that was JSON.
fn damaged(body: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let at = dice.below(body.len() + 1);
        match dice.below(5) {
            0 => body.truncate(at),
            1 => body.insert(at, dice.roll() as u8),
            2 if at < body.len() => body[at] ^= 1 << dice.below(8),
            3 => drop(body.splice(at..at, dice.pick(&["\u{feff}", "\0", "//", ",", "}", "]", "NaN", "\\u12"]).bytes())),
            _ => {
                let from = dice.below(at + 1);
                let part = body.get(from..at).unwrap_or_default().to_vec();
                drop(body.splice(from..from, part));
            }
        }
    }
}

fn headers(sent: &mut Sent, dice: &mut Dice) {
    match dice.below(12) {
        0 => set(
            sent,
            "content-type",
            dice.pick(&[
                "",
                "text/plain",
                "application/json",
                "application/x-amz-json-1.1",
                "application/cbor",
                "multipart/form-data; boundary=x",
                "application/x-www-form-urlencoded",
            ]),
        ),
        1 => set(
            sent,
            "x-amz-target",
            dice.pick(&[
                "",
                ".",
                "AWSStepFunctions",
                "AWSStepFunctions.",
                "AWSStepFunctions.Nothing",
                "DynamoDB_20120810.ListTables",
                "AWSStepFunctions.liststatemachines",
                "AWSStepFunctions.ListActivities.x",
                "ü",
            ]),
        ),
        2 => sent.headers.retain(|(name, _)| name != "content-type"),
        3 => sent.headers.retain(|(name, _)| name != "x-amz-target"),
        4 => {
            sent.method = dice
                .pick(&[&Method::GET, &Method::PUT, &Method::DELETE, &Method::HEAD, &Method::OPTIONS, &Method::PATCH])
                .clone()
        }
        5 => {
            sent.uri = dice
                .pick(&["/x/y", "/?Action=ListRoles", "/health", "*", "http://a.b/c", "/%ff%00", "/?%", "/?Action=%ff"])
                .to_owned()
        }
        6 | 7 => set(
            sent,
            "authorization",
            dice.pick(&[
                "",
                "x",
                "AWS4-HMAC-SHA256",
                "AWS4-HMAC-SHA256 Credential=a/b/c/states/aws4_request, SignedHeaders=host, Signature=0",
                "AWS4-HMAC-SHA256 Credential=000000000000/20261120//sts/aws4_request, SignedHeaders=host, Signature=0",
                "AWS4-HMAC-SHA256 Credential=a/20261120/\u{e9}/iam/aws4_request, SignedHeaders=;;, Signature=",
                "Basic eDp5",
            ]),
        ),
        8 => set(sent, "origin", dice.pick(&["null", "http://localhost", "https://example.com", "://"])),
        9 => set(sent, "content-encoding", dice.pick(&["gzip", "deflate", "x"])),
        10 => set(sent, "x-amz-date", dice.pick(&["", "x", "20261120T000000Z", "99999999T999999Z"])),
        _ => set(sent, "x-amz-security-token", dice.pick(&["", "x", "AQAAAAAA"])),
    }
}

fn set(sent: &mut Sent, name: &str, value: &str) {
    sent.headers.retain(|(known, _)| known != name);
    sent.headers.push((name.to_owned(), value.as_bytes().to_vec()));
}

/// A request of the query protocol.
fn query(world: &World, dice: &mut Dice) -> Sent {
    const ACTIONS: &[&str] = &[
        "GetCallerIdentity",
        "AssumeRole",
        "CreateRole",
        "GetRole",
        "ListRoles",
        "UpdateRole",
        "UpdateAssumeRolePolicy",
        "DeleteRole",
        "TagRole",
        "UntagRole",
        "ListRoleTags",
        "PutRolePolicy",
        "GetRolePolicy",
        "ListRolePolicies",
        "DeleteRolePolicy",
        "AttachRolePolicy",
        "DetachRolePolicy",
        "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole",
        "RunInstances",
        "",
    ];
    const PARAMETERS: &[(&str, &str)] = &[
        ("RoleName", "r"),
        ("PolicyName", "p"),
        ("PolicyDocument", "%7B%22Statement%22%3A%5B%5D%7D"),
        ("Version", "2010-05-08"),
        ("AssumeRolePolicyDocument", "%7B%22Statement%22%3A%5B%5D%7D"),
        ("PolicyArn", "arn:aws:iam::aws:policy/P"),
        ("Path", "/"),
        ("RoleArn", "arn:aws:iam::123456789012:role/r"),
        ("RoleSessionName", "session"),
        ("DurationSeconds", "900"),
        ("MaxItems", "1"),
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "v"),
        ("TagKeys.member.1", "k"),
        ("Marker", "q"),
        ("MaxSessionDuration", "3600"),
    ];
    let mut body = format!("Action={}", dice.pick(ACTIONS));
    for (name, value) in PARAMETERS {
        if dice.one_in(4) {
            continue;
        }
        let mut text = String::new();
        strange(world, dice, &mut text);
        let value = if dice.one_in(6) { text.trim_matches('"') } else { value };
        body.push_str(&format!("&{name}={value}"));
    }
    let mut sent = call("", body.into_bytes());
    sent.headers.retain(|(name, _)| name != "x-amz-target");
    set(&mut sent, "content-type", "application/x-www-form-urlencoded; charset=utf-8");
    if dice.one_in(8) {
        damaged(&mut sent.body, dice);
    }
    sent
}

/// The next request, and the operation it was made from.
fn next(world: &World, dice: &mut Dice) -> (&'static str, Sent) {
    if dice.one_in(12) {
        let mut sent = query(world, dice);
        if dice.one_in(4) {
            headers(&mut sent, dice);
        }
        return ("", sent);
    }
    let operations: Vec<&'static Operation> = Operation::all().chain(Operation::all_own()).collect();
    let operation: &'static str = dice.pick(&operations).name();
    let mut body = String::new();
    let seed = world.seed(if dice.one_in(15) { dice.pick(&operations).name() } else { operation });
    mutated(&seed, world, dice, &mut body);
    let mut sent = call(operation, body.into_bytes());
    match dice.below(20) {
        0 | 1 => damaged(&mut sent.body, dice),
        2 => sent.body = dice.pick(&["", " ", "null", "[]", "1", "\"x\"", "{", "{}{}", "{\"a\":}"]).as_bytes().to_vec(),
        3 => sent.body = (0..dice.below(200)).map(|_| dice.roll() as u8).collect(),
        4 if dice.one_in(10) => sent.body = "[".repeat(200_000).into_bytes(),
        4 if dice.one_in(10) => sent.body = vec![b' '; 4 * 1_048_576],
        _ => {}
    }
    if dice.one_in(6) {
        headers(&mut sent, dice);
    }
    (operation, sent)
}

/// What is wrong with an answer; `None` when it is as AWS's could be.
fn fault(sent: &Sent, status: u16, body: &[u8]) -> Option<String> {
    if status >= 500 {
        return Some("a fault of the server".to_owned());
    }
    let Ok(text) = std::str::from_utf8(body) else { return Some("no UTF-8".to_owned()) };
    if text.starts_with("<ErrorResponse") {
        return (!text.contains("<Code>") || status < 400).then(|| "an error without a code".to_owned());
    }
    if text.starts_with('<') {
        return (status != 200).then(|| "an error of another shape".to_owned());
    }
    let Ok(answer) = Value::parse(text) else { return Some("no JSON".to_owned()) };
    match status {
        200 => answer.as_object().is_none().then(|| "no object".to_owned()),
        400 | 403 | 413 => {
            let kind = answer.get("__type").and_then(Value::as_str).unwrap_or("");
            (!kind.contains('#')).then(|| "an error without __type".to_owned())
        }
        _ => Some(format!("an odd status for {}", sent.method)),
    }
}

/// Remembers tokens that an answer gives.
fn remember(world: &mut World, body: &[u8]) {
    let Some(answer) = std::str::from_utf8(body).ok().and_then(|text| Value::parse(text).ok()) else { return };
    for member in ["nextToken", "taskToken", "executionArn", "revisionId"] {
        if let Some(token) = answer.get(member).and_then(Value::as_str)
            && world.tokens.len() < 200
        {
            world.tokens.push(token.to_owned());
        }
    }
}

/// One round. The same number makes the same requests as long as the answers are the same.
async fn round(number: u64) -> usize {
    let server = Server::start(Access::default()).await;
    let mut world = World::new(&server).await;
    let mut dice = Dice(number.wrapping_mul(0x1000_0000_01b3));
    let mut answered = 0;
    for index in 0..REQUESTS {
        let (operation, sent) = next(&world, &mut dice);
        let place = || format!("round {number}, request {index}: {}", sent.shown());
        let may_wait = MAY_WAIT.contains(&operation);
        let patience = if may_wait { LONG_POLL } else { PATIENCE };
        match tokio::time::timeout(patience, world.perform(&sent)).await {
            Ok(Some((status, body))) => {
                let told = String::from_utf8_lossy(&body).into_owned();
                if let Some(fault) = fault(&sent, status, &body) {
                    panic!("{fault}: {status} {told}\n{}", place());
                }
                remember(&mut world, &body);
                answered += 1;
            }
            Ok(None) => {}
            Err(_) => assert!(may_wait, "no answer after {patience:?}\n{}", place()),
        }
    }
    // It is still of use.
    let alive = world.perform(&call("ListStateMachines", b"{}".to_vec())).await.unwrap();
    assert_eq!(alive.0, 200, "round {number}: {}", String::from_utf8_lossy(&alive.1));
    server.stop().await;
    answered
}

/// Counts panics of all threads: an operation's is answered with 500, but the engine has threads of its own.
fn count_panics() -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let (counter, before) = (Arc::clone(&count), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        counter.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    count
}

#[test]
fn whatever_comes_is_answered() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let until = number("STEPWELL_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let from = number("STEPWELL_FUZZ_FROM").unwrap_or(0);
    let panics = count_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut made, mut answered) = (0, 0);
    while until.map_or(made < ROUNDS, |until| Instant::now() < until) {
        answered += runtime.block_on(round(from + made));
        made += 1;
        assert_eq!(panics.load(Ordering::SeqCst), 0, "something panicked in round {}", from + made - 1);
    }
    println!("{made} rounds, {answered} requests answered");
}

/// What is no HTTP, or breaks off: the connection is closed, and the server goes on.
#[tokio::test]
async fn broken_connections() {
    let server = Server::start(Access::default()).await;
    let head = "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\n";
    let long = format!("{head}X: {}\r\n\r\n", "x".repeat(1 << 20));
    for text in [
        "",
        "\r\n",
        "\0\0\0\0\r\n\r\n",
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
        &format!("{head}Content-Length: 10\r\n\r\n{{}}"),
        &format!("{head}Content-Length: -1\r\n\r\n{{}}"),
        &format!("{head}Content-Length: 99999999999999999999\r\n\r\n{{}}"),
        &format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
        &format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}"),
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        &format!("{head}Content-Length: 2\r\n\r\n{{}}{head}Content-Length: 2\r\n\r\n{{}}"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(text.as_bytes()).await; // the server may have closed it
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(read.is_ok(), "no end after {text:.80}");
        assert!(!answer.starts_with("HTTP/1.1 5"), "{text:.80}: {answer}");
    }
    let (status, _) = server.client().await.call("ListActivities", "{}").await;
    assert_eq!(status, 200);
    server.stop().await;
}
