//! The API over HTTP: AWS JSON 1.0, signed with the credentials of the environment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Uri};
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use stepwell_engine::BoxFuture;
use stepwell_iam::{Body, PathStyle, SignedRequest, Signer};
use stepwell_value::{Timestamp, Value};

use crate::call::Caller;
use crate::cli::Connection;
use crate::problem::Problem;

/// Where a server listens that nobody told otherwise.
pub const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8083";
/// The region of a client that nobody told otherwise.
const REGION_DEFAULT: &str = "us-east-1";
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take: longer than GetActivityTask waits, and than an Express execution may run.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(330);

/// A client of one server.
pub struct Client {
    endpoint: String,
    host: String,
    path: String,
    uri: Uri,
    signer: Signer,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// The first of these environment variables that is set and not empty.
pub fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// The address of the server that the command line or the environment names.
pub fn endpoint(connection: &Connection) -> String {
    let named = connection.endpoint.clone();
    named
        .or_else(|| variable(&["STEPWELL_ENDPOINT", "AWS_ENDPOINT_URL_SFN"]))
        .unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned())
}

impl Client {
    /// Makes a client; connects when it is first used.
    ///
    /// # Errors
    /// When the address is none that can be spoken to.
    pub fn new(connection: &Connection) -> Result<Client, Problem> {
        let endpoint = endpoint(connection).trim_end_matches('/').to_owned();
        let wrong = |what: &str| {
            let help = format!("give --endpoint (or STEPWELL_ENDPOINT) an address such as {ENDPOINT_DEFAULT}");
            Problem::usage(format!("the endpoint `{endpoint}` {what}")).help(help)
        };
        let uri: Uri = format!("{endpoint}/").parse().map_err(|_| wrong("is not a URL"))?;
        let host = uri.authority().map(ToString::to_string).ok_or_else(|| wrong("names no host"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(wrong("is https, which this command does not speak; use the aws CLI for it")),
            _ => return Err(wrong("does not begin with http://")),
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        let path = uri.path().to_owned();
        Ok(Client { endpoint, host, path, uri, signer: signer(connection), pool })
    }

    fn request(&self, operation: &str, body: String) -> Result<Request<Full<Bytes>>, Problem> {
        // An operation of Stepwell's own comes with its prefix.
        let target =
            if operation.contains('.') { operation.to_owned() } else { format!("AWSStepFunctions.{operation}") };
        let headers =
            [("host", self.host.as_str()), ("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
        let to_sign = SignedRequest {
            method: "POST",
            path: &self.path,
            query: "",
            headers: &headers,
            body: Body::Bytes(body.as_bytes()),
        };
        let signature = self.signer.sign(&to_sign, now());
        let mut request = Request::post(self.uri.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &signature {
            request = request.header(*name, value);
        }
        let made = request.body(Full::new(Bytes::from(body)));
        made.map_err(|error| Problem::usage(format!("the request cannot be made: {error}")))
    }

    async fn send(&self, operation: &str, input: Value) -> Result<Value, Problem> {
        let request = self.request(operation, input.to_json())?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.pool.request(request)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.no_answer(&innermost(&error))),
            Err(_) => return Err(self.no_answer("it took too long")),
        };
        let succeeded = answer.status().is_success();
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| self.no_answer(&innermost(&error)))?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        let parsed = if text.is_empty() { Ok(Value::empty_object()) } else { Value::parse(&text) };
        match parsed {
            Ok(value) if succeeded => Ok(value),
            Ok(error) if error.get("__type").is_some() => Err(refusal(&error)),
            _ => Err(self.no_answer(&format!("what answers there is no Step Functions API (status {status})"))),
        }
    }

    fn no_answer(&self, why: &str) -> Problem {
        let help = "start one with `stepwell dev`, or name another with --endpoint URL (STEPWELL_ENDPOINT)";
        Problem::unreachable(format!("no server answers at {}: {why}", self.endpoint)).help(help)
    }
}

impl Caller for Client {
    fn call<'a>(&'a self, operation: &'a str, input: Value) -> BoxFuture<'a, Result<Value, Problem>> {
        Box::pin(self.send(operation, input))
    }
}

fn refusal(error: &Value) -> Problem {
    let code = crate::call::text(error, "__type");
    let code = code.rsplit('#').next().unwrap_or(code);
    let message = ["message", "Message"].iter().find_map(|name| error.get(name).and_then(Value::as_str));
    Problem::refused(code, message.unwrap_or_default())
}

fn signer(connection: &Connection) -> Signer {
    let region = connection.region.clone().or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    let key = variable(&["AWS_ACCESS_KEY_ID"]).zip(variable(&["AWS_SECRET_ACCESS_KEY"]));
    let (access_key, secret) = key.unwrap_or_else(|| ("test".to_owned(), "test".to_owned()));
    Signer {
        access_key,
        secret,
        session_token: variable(&["AWS_SESSION_TOKEN"]),
        region: region.unwrap_or_else(|| REGION_DEFAULT.to_owned()),
        service: "states".to_owned(),
        path_style: PathStyle::Normalized,
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The error at the bottom: `Connection refused` instead of `client error (Connect)`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
