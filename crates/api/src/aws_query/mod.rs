//! AWS's query protocol: forms in, XML out. Spoken by STS and IAM, of which this server has as much as clients need that
//! ask who they are, or make a role before they make a state machine.
//!
//! A request is of this protocol when it names no `X-Amz-Target` and is a form, or has `Action` in its URL. Which service
//! is meant is told by the credential scope, then by `Version`, then by the action.

mod form;
mod xml;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use stepwell_model::ApiError;

pub(crate) use form::{Parameters, escaped};
pub(crate) use xml::Xml;

use crate::access::Caller;
use crate::api::Api;
use crate::{iam, sts};

const XML: HeaderValue = HeaderValue::from_static("text/xml");
/// The services of this protocol, as signatures name them.
pub(crate) const SERVICES: &[&str] = &["sts", "iam"];

/// A service of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Sts,
    Iam,
}

impl Service {
    /// The version of its API, which is a part of its namespace.
    fn version(self) -> &'static str {
        match self {
            Service::Sts => "2011-06-15",
            Service::Iam => "2010-05-08",
        }
    }

    fn namespace(self) -> String {
        let host = match self {
            Service::Sts => "sts",
            Service::Iam => "iam",
        };
        format!("https://{host}.amazonaws.com/doc/{}/", self.version())
    }

    fn of(scope: Option<&str>, parameters: &Parameters) -> Service {
        let version = parameters.get("Version");
        match scope {
            Some("sts") => Service::Sts,
            Some("iam") => Service::Iam,
            _ if version == Some(Service::Sts.version()) => Service::Sts,
            _ if version == Some(Service::Iam.version()) => Service::Iam,
            _ if parameters.get("Action").is_some_and(sts::has) => Service::Sts,
            _ => Service::Iam,
        }
    }
}

/// A request of this protocol.
pub(crate) struct Query<'a> {
    /// `POST`
    pub method: &'a str,
    /// The query of the URL.
    pub url: &'a str,
    /// The body.
    pub form: &'a [u8],
    /// The service that the signature is scoped to.
    pub scope: Option<&'a str>,
}

/// One call of an action.
pub(crate) struct QueryCall<'a> {
    pub api: &'a Api,
    pub caller: &'a Caller,
    pub parameters: &'a Parameters,
}

/// What an action answers: the members of its result; `None` where it has none.
pub(crate) type QueryAnswer = Result<Option<Xml>, QueryError>;

/// An error of this protocol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueryError {
    /// The code that SDKs dispatch on: `NoSuchEntity`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl QueryError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> QueryError {
        QueryError { code, message: message.into(), status }
    }

    /// A member that breaks a constraint of the service's model.
    pub(crate) fn constraint(value: Option<&str>, member: &str, constraint: &str) -> QueryError {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        let message = format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        );
        QueryError::new(400, "ValidationError", message)
    }

    fn invalid_action(action: &str, version: Option<&str>) -> QueryError {
        let version = version.unwrap_or("");
        QueryError::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
    }
}

impl From<ApiError> for QueryError {
    /// The errors of authentication and of the store, in the names of this protocol.
    fn from(error: ApiError) -> QueryError {
        let (status, code) = match error.code {
            "MissingAuthenticationTokenException" => (403, "MissingAuthenticationToken"),
            "UnrecognizedClientException" => (403, "InvalidClientTokenId"),
            "ExpiredTokenException" => (403, "ExpiredToken"),
            "InvalidSignatureException" => (403, "SignatureDoesNotMatch"),
            "IncompleteSignatureException" => (400, "IncompleteSignature"),
            "AccessDeniedException" => (403, "AccessDenied"),
            "RequestEntityTooLargeException" => (413, "RequestEntityTooLarge"),
            "SerializationException" => (400, "MalformedInput"),
            "ServiceUnavailable" => (503, "ServiceUnavailable"),
            _ => (error.http_status.max(400), "InternalFailure"),
        };
        QueryError { code, message: error.message, status }
    }
}

/// Whether a request is of this protocol.
pub(crate) fn is_meant(parts: &Parts) -> bool {
    if parts.headers.contains_key("x-amz-target") {
        return false;
    }
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_form = content_type.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let in_url = parts.uri.query().is_some_and(|query| Parameters::of(query).get("Action").is_some());
    in_url || (is_form && parts.method == Method::POST)
}

/// Performs the action that a request names, for a caller who has been authenticated or could not be.
pub(crate) async fn answer(api: &Api, asked: &Query<'_>, caller: Result<Caller, ApiError>) -> (u16, String) {
    let request_id = crate::ids::uuid();
    let mut parameters = Parameters::of(asked.url);
    parameters.add(&String::from_utf8_lossy(asked.form));
    let service = Service::of(asked.scope, &parameters);
    let action = parameters.get("Action").unwrap_or("").to_owned();
    let outcome = match caller {
        Ok(caller) => perform(api, service, &action, asked.method, &caller, &parameters).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(result) => (200, document(service, &action, result, &request_id)),
        Err(error) => (error.status, error_document(service, &error, &request_id)),
    }
}

async fn perform(
    api: &Api,
    service: Service,
    action: &str,
    method: &str,
    caller: &Caller,
    parameters: &Parameters,
) -> QueryAnswer {
    if action.is_empty() {
        return Err(QueryError::new(400, "MissingAction", "The request names no Action."));
    }
    // A link in a web page can make a browser send a GET, so that nothing may be changed by one.
    if method != "POST" && action != "GetCallerIdentity" {
        return Err(QueryError::new(405, "MethodNotAllowed", format!("{action} is called by POST.")));
    }
    let version = parameters.get("Version");
    if version.is_some_and(|version| version != service.version()) {
        return Err(QueryError::invalid_action(action, version));
    }
    let call = QueryCall { api, caller, parameters };
    let performed = match service {
        Service::Sts => sts::perform(&call, action).await,
        Service::Iam => iam::perform(&call, action).await,
    };
    performed.unwrap_or_else(|| Err(QueryError::invalid_action(action, version)))
}

fn document(service: Service, action: &str, result: Option<Xml>, request_id: &str) -> String {
    let mut inner = Xml::new();
    if let Some(result) = result {
        inner.put(&format!("{action}Result"), result);
    }
    inner.put("ResponseMetadata", Xml::new().with_text("RequestId", request_id));
    inner.document(&format!("{action}Response"), &service.namespace())
}

fn error_document(service: Service, error: &QueryError, request_id: &str) -> String {
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    let told = Xml::new().with_text("Type", fault).with_text("Code", error.code).with_text("Message", &error.message);
    Xml::new().with("Error", told).with_text("RequestId", request_id).document("ErrorResponse", &service.namespace())
}

/// The response with this XML.
pub(crate) fn response(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, XML);
    response
}
