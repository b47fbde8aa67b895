//! A server in the process and a raw client; scenarios as rows of (operation, request, status, answer).
#![allow(dead_code)] // every test file uses a part

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use stepwell_api::{Access, Api, Config, serve};
use stepwell_engine::{Answer, BoxFuture, Call, Dispatcher, Engine, Handle, Scope, SystemClock, names, registry};
use stepwell_interpreter::{FailedStage, Failure};
use stepwell_store::MemoryStore;
use stepwell_value::{Payload, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A service that submits everything that asks for a callback, and fails all else.
struct Services;

impl Dispatcher for Services {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            if call.request.resource.arn.contains("waitForTaskToken") {
                return Answer::Submitted(Payload::from_value(call.request.parameters.value().clone()));
            }
            Answer::Failed(Failure::new("NoSuchService", "as asked"), FailedStage::Run)
        })
    }
}

/// What all ARNs of the tests begin with.
pub const HEAD: &str = "arn:aws:states:us-east-1:123456789012";

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub handle: Handle,
    engine: Option<Engine>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub async fn start(access: Access) -> Server {
        Server::start_with(Config { access, ..Config::default() }).await
    }

    pub async fn start_with(api_config: Config) -> Server {
        let config = stepwell_engine::Config { loops: 1, ..stepwell_engine::Config::new([9; 32]) };
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::start(config, store, Arc::new(SystemClock), |_| Arc::new(Services)).await.unwrap();
        let api = Arc::new(Api::new(engine.handle(), api_config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(vec![listener], api, async {
            let _ = stopped.await;
        }));
        Server { address, handle: engine.handle(), engine: Some(engine), stop: Some(stop), serving }
    }

    pub async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }
    }

    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.serving.await.unwrap().unwrap();
        let engine = self.engine.take().unwrap();
        tokio::task::spawn_blocking(|| engine.shutdown()).await.unwrap();
    }

    /// Waits until the execution with this ARN has ended.
    pub async fn ended(&self, arn: &str) {
        let parts: Vec<&str> = arn.split(':').collect();
        let key = match names::key_of(self.handle.secret(), parts[7]) {
            Some(key) => key,
            None => {
                let machine = registry::machine(&**self.handle.store(), &Scope::of_arn(arn), parts[6]).unwrap();
                self.handle.find(machine.unwrap().key, parts[7]).unwrap().unwrap().key
            }
        };
        self.handle.ended(key).await;
    }
}

/// A connection that is kept alive.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> (Response<()>, String) {
        self.sender.ready().await.unwrap();
        let (parts, body) = self.sender.send_request(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub async fn call(&mut self, operation: &str, body: &str) -> (u16, Value) {
        let (response, body) = self.send(request(operation, body)).await;
        (response.status().as_u16(), Value::parse(&body).unwrap())
    }

    /// The answer to a call that succeeds.
    pub async fn ok(&mut self, operation: &str, body: &str) -> Value {
        let (status, answer) = self.call(operation, body).await;
        assert_eq!(status, 200, "{operation} {body}: {answer}");
        answer
    }
}

/// A call of the API, not signed; of Stepwell's own with its prefix.
pub fn request(operation: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post("/")
        .header("host", "localhost")
        .header("content-type", "application/x-amz-json-1.0")
        .header(
            "x-amz-target",
            if operation.contains('.') { operation.to_owned() } else { format!("AWSStepFunctions.{operation}") },
        )
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

/// What an error answers: `Code: message`.
pub fn told(answer: &Value) -> String {
    let text = |member: &str| answer.get(member).and_then(Value::as_str).unwrap_or("");
    format!("{}: {}", text("__type").rsplit('#').next().unwrap_or(""), text("message")).trim().to_owned()
}

/// A row of a scenario: operation, request, status, answer. In the answer `"*"` stands for anything, and `"<name>"` for a
/// value that is remembered and stands for itself from then on, in requests too. `A:` at the begin of a text is short for
/// `arn:aws:states:us-east-1:123456789012:`, and in an error `Code: message` stands for the whole body.
pub type Row = (&'static str, &'static str, u16, &'static str);

/// Runs rows on a server of their own. In requests, and in answers as a whole text, each name stands for the text beside it.
#[track_caller]
pub fn check(names: &[(&str, &str)], rows: &[Row]) {
    let request = |body: &str| names.iter().fold(body.to_owned(), |body, (name, text)| body.replace(name, text));
    let quoted = |text: &str| format!("\"{text}\"");
    let answer = |body: &str| {
        names.iter().fold(body.to_owned(), |body, (name, text)| body.replace(&quoted(name), &quoted(text)))
    };
    let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let rows: Vec<Row> = rows.iter().map(|row| (row.0, leaked(request(row.1)), row.2, leaked(answer(row.3)))).collect();
    on_a_server(async |server| scenario(server, &mut Known::default(), &rows).await);
}

/// Runs a test against a server of its own.
#[track_caller]
pub fn on_a_server(test: impl AsyncFnOnce(&Server)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(Access::default()).await;
        test(&server).await;
        server.stop().await;
    });
}

/// What a scenario has remembered.
#[derive(Default)]
pub struct Known(BTreeMap<String, Value>);

impl Known {
    pub fn text(&self, name: &str) -> String {
        self.0[name].as_str().unwrap().to_owned()
    }
}

/// Runs rows one after the other. The operation `ended` waits for an execution.
#[track_caller]
pub fn scenario<'a>(server: &'a Server, known: &'a mut Known, rows: &'a [Row]) -> impl Future<Output = ()> + use<'a> {
    let caller = std::panic::Location::caller();
    async move {
        let mut client = server.client().await;
        for (index, (operation, body, status, expected)) in rows.iter().enumerate() {
            let body = filled(body, known);
            if *operation == "ended" {
                server.ended(&body).await;
                continue;
            }
            let (got_status, got) = client.call(operation, &body).await;
            let place = format!("{caller}, row {index}: {operation} {body}\n     got: {got_status} {got}");
            assert_eq!(got_status, *status, "{place}");
            if *status == 200 {
                let pattern = Value::parse(&long(expected)).unwrap();
                assert!(matches(&pattern, &got, known), "{place}\nexpected: {pattern}");
            } else {
                assert_eq!(told(&got), filled(expected, known), "{place}");
            }
        }
    }
}

fn long(text: &str) -> String {
    ["\"", "'", "["]
        .iter()
        .fold(text.to_owned(), |text, before| text.replace(&format!("{before}A:"), &format!("{before}{HEAD}:")))
}

fn filled(text: &str, known: &Known) -> String {
    let mut text = long(text);
    for (name, value) in &known.0 {
        text = text.replace(&format!("<{name}>"), value.as_str().unwrap_or_default());
    }
    text
}

fn matches(pattern: &Value, got: &Value, known: &mut Known) -> bool {
    match (pattern, got) {
        (Value::String(text), _) if &**text == "*" => true,
        (Value::String(text), _) if text.starts_with('<') && text.ends_with('>') => {
            let name = text.trim_matches(['<', '>']).to_owned();
            known.0.entry(name).or_insert_with(|| got.clone()) == got
        }
        (Value::Object(pattern), Value::Object(got)) => {
            pattern.len() == got.len()
                && pattern.iter().all(|(key, inner)| got.get(key).is_some_and(|got| matches(inner, got, known)))
        }
        (Value::Array(pattern), Value::Array(got)) => {
            pattern.len() == got.len() && pattern.iter().zip(got.iter()).all(|(one, two)| matches(one, two, known))
        }
        _ => pattern == got,
    }
}
