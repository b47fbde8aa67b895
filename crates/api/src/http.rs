//! One HTTP request: what it asks for, who asks, and the answer in AWS JSON 1.0.
//!
//! The path and the host do not matter (SDKs put `sync-` before the host of some operations, proxies add prefixes): a POST
//! with `X-Amz-Target` is a call of the API. `GET /health` and `GET /_stepwell/version` are for operators.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use stepwell_iam::{self as iam, SignedRequest};
use stepwell_model::{ApiError, Operation};
use stepwell_value::Value;

use crate::access::{Access, Asked, Caller};
use crate::api::Api;
use crate::aws_query;
use crate::ids::uuid;
use crate::in_flight::Place;
use crate::wire::Shape;

/// A request may be greater than its limit by this much, so that a definition or an input that is too long is answered
/// with the error of that member, which says how long it may be.
const REQUEST_SLACK_BYTES: u64 = 2 * 1_048_576;
/// The greatest request when there is no limit: 64 MiB.
const REQUEST_BYTES_MAX: u64 = 64 * 1_048_576;

/// How long a client may take to send the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The service that a signature has to be scoped to.
const SERVICE: &str = "states";

const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Answers one request.
pub async fn answer<B>(api: &Api, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    if let Some(answer) = operators(api, &parts) {
        return answer;
    }
    if aws_query::is_meant(&parts) {
        return query(api, &parts, body).await;
    }
    let request_id = uuid();
    let begun = std::time::Instant::now();
    let answered = call(api, &parts, body).await;
    let name = parts.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or("");
    let answered = answered.and_then(|body| waiting(api, name, body.to_json()));
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &answered {
        Ok(_) => tracing::debug!(request_id, target = name, millis, "answered"),
        Err(error) if error.http_status >= 500 => {
            tracing::error!(request_id, target = name, millis, %error, "failed");
        }
        Err(error) => tracing::debug!(request_id, target = name, millis, %error, "refused"),
    }
    let (status, body) = match answered {
        Ok(body) => (200, body),
        Err(error) => (error.http_status, Bytes::from(error.to_body().to_json())),
    };
    let mut response = response(status, AWS_JSON, body);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// `GET /health` and `GET /_stepwell/version`.
fn operators(api: &Api, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != Method::GET {
        return None;
    }
    let body = match parts.uri.path() {
        "/health" => Shape::new().with("status", "ok"),
        "/_stepwell/version" => Shape::new().with("name", "stepwell").with("version", &*api.config.version),
        _ => return None,
    };
    Some(response(200, JSON, Bytes::from(body.build().to_json())))
}

/// An answer that waits for its client, with its place among those that do.
///
/// # Errors
/// ThrottlingException, when too much waits and the operation has changed nothing.
fn waiting(api: &Api, target: &str, text: String) -> Result<Bytes, ApiError> {
    let operation = target.rsplit('.').next().unwrap_or_default();
    let only_reads = ["Describe", "List", "GetExecutionHistory"].iter().any(|start| operation.starts_with(start));
    api.answers.answer(text, if only_reads { api.config.answer_bytes_in_flight_max } else { u64::MAX })
}

fn response(status: u16, content_type: HeaderValue, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A call of the API: target, body, caller, operation.
async fn call<B>(api: &Api, parts: &Parts, body: B) -> Result<Value, ApiError>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if parts.method != Method::POST {
        return Err(ApiError::unknown_operation());
    }
    check_origin(api, &parts.headers)?;
    let (bytes, _place) = read(api, body).await?;
    let target = parts.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or("");
    let caller = signed(parts, &bytes, |request| authenticate(api, request, &[SERVICE]))?;
    let operation = Operation::of_target(target).ok_or_else(ApiError::unknown_operation)?;
    api.throttle.admit(&caller, operation.name(), api.engine.now())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::serialization(""))?;
    let body = Value::parse(text).map_err(|_| ApiError::serialization(""))?;
    api.perform_operation(&caller, operation, &body).await
}

/// A call of STS or IAM.
async fn query<B>(api: &Api, parts: &Parts, body: B) -> Response<Full<Bytes>>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (bytes, failed) = match read(api, body).await {
        Ok((bytes, _)) => (bytes, None),
        Err(error) => (Bytes::new(), Some(error)),
    };
    let caller = match (failed, check_origin(api, &parts.headers)) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(())) => signed(parts, &bytes, |request| authenticate(api, request, aws_query::SERVICES)),
    };
    let scope = signed(parts, &bytes, |request| iam::Claim::of(request).ok().map(|claim| claim.scope.service));
    let asked = aws_query::Query {
        method: parts.method.as_str(),
        url: parts.uri.query().unwrap_or(""),
        form: &bytes,
        scope: scope.as_deref(),
    };
    let (status, body) = aws_query::answer(api, &asked, caller).await;
    tracing::debug!(status, "answered a query");
    aws_query::response(status, body)
}

/// Without keys nobody proves who he is, so a web page that has made a browser talk to this server must be kept out. SDKs
/// send no `Origin`; pages of this machine have a loopback one.
fn check_origin(api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
    let (Access::AnyOnLoopback { .. }, Some(origin)) = (&api.config.access, headers.get(ORIGIN)) else { return Ok(()) };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map_or("", |(_, host)| host);
    if is_loopback(host) {
        return Ok(());
    }
    let message = "Requests of web pages from elsewhere are refused while the server asks for no credentials.";
    Err(ApiError::authentication("AccessDeniedException", message, 403))
}

/// Whether `HOST[:PORT]` means this machine by its form.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    let by_name = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    by_name || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The whole body, and its place among the requests in flight, which lasts until the request is answered.
///
/// # Errors
/// `RequestEntityTooLargeException` with 413, as AWS's front end answers; ThrottlingException when too much is in flight;
/// `RequestTimeoutException` with 408 when it does not come in time; SerializationException when it breaks off.
async fn read<B>(api: &Api, body: B) -> Result<(Bytes, Place), ApiError>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let max = api.config.limits.request_bytes_max.saturating_add(REQUEST_SLACK_BYTES).min(REQUEST_BYTES_MAX);
    // A body that does not say how long it is may become as long as is allowed.
    let expected = body.size_hint().upper().unwrap_or(max).min(max);
    let place = api.in_flight.admit(expected, api.config.request_bytes_in_flight_max)?;
    let whole = Limited::new(body, usize::try_from(max).unwrap_or(usize::MAX)).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(body)) => Ok((body.to_bytes(), place)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("The request is greater than {max} bytes.");
            Err(ApiError::authentication("RequestEntityTooLargeException", message, 413))
        }
        Ok(Err(_)) => Err(ApiError::serialization("The body ended too early.")),
        Err(_) => {
            let message = format!("The body did not come within {} seconds.", BODY_TIMEOUT.as_secs());
            Err(ApiError::authentication("RequestTimeoutException", message, 408))
        }
    }
}

fn authenticate(api: &Api, request: &SignedRequest<'_>, services: &[&str]) -> Result<Caller, ApiError> {
    api.config.access.authenticate(request, &Asked { services, sessions: api.sessions(), now: api.engine.now() })
}

/// Looks at a request as a signature covers it.
fn signed<T>(parts: &Parts, body: &Bytes, look: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
    let mut headers: Vec<(&str, &str)> = Vec::with_capacity(parts.headers.len() + 1);
    headers.extend(parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))));
    // A request in absolute form names the host in its line; HTTP/1.1 clients send both.
    if !parts.headers.contains_key(HOST)
        && let Some(authority) = parts.uri.authority()
    {
        headers.push(("host", authority.as_str()));
    }
    look(&SignedRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &headers,
        body: iam::Body::Bytes(body),
    })
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_hosts() {
        for host in ["localhost", "LOCALHOST:8083", "console.localhost:1", "127.0.0.1", "127.1.2.3:80", "[::1]:80"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com", "10.0.0.1", "[2001:db8::1]", "127.0.0.1.nip.io"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
