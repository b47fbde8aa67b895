//! The server as such: HTTP, authentication, the orderly end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::{Server, request};
use http_body_util::Full;
use hyper::Request;
use stepwell_api::{Access, Key};
use stepwell_iam::{Body, PathStyle, SignedRequest, Signer};
use stepwell_value::Value;

fn with_header(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn requests() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let get = |path: &str| Request::get(path).header("host", "h").body(Full::default()).unwrap();
    assert_eq!(client.send(get("/health")).await.1, r#"{"status":"ok"}"#);
    let version = client.send(get("/_stepwell/version")).await.1;
    assert!(version.starts_with(r#"{"name":"stepwell","version":""#), "{version}");
    let (response, body) = client.send(get("/")).await;
    assert_eq!(response.status(), 400);
    assert_eq!(body, r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#);

    let (response, body) = client.send(request("ListActivities", "{}")).await;
    assert_eq!(body, r#"{"activities":[]}"#);
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
    assert_eq!(response.headers()["x-amzn-requestid"].len(), 36);

    // any path, absolute form, any host
    let mut absolute = request("ListActivities", "{}");
    *absolute.uri_mut() = "http://sync-states.example.com/some/prefix?x=y".parse().unwrap();
    assert_eq!(client.send(absolute).await.1, r#"{"activities":[]}"#);

    let foreign = with_header(request("ListActivities", "{}"), "origin", "https://example.com");
    assert_eq!(client.send(foreign).await.0.status(), 403);
    let local = with_header(request("ListActivities", "{}"), "origin", "http://localhost:3000");
    assert_eq!(client.send(local).await.0.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn too_large() {
    let server = Server::start(Access::default()).await;
    // Within the slack the error is the member's own.
    let input = format!(r#"{{"stateMachineArn":"a","input":"{}"}}"#, "x".repeat(262_145));
    let (status, body) = server.client().await.call("StartExecution", &input).await;
    let message = body.get("message").and_then(Value::as_str).unwrap();
    assert_eq!(status, 400);
    assert!(
        message.ends_with("Member must have size less than or equal to 262144 bytes in UTF-8 encoding"),
        "{message}"
    );
    let (status, body) = server.client().await.call("StartExecution", &" ".repeat(4 * 1_048_576)).await;
    let code = body.get("__type").and_then(Value::as_str);
    assert_eq!((status, code), (413, Some("com.amazon.coral.service#RequestEntityTooLargeException")));
    server.stop().await;
}

#[tokio::test]
async fn the_end_answers_long_polls() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    client.call("CreateActivity", r#"{"name":"a"}"#).await;
    let body = r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:a"}"#;
    let polling = tokio::spawn(async move { client.call("GetActivityTask", body).await });
    tokio::task::yield_now().await;
    server.stop().await;
    // Either it was answered, or the server had stopped before the request was read.
    if let Ok((status, answer)) = polling.await {
        assert_eq!((status, answer), (200, Value::empty_object()));
    }
}

#[tokio::test]
async fn no_more_workers_poll_an_activity_than_may() {
    let limits = stepwell_model::Limits { activity_pollers_max: 2, ..stepwell_model::Limits::aws() };
    let server = Server::start_with(stepwell_api::Config { limits, ..stepwell_api::Config::default() }).await;
    let mut client = server.client().await;
    for name in ["a", "b"] {
        client.call("CreateActivity", &format!(r#"{{"name":"{name}"}}"#)).await;
    }
    const A: &str = r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:a"}"#;
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let mut client = server.client().await;
        polls.spawn(async move { client.call("GetActivityTask", A).await });
    }
    let (status, refused) = polls.join_next().await.unwrap().unwrap();
    let code = refused.get("__type").and_then(Value::as_str).unwrap_or_default();
    assert_eq!((status, code.rsplit('#').next()), (400, Some("ActivityWorkerLimitExceeded")), "{refused}");
    // Those who go make room.
    polls.abort_all();
    while polls.join_next().await.is_some() {}
    let again = async {
        loop {
            let mut client = server.client().await;
            let poll = tokio::time::timeout(std::time::Duration::from_millis(300), client.call("GetActivityTask", A));
            match poll.await {
                Ok((400, _)) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                other => return other.is_err(), // it polls
            }
        }
    };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(10), again).await.unwrap());
    server.stop().await;
}

#[tokio::test]
async fn without_keys_only_loopback_is_served() {
    let server = Server::start(Access::default()).await;
    let api = std::sync::Arc::new(stepwell_api::Api::new(server.handle.clone(), stepwell_api::Config::default()));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = stepwell_api::serve(vec![listener], api, async {}).await.unwrap_err();
    assert!(refused.to_string().contains("is not a loopback address"), "{refused}");
    server.stop().await;
}

/// A signed call.
fn signed(server: &Server, operation: &str, body: &str, secret: &str) -> Request<Full<Bytes>> {
    signed_by(server, operation, body, &signer(secret))
}

fn signed_by(server: &Server, operation: &str, body: &str, signer: &Signer) -> Request<Full<Bytes>> {
    let mut request = request(operation, body);
    let headers: Vec<(String, String)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let to_sign =
        SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: Body::Bytes(body.as_bytes()) };
    for (name, value) in signer.sign(&to_sign, server.handle.now()) {
        request.headers_mut().insert(hyper::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    request
}

fn signer(secret: &str) -> Signer {
    Signer {
        access_key: "AKID".to_owned(),
        secret: secret.to_owned(),
        session_token: None,
        region: "eu-central-1".to_owned(),
        service: "states".to_owned(),
        path_style: PathStyle::Normalized,
    }
}

#[tokio::test]
async fn keys() {
    let key = Key { secret: "secret".into(), account: "111122223333".into() };
    let server = Server::start(Access::Keys(BTreeMap::from([("AKID".to_owned(), key)]))).await;
    let mut client = server.client().await;
    let refused = |body: &str| Value::parse(body).unwrap().get("__type").unwrap().as_str().unwrap().to_owned();
    let (_, body) = client.send(request("ListActivities", "{}")).await;
    assert_eq!(refused(&body), "com.amazon.coral.service#MissingAuthenticationTokenException");
    let (_, body) = client.send(signed(&server, "ListActivities", "{}", "wrong")).await;
    assert_eq!(refused(&body), "com.amazon.coral.service#InvalidSignatureException");
    let (response, body) = client.send(signed(&server, "CreateActivity", r#"{"name":"a"}"#, "secret")).await;
    assert_eq!(response.status(), 200, "{body}");
    assert!(body.contains("arn:aws:states:eu-central-1:111122223333:activity:a"), "{body}");
    // Whatever is another account's is out of reach.
    let resources = [
        ("activityArn", "activity:a", &["DescribeActivity", "DeleteActivity", "GetActivityTask"][..]),
        (
            "stateMachineArn",
            "stateMachine:m",
            &[
                "DescribeStateMachine",
                "DeleteStateMachine",
                "ListStateMachineVersions",
                "ListStateMachineAliases",
                "ListExecutions",
                "PublishStateMachineVersion",
                "StartExecution",
                "StartSyncExecution",
            ],
        ),
        ("stateMachineVersionArn", "stateMachine:m:1", &["DeleteStateMachineVersion"]),
        ("stateMachineAliasArn", "stateMachine:m:a", &["DescribeStateMachineAlias", "DeleteStateMachineAlias"]),
        (
            "executionArn",
            "execution:m:e",
            &[
                "DescribeExecution",
                "DescribeStateMachineForExecution",
                "GetExecutionHistory",
                "ListMapRuns",
                "RedriveExecution",
                "StopExecution",
            ],
        ),
        (
            "mapRunArn",
            "mapRun:m/l:5e0b7b5c-8f43-4f0e-9d33-8c1f1f6f9a01",
            &["DescribeMapRun", "UpdateMapRun", "ListExecutions"],
        ),
        ("resourceArn", "stateMachine:m", &["ListTagsForResource"]),
    ];
    for (member, resource, operations) in resources {
        let other = format!(r#"{{"{member}":"arn:aws:states:eu-central-1:999900009999:{resource}"}}"#);
        for operation in operations {
            let (response, body) = client.send(signed(&server, operation, &other, "secret")).await;
            assert_eq!(response.status(), 400, "{operation} {other}: {body}");
            assert_eq!(refused(&body), "com.amazon.coral.service#AccessDeniedException", "{operation} {other}: {body}");
        }
    }
    server.stop().await;
}

/// A machine that is known by heart, since its owner has just started it, is not known to others.
#[tokio::test]
async fn a_machine_that_was_started_is_not_startable_by_others() {
    let key = |account: &str| Key { secret: "secret".into(), account: account.into() };
    let keys = [("AKID", "111122223333"), ("OTHER", "999900009999")].map(|(id, account)| (id.to_owned(), key(account)));
    let server = Server::start(Access::Keys(BTreeMap::from(keys))).await;
    let mut client = server.client().await;
    let machine = r#"{"name":"m","definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}",
        "roleArn":"arn:aws:iam::111122223333:role/r"}"#;
    let (response, body) = client.send(signed(&server, "CreateStateMachine", machine, "secret")).await;
    assert_eq!(response.status(), 200, "{body}");
    let start = r#"{"stateMachineArn":"arn:aws:states:eu-central-1:111122223333:stateMachine:m"}"#;
    for _ in 0..2 {
        let (response, body) = client.send(signed(&server, "StartExecution", start, "secret")).await;
        assert_eq!(response.status(), 200, "{body}");
        let other = Signer { access_key: "OTHER".to_owned(), ..signer("secret") };
        let (response, body) = client.send(signed_by(&server, "StartExecution", start, &other)).await;
        assert_eq!(response.status(), 400, "{body}");
        assert!(body.contains("AccessDeniedException"), "{body}");
    }
    server.stop().await;
}
