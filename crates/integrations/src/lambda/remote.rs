//! Functions behind another Lambda API endpoint: the Invoke operation over plain HTTP.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, Uri, header::HeaderName};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    function_ref::FunctionRef,
    invoke::{InvokeError, InvokeOptions, Invoked},
};

/// How long connecting may take.
const CONNECT_SECONDS: u64 = 5;

/// A request that is about to be sent, for whoever signs it.
#[derive(Debug, Clone, Copy)]
pub struct RequestToSign<'a> {
    /// `POST`.
    pub method: &'a str,
    /// `HOST:PORT`.
    pub host: &'a str,
    /// The path, percent-encoded as it is sent.
    pub path: &'a str,
    /// The query without `?`, percent-encoded; may be empty.
    pub query: &'a str,
    /// The other headers.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// The region of the function: the signature's scope.
    pub region: &'a str,
}

/// Gives the headers that sign a request: `Authorization`, `X-Amz-Date` and whatever else.
pub type Signer = Arc<dyn Fn(&RequestToSign<'_>) -> Vec<(String, String)> + Send + Sync>;

/// An address that is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Lambda endpoint `{url}` {what}")]
pub struct RemoteError {
    url: String,
    what: &'static str,
}

/// A Lambda API endpoint, such as `AWS_ENDPOINT_URL_LAMBDA` names.
pub struct RemoteLambda {
    host: String,
    base: String,
    signer: Option<Signer>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl RemoteLambda {
    /// Makes a client for an endpoint such as `http://127.0.0.1:9510`.
    ///
    /// Without a signer, requests bear an `Authorization` header with no valid signature, because Lambda's stand-ins read the
    /// region from it.
    ///
    /// # Errors
    /// Refuses what is no `http://` address.
    pub fn new(url: &str, signer: Option<Signer>) -> Result<Self, RemoteError> {
        let fault = |what| RemoteError { url: url.to_owned(), what };
        let uri: Uri = url
            .trim_end_matches('/')
            .parse()
            .map_err(|_| fault("is not a URL; write for example http://127.0.0.1:9510"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => Ok(Self {
                host: authority.to_string(),
                base: uri.path().trim_end_matches('/').to_owned(),
                signer,
                client: client(),
            }),
            (Some("https"), _) => Err(fault(
                "is https, which is not spoken to Lambda endpoints yet; give an http:// address, for example of a local proxy",
            )),
            _ => Err(fault("has no scheme; write for example http://127.0.0.1:9510")),
        }
    }

    /// Calls a function and waits for its answer.
    ///
    /// # Errors
    /// Gives the API's own error, or `SdkClientException` when there was no answer.
    pub async fn invoke(
        &self,
        function: &FunctionRef,
        payload: &str,
        options: &InvokeOptions,
    ) -> Result<Invoked, InvokeError> {
        let request = self.request(function, payload, options)?;
        let unreachable = |error: &dyn std::error::Error| {
            let text = format!(
                "Unable to execute HTTP request: {} (the Lambda endpoint is http://{}{})",
                innermost(error),
                self.host,
                self.base
            );
            InvokeError::new("SdkClientException", text, 0)
        };
        let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        let headers = headers_of(&parts.headers);
        if !parts.status.is_success() {
            return Err(error_of(parts.status.as_u16(), &headers, &body));
        }
        invoked(Response::from_parts(parts, ()), headers, &body)
    }

    fn request(
        &self,
        function: &FunctionRef,
        payload: &str,
        options: &InvokeOptions,
    ) -> Result<Request<Full<Bytes>>, InvokeError> {
        let path = format!("{}/2015-03-31/functions/{}/invocations", self.base, encoded(&function.unqualified_arn()));
        let query = function.qualifier.as_ref().map_or_else(String::new, |text| format!("Qualifier={}", encoded(text)));
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Amz-Invocation-Type".to_owned(), options.invocation_type.as_str().to_owned()),
        ];
        let optional = [
            ("X-Amz-Log-Type", options.log_tail.then(|| "Tail".to_owned())),
            ("X-Amz-Client-Context", options.client_context.clone()),
            ("X-Amzn-Trace-Id", options.trace_id.clone()),
        ];
        headers.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let to_sign = RequestToSign {
            method: "POST",
            host: &self.host,
            path: &path,
            query: &query,
            headers: &headers,
            body: payload.as_bytes(),
            region: &function.region,
        };
        let signature = self.signer.as_ref().map_or_else(|| unsigned(&function.region), |sign| sign(&to_sign));
        let question = if query.is_empty() { "" } else { "?" };
        let mut request = Request::post(format!("http://{}{path}{question}{query}", self.host));
        for (name, value) in headers.iter().chain(&signature) {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(payload.as_bytes()));
        request
            .body(body)
            .map_err(|error| InvokeError::new("SdkClientException", format!("the request cannot be made: {error}"), 0))
    }
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_secs(CONNECT_SECONDS)));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

fn unsigned(region: &str) -> Vec<(String, String)> {
    let now = jiff::Timestamp::now();
    let scope = format!("{}/{region}/lambda/aws4_request", now.strftime("%Y%m%d"));
    vec![
        ("X-Amz-Date".into(), now.strftime("%Y%m%dT%H%M%SZ").to_string()),
        (
            "Authorization".into(),
            format!("AWS4-HMAC-SHA256 Credential=stepwell/{scope}, SignedHeaders=host;x-amz-date, Signature={:064}", 0),
        ),
    ]
}

/// Encodes a part of a path or a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

/// Gives the headers in order, spelled as AWS spells them (HTTP libraries do not keep the spelling).
fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &hyper::header::HeaderValue)| {
        (spelling(name), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().map(text).collect()
}

fn spelling(name: &HeaderName) -> String {
    let special = match name.as_str() {
        "x-amzn-requestid" => "x-amzn-RequestId",
        "x-amzn-remapped-content-length" => "x-amzn-Remapped-Content-Length",
        "x-amzn-errortype" => "x-amzn-ErrorType",
        "etag" => "ETag",
        _ => "",
    };
    if !special.is_empty() {
        return special.to_owned();
    }
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn invoked(response: Response<()>, headers: Vec<(String, String)>, body: &Bytes) -> Result<Invoked, InvokeError> {
    let payload = std::str::from_utf8(body).map_err(|_| {
        InvokeError::new("SdkClientException", "the function's answer is not UTF-8 text", response.status().as_u16())
    })?;
    let header = |name: &str| find(&headers, name).map(str::to_owned);
    Ok(Invoked {
        status_code: response.status().as_u16(),
        payload: payload.to_owned(),
        function_error: header("X-Amz-Function-Error"),
        executed_version: header("X-Amz-Executed-Version"),
        request_id: header("x-amzn-RequestId").unwrap_or_else(crate::ids::request_id),
        log_result: header("X-Amz-Log-Result"),
        headers,
    })
}

/// Reads an error of the Lambda API: the code is in a header, the text in `Message` (older services: `message`).
fn error_of(status_code: u16, headers: &[(String, String)], body: &[u8]) -> InvokeError {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |names: [&str; 2]| names.iter().find_map(|name| parsed.get(name)?.as_str()).map(str::to_owned);
    let code = find(headers, "x-amzn-ErrorType").map(str::to_owned).or_else(|| field(["__type", "Code"]));
    let code =
        code.as_deref().and_then(|code| code.split(':').next()?.rsplit('#').next()).filter(|code| !code.is_empty());
    let message = field(["Message", "message"]).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    InvokeError {
        code: code.unwrap_or("AWSLambdaException").to_owned(),
        message,
        status_code,
        request_id: find(headers, "x-amzn-RequestId").unwrap_or_default().to_owned(),
        retry_after_seconds: find(headers, "Retry-After").and_then(|text| text.parse().ok()),
    }
}

/// Gives the text of the error that lies at the bottom: "connection refused", not "client error".
fn innermost(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::lambda::Place;

    /// Answers one request with a text; gives the endpoint's URL and, later, the request.
    async fn endpoint(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (url, served)
    }

    fn function(text: &str) -> FunctionRef {
        FunctionRef::parse(text, &Place::new("eu-west-1", "123456789012")).unwrap()
    }

    #[tokio::test]
    async fn a_call_of_the_invoke_api() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: 11111111-2222-4333-8444-555555555555\r\ncontent-length: 15\r\nx-amz-function-error: Unhandled\r\nx-amz-executed-version: $LATEST\r\n\r\n{\"errorType\":1}";
        let (url, served) = endpoint(answer).await;
        let signer: Signer = Arc::new(|request| {
            vec![("Authorization".into(), format!("{} {} {}", request.region, request.path, request.query))]
        });
        let remote = RemoteLambda::new(&url, Some(signer)).unwrap();
        let options = InvokeOptions { log_tail: true, ..InvokeOptions::default() };
        let invoked = remote.invoke(&function("order:live"), "{\"a\":1}", &options).await.unwrap();
        let request = served.await.unwrap();
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aorder/invocations";
        assert!(request.starts_with(&format!("POST {path}?Qualifier=live HTTP/1.1\r\n")), "{request}");
        assert!(request.contains(&format!("authorization: eu-west-1 {path} Qualifier=live\r\n")), "{request}");
        assert!(request.contains("x-amz-log-type: Tail\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
        assert_eq!((invoked.status_code, invoked.payload.as_str()), (200, "{\"errorType\":1}"));
        assert_eq!(invoked.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(invoked.executed_version.as_deref(), Some("$LATEST"));
        assert_eq!(invoked.request_id, "11111111-2222-4333-8444-555555555555");
        let names: Vec<&str> = invoked.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["Content-Type", "x-amzn-RequestId", "Content-Length", "X-Amz-Function-Error", "X-Amz-Executed-Version"]
        );
    }

    #[tokio::test]
    async fn an_error_of_the_invoke_api() {
        let answer = "HTTP/1.1 404 Not Found\r\nx-amzn-ErrorType: ResourceNotFoundException\r\nx-amzn-RequestId: abc\r\ncontent-length: 46\r\n\r\n{\"Type\":\"User\",\"Message\":\"Function not found\"}";
        let (url, served) = endpoint(answer).await;
        let remote = RemoteLambda::new(&url, None).unwrap();
        let error = remote.invoke(&function("order"), "{}", &InvokeOptions::default()).await.unwrap_err();
        assert!(served.await.unwrap().contains("/eu-west-1/lambda/aws4_request"), "a stand-in reads the region there");
        assert_eq!(
            (error.name().as_str(), error.message.as_str()),
            ("Lambda.ResourceNotFoundException", "Function not found")
        );
        assert_eq!((error.status_code, error.request_id.as_str()), (404, "abc"));
    }

    #[tokio::test]
    async fn an_endpoint_that_is_not_there() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let remote = RemoteLambda::new(&format!("http://{port}/"), None).unwrap();
        let error = remote.invoke(&function("order"), "{}", &InvokeOptions::default()).await.unwrap_err();
        assert_eq!(error.name(), "Lambda.SdkClientException");
        assert!(error.cause_of_invoke().contains("refused") && error.message.contains(&port.to_string()), "{error}");
    }

    #[test]
    fn addresses_that_are_refused() {
        #[track_caller]
        fn check(url: &str, expected: &str) {
            let error = RemoteLambda::new(url, None).err().map(|error| error.to_string()).unwrap();
            assert!(error.contains(expected) && error.contains(url), "{error}");
        }
        check("https://lambda.us-east-1.amazonaws.com", "is https");
        check("127.0.0.1:9510", "write for example http://127.0.0.1:9510");
        check("not a url", "is not a URL");
    }
}
