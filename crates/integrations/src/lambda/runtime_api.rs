//! The Lambda Runtime API (version 2018-06-01) for one worker, on a loopback port of its own.
//!
//! A runtime asks for the next invocation (a long poll) and posts a response or an error. Source: AWS Lambda developer guide,
//! "Using the Lambda runtime API for custom runtimes".

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::answer::{Answer, RESPONSE_BYTES_MAX};

const BASE: &str = "/2018-06-01/runtime/";

/// What a runtime is asked to do.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) payload: Bytes,
    pub(super) deadline_ms: i64,
    pub(super) trace_id: String,
    pub(super) client_context: Option<String>,
}

/// What a runtime tells.
#[derive(Debug)]
pub(super) enum RuntimeEvent {
    /// It asks for an invocation: it is loaded and free.
    Asks,
    /// It is being given the invocation.
    Takes,
    /// It has answered the running invocation.
    Answered(Answer),
    /// It could not load the function; the text is the error's payload.
    InitFailed(String),
}

/// The server for one worker. Dropping it closes the port and all connections.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::Sender<Invocation>,
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
    server: AbortHandle,
}

impl RuntimeApi {
    /// Opens a loopback port and serves it.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (invocations, waiting) = mpsc::channel(1);
        let (tell, events) = mpsc::unbounded_channel();
        let face = Arc::new(Face { waiting: tokio::sync::Mutex::new(waiting), running: Mutex::default(), tell });
        let server = tokio::spawn(serve(listener, face)).abort_handle();
        Ok(Self { address, invocations, events, server })
    }

    /// Gives `HOST:PORT`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Hands over an invocation to a runtime that has asked for one.
    pub(super) async fn hand_over(&self, invocation: Invocation) {
        // The receiving side lives as long as the server task, which is aborted only by our drop.
        let _ = self.invocations.send(invocation).await;
    }

    /// Waits for what the runtime tells next.
    pub(super) async fn next_event(&mut self) -> RuntimeEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await, // the server is gone; the end of the process or the deadline comes instead
        }
    }

    /// Gives what the runtime has told already.
    pub(super) fn event_now(&mut self) -> Option<RuntimeEvent> {
        self.events.try_recv().ok()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What the requests of one worker share.
struct Face {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    running: Mutex<Option<String>>,
    tell: mpsc::UnboundedSender<RuntimeEvent>,
}

async fn serve(listener: TcpListener, face: Arc<Face>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_connection(stream, face.clone()));
    }
}

async fn serve_connection(stream: TcpStream, face: Arc<Face>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let face = face.clone();
        async move { Ok::<_, std::convert::Infallible>(face.answer(request).await) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a function's connection to the Runtime API ended");
    }
}

impl Face {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().strip_prefix(BASE).unwrap_or_default().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request).await,
            (&Method::POST, ["invocation", id, "error"]) => self.error(id, request).await,
            (&Method::POST, ["init", "error"]) => self.init_error(request).await,
            _ => refusal(StatusCode::NOT_FOUND, "InvalidPath", "no such path in the Runtime API"),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let mut waiting = self.waiting.lock().await;
        let _ = self.tell.send(RuntimeEvent::Asks);
        let Some(invocation) = waiting.recv().await else {
            return refusal(StatusCode::GONE, "Shutdown", "the function is being stopped");
        };
        let _ = self.tell.send(RuntimeEvent::Takes);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(invocation.request_id.clone());
        to_runtime(invocation)
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.finish(id) {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        match body_of(request).await {
            Some(payload) => {
                let _ = self.tell.send(RuntimeEvent::Answered(Answer::result(payload)));
                accepted()
            }
            None => {
                let _ = self.tell.send(RuntimeEvent::Answered(Answer::too_large()));
                refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "Exceeded maximum allowed payload size (6291556 bytes).",
                )
            }
        }
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.finish(id) {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let answer = body_of(request).await.map_or_else(Answer::too_large, Answer::error);
        let _ = self.tell.send(RuntimeEvent::Answered(answer));
        accepted()
    }

    async fn init_error(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let payload = body_of(request).await.unwrap_or_else(|| Answer::too_large().payload);
        let _ = self.tell.send(RuntimeEvent::InitFailed(payload));
        accepted()
    }

    /// Ends the running invocation if it has this id.
    fn finish(&self, id: &str) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.take_if(|own| own == id).is_some()
    }
}

/// Reads a body; nothing when it is too large or the runtime went away while sending it.
async fn body_of(request: Request<Incoming>) -> Option<String> {
    let body = Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some(String::from_utf8_lossy(&body).into_owned())
}

fn to_runtime(invocation: Invocation) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(invocation.payload));
    let headers = response.headers_mut();
    headers.insert("Content-Type", HeaderValue::from_static("application/json"));
    headers.insert("Lambda-Runtime-Deadline-Ms", HeaderValue::from(invocation.deadline_ms));
    let texts = [
        ("Lambda-Runtime-Aws-Request-Id", Some(invocation.request_id)),
        ("Lambda-Runtime-Invoked-Function-Arn", Some(invocation.function_arn)),
        ("Lambda-Runtime-Trace-Id", Some(invocation.trace_id)),
        ("Lambda-Runtime-Client-Context", invocation.client_context),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    json(status, &serde_json::json!({ "errorMessage": message, "errorType": error_type }))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("Content-Type", HeaderValue::from_static("application/json"));
    response
}
