//! Local functions with real processes: `python3` and `node` have to be installed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{process::Command, time::Instant};

use super::*;

/// Keeps the lines.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn line(&self, function: &str, stream: LogStream, line: &str) {
        self.0.lock().unwrap().push(format!("{function} {stream:?} {line}"));
    }
}

/// A folder with functions, and the functions running.
struct Fixture {
    folder: PathBuf,
    lines: Arc<Lines>,
    functions: Arc<LocalFunctions>,
}

impl Fixture {
    fn with(files: &[(&str, &str)]) -> Self {
        for program in ["python3", "node"] {
            let found =
                std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(program).is_file());
            assert!(found, "`{program}` is not in PATH: these tests run real functions, install it");
        }
        let folder = std::env::temp_dir().join(format!("stepwell-lambda-{}", crate::ids::unique()));
        for (name, text) in files {
            write(&folder.join(name), text);
        }
        let options = LocalOptions { runtime_folder: folder.join("runtime"), ..LocalOptions::default() };
        let lines = Arc::new(Lines::default());
        let functions = LocalFunctions::new(discover(&folder).unwrap(), options, lines.clone()).unwrap();
        Self { folder, lines, functions: Arc::new(functions) }
    }

    fn python(body: &str) -> Self {
        Self::with(&[("functions/f/app.py", body)])
    }

    fn node(body: &str) -> Self {
        Self::with(&[("functions/f/index.mjs", body)])
    }

    async fn invoke(&self, payload: &str) -> Invoked {
        self.call("f", payload, InvokeOptions::default()).await.unwrap()
    }

    async fn call(&self, name: &str, payload: &str, options: InvokeOptions) -> Result<Invoked, InvokeError> {
        let lambda = Lambda::new(Some(self.functions.clone()), None);
        lambda.invoke(&FunctionRef::parse(name, &Place::default()).unwrap(), payload, &options).await
    }

    /// Expects this answer.
    #[track_caller]
    fn is(invoked: &Invoked, payload: &str) {
        assert_eq!((invoked.payload.as_str(), &invoked.function_error), (payload, &None));
    }

    /// Expects this error, in which `ID` stands for the request's id.
    #[track_caller]
    fn fails(invoked: &Invoked, payload: &str) {
        assert_eq!(invoked.payload.replace(&invoked.request_id, "ID"), payload);
        assert_eq!(invoked.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(invoked.status_code, 200);
    }

    fn logged(&self) -> String {
        self.lines.0.lock().unwrap().join("\n")
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.functions.shutdown();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    let executable = file.ends_with("bootstrap");
    fs::set_permissions(file, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
}

/// Waits until a process is gone (or a zombie of somebody else's).
async fn gone(process: i32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let runs = || fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(Instant::now() < deadline, "process {process} still runs");
        tokio::task::yield_now().await;
    }
}

const COUNTER: &str = "import os\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return [os.getpid(), count]\n";

fn pair(invoked: &Invoked) -> (i32, i32) {
    serde_json::from_str(&invoked.payload).unwrap()
}

#[tokio::test]
async fn python_answers_and_stays_warm() {
    let fixture = Fixture::python(COUNTER);
    let (process, _) = pair(&fixture.invoke("{}").await);
    for count in 2..5 {
        assert_eq!(pair(&fixture.invoke("{}").await), (process, count));
    }
    assert_eq!(fixture.functions.pool("f").idle_groups().len(), 1);
}

#[tokio::test]
async fn python_sees_what_lambda_shows() {
    let fixture = Fixture::python(
        "import os\ndef handler(event, context):\n    assert 50000 < context.get_remaining_time_in_millis() <= 60000\n    return [event, context.function_name, context.invoked_function_arn, context.memory_limit_in_mb, context.function_version,\n        context.log_group_name, os.environ['AWS_REGION'], os.environ['_HANDLER'], os.path.basename(os.environ['LAMBDA_TASK_ROOT']), context.aws_request_id]\n",
    );
    let invoked = fixture.call("f:live", r#"{"a":1.5}"#, InvokeOptions::default()).await.unwrap();
    let expected = format!(
        r#"[{{"a": 1.5}}, "f", "arn:aws:lambda:us-east-1:123456789012:function:f:live", "128", "$LATEST", "/aws/lambda/f", "us-east-1", "app.handler", "f", "{}"]"#,
        invoked.request_id
    );
    Fixture::is(&invoked, &expected);
    assert_eq!(invoked.executed_version.as_deref(), Some("$LATEST"));
    let names: Vec<&str> = invoked.headers.iter().map(|(name, _)| name.as_str()).collect();
    // recorded: services/test_lambda_task_service.py::test_invoke
    let recorded = [
        "X-Amz-Executed-Version",
        "x-amzn-Remapped-Content-Length",
        "Connection",
        "x-amzn-RequestId",
        "Content-Length",
        "Date",
        "X-Amzn-Trace-Id",
        "Content-Type",
    ];
    assert_eq!(names, recorded);
}

#[tokio::test]
async fn python_values_of_every_kind() {
    let fixture =
        Fixture::python("def handler(event, context):\n    return b'\"HelloWorld!\"' if event == 'bytes' else event\n");
    // recorded: services/test_lambda_task.py::test_invoke_json_values, test_invoke_bytes_payload
    for text in ["null", "0", "1.5", "\"\"", "[]", "{}", "true", r#"{"a": [1, {"b": null}]}"#] {
        Fixture::is(&fixture.invoke(text).await, text);
    }
    Fixture::is(&fixture.invoke("\"bytes\"").await, "\"HelloWorld!\"");
    Fixture::is(&fixture.invoke("").await, "{}");
}

#[tokio::test]
async fn python_errors_have_lambdas_shape() {
    let fixture = Fixture::python(
        "def handler(event, context):\n    if event == 'own':\n        class CustomException(Exception): pass\n        raise CustomException()\n    if event == 'set': return {1}\n    raise Exception(\"Some exception was raised.\")\n",
    );
    // recorded: error_handling/test_task_service_lambda.py::test_raise_exception, test_raise_custom_exception
    Fixture::fails(
        &fixture.invoke("{}").await,
        r#"{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "ID", "stackTrace": ["  File \"/var/task/app.py\", line 6, in handler\n    raise Exception(\"Some exception was raised.\")\n"]}"#,
    );
    Fixture::fails(
        &fixture.invoke("\"own\"").await,
        r#"{"errorMessage": "", "errorType": "CustomException", "requestId": "ID", "stackTrace": ["  File \"/var/task/app.py\", line 4, in handler\n    raise CustomException()\n"]}"#,
    );
    Fixture::fails(
        &fixture.invoke("\"set\"").await,
        r#"{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": []}"#,
    );
    assert_eq!(fixture.functions.pool("f").idle_groups().len(), 1, "a failed function stays warm");
}

#[tokio::test]
async fn python_that_cannot_be_loaded() {
    let init = |error_type: &str, message: &str| {
        format!(r#"{{"errorMessage": "{message}", "errorType": "{error_type}", "requestId": "", "stackTrace": []}}"#)
    };
    let fixture = Fixture::python("import no_such_module\n");
    Fixture::fails(
        &fixture.invoke("{}").await,
        &init("Runtime.ImportModuleError", "Unable to import module 'app': No module named 'no_such_module'"),
    );
    let fixture = Fixture::python("x = 1\n");
    Fixture::fails(
        &fixture.invoke("{}").await,
        &init("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
    );
    let fixture = Fixture::python("def handler(\n");
    let payload = fixture.invoke("{}").await.payload;
    assert!(payload.starts_with(r#"{"errorMessage": "Syntax error in module 'app': '(' was never closed (app.py, line 1)", "errorType": "Runtime.UserCodeSyntaxError""#), "{payload}");
}

#[tokio::test]
async fn node_answers_in_every_style() {
    let fixture = Fixture::node(
        "let count = 0;\nexport const handler = (event, context, callback) => {\n  if (event === 'callback') return void setTimeout(() => callback(null, ['later', context.functionName]), 1);\n  if (event === 'nothing') return;\n  if (event === 'succeed') return void context.succeed({ ok: true });\n  return Promise.resolve([event, ++count, context.getRemainingTimeInMillis() > 50000]);\n};\n",
    );
    Fixture::is(&fixture.invoke(r#"{"a":1}"#).await, r#"[{"a":1},1,true]"#);
    Fixture::is(&fixture.invoke(r#""callback""#).await, r#"["later","f"]"#);
    Fixture::is(&fixture.invoke(r#""nothing""#).await, "null");
    Fixture::is(&fixture.invoke(r#""succeed""#).await, r#"{"ok":true}"#);
    Fixture::is(&fixture.invoke(r#"{"a":1}"#).await, r#"[{"a":1},2,true]"#);
}

#[tokio::test]
async fn node_takes_commonjs_too() {
    let fixture = Fixture::with(&[("functions/f/index.js", "exports.handler = async (event) => ({ got: event });\n")]);
    Fixture::is(&fixture.invoke("[1]").await, r#"{"got":[1]}"#);
}

#[tokio::test]
async fn node_errors_have_lambdas_shape() {
    let fixture = Fixture::node(
        "class OutOfStock extends Error { constructor(m) { super(m); this.name = 'OutOfStock'; } }\nexport const handler = async (event) => {\n  if (event === 'text') throw 'just text';\n  if (event === 'crash') { setTimeout(() => { throw new Error('nobody catches'); }, 1); return new Promise(() => {}); }\n  throw new OutOfStock('no more');\n};\n",
    );
    let payload = fixture.invoke("{}").await.payload;
    assert!(
        payload.starts_with(
            r#"{"errorType":"OutOfStock","errorMessage":"no more","trace":["OutOfStock: no more","    at "#
        ),
        "{payload}"
    );
    assert!(payload.contains("/var/task/index.mjs:5:"), "{payload}");
    Fixture::fails(
        &fixture.invoke("\"text\"").await,
        r#"{"errorType":"string","errorMessage":"just text","trace":[]}"#,
    );
    let payload = fixture.invoke("\"crash\"").await.payload;
    assert!(payload.starts_with(r#"{"errorType":"Error","errorMessage":"nobody catches""#), "{payload}");
    assert!(fixture.invoke("{}").await.payload.contains("OutOfStock"), "the next call gets a new process");
}

#[tokio::test]
async fn node_that_cannot_be_loaded() {
    #[track_caller]
    fn check(invoked: &Invoked, beginning: &str) {
        assert!(invoked.payload.starts_with(beginning), "{}", invoked.payload);
        assert_eq!(invoked.function_error.as_deref(), Some("Unhandled"));
    }
    let fixture = Fixture::node("import 'no-such-package';\n");
    check(
        &fixture.invoke("{}").await,
        r#"{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find package 'no-such-package' imported from /var/task/index.mjs""#,
    );
    let fixture = Fixture::node("export const main = 1;\n");
    check(
        &fixture.invoke("{}").await,
        r#"{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported""#,
    );
    let fixture = Fixture::node("export const = 1;\n");
    check(
        &fixture.invoke("{}").await,
        r#"{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: Unexpected token '='""#,
    );
}

#[tokio::test]
async fn a_bootstrap_of_the_functions_own() {
    let bootstrap = r#"#!/bin/sh
set -e
exec python3 - <<'PYTHON'
import os, urllib.request
base = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/invocation/'
while True:
    event = urllib.request.urlopen(base + 'next')
    id = event.headers['Lambda-Runtime-Aws-Request-Id']
    urllib.request.urlopen(base + id + '/response', b'{"got":' + event.read() + b'}')
PYTHON
"#;
    let fixture = Fixture::with(&[("functions/f/bootstrap", bootstrap)]);
    Fixture::is(&fixture.invoke("1").await, r#"{"got":1}"#);
    Fixture::is(&fixture.invoke("2").await, r#"{"got":2}"#);
    let bootstrap = fixture.folder.join("functions/f/bootstrap");
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o644)).unwrap();
    write(&fixture.folder.join("functions/f/changed"), "");
    let payload = fixture.invoke("3").await.payload;
    assert!(
        payload.starts_with(r#"{"errorType":"Runtime.InvalidEntrypoint""#) && payload.contains("make it executable"),
        "{payload}"
    );
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_killed() {
    let fixture = Fixture::with(&[
        (
            "functions/f/app.py",
            "import os, subprocess, time\ndef handler(event, context):\n    child = subprocess.Popen(['sleep', '600'])\n    print(os.getpid(), child.pid)\n    time.sleep(600)\n",
        ),
        ("stepwell.toml", "[functions.f]\ntimeout_seconds = 1\n"),
    ]);
    Fixture::fails(
        &fixture.invoke("{}").await,
        r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}"#,
    );
    let logged = fixture.logged();
    let printed = logged.lines().find_map(|line| line.strip_prefix("f Stdout ")).unwrap();
    for process in printed.split(' ') {
        gone(process.parse().unwrap()).await;
    }
    assert_eq!(fixture.functions.pool("f").idle_groups().len(), 0);
}

#[tokio::test]
async fn a_process_that_ends_while_it_runs() {
    let fixture = Fixture::python(
        "import os, signal, sys\ndef handler(event, context):\n    if event == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n    sys.exit(event)\n",
    );
    let error = |how: &str| {
        format!(r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited {how}"}}"#)
    };
    Fixture::fails(&fixture.invoke("1").await, &error("with error: exit status 1"));
    Fixture::fails(&fixture.invoke("0").await, &error("without providing a reason"));
    Fixture::fails(&fixture.invoke("\"kill\"").await, &error("with error: signal: killed"));
}

#[tokio::test]
async fn a_warm_process_that_has_gone_costs_no_invocation() {
    let fixture = Fixture::python(COUNTER);
    let (first, _) = pair(&fixture.invoke("{}").await);
    for group in fixture.functions.pool("f").idle_groups() {
        assert_eq!(group.id(), first);
        group.kill();
        gone(first).await;
    }
    let (second, count) = pair(&fixture.invoke("{}").await);
    assert!(second != first && count == 1);
}

const RENDEZVOUS: &str = "import os, time\ndef handler(event, context):\n    open(f\"{event['folder']}/{event['me']}\", 'w').close()\n    while len(os.listdir(event['folder'])) < event['all']: time.sleep(0.005)\n    return os.getpid()\n";

#[tokio::test]
async fn as_many_processes_as_calls_and_no_more_than_the_limit() {
    let fixture =
        Fixture::with(&[("functions/f/app.py", RENDEZVOUS), ("stepwell.toml", "[functions.f]\nconcurrency = 2\n")]);
    let together = fixture.folder.join("together");
    fs::create_dir_all(&together).unwrap();
    let event =
        |me: u32, all: u32| serde_json::json!({ "folder": together, "me": me.to_string(), "all": all }).to_string();
    let (one, two) = (event(1, 3), event(2, 3));
    let finish = async {
        while fs::read_dir(&together).unwrap().count() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = fixture.call("f", "{}", InvokeOptions::default()).await.unwrap_err();
        assert_eq!(
            (refused.name().as_str(), refused.message.as_str(), refused.status_code),
            ("Lambda.TooManyRequestsException", "Rate Exceeded.", 429)
        );
        write(&together.join("3"), "");
    };
    let (one, two, ()) = tokio::join!(fixture.invoke(&one), fixture.invoke(&two), finish);
    assert_ne!(one.payload, two.payload, "two processes ran at a time");
}

#[tokio::test]
async fn without_a_limit_of_its_own_calls_queue() {
    let fixture = Fixture::python(COUNTER);
    let options =
        LocalOptions { runtime_folder: fixture.folder.join("runtime"), processes_max: 1, ..LocalOptions::default() };
    let functions =
        Arc::new(LocalFunctions::new(discover(&fixture.folder).unwrap(), options, fixture.lines.clone()).unwrap());
    let function = FunctionRef::parse("f", &Place::default()).unwrap();
    let call = || {
        functions.invoke(
            &function,
            "{}",
            const {
                &InvokeOptions {
                    invocation_type: InvocationType::RequestResponse,
                    log_tail: false,
                    client_context: None,
                    qualifier: None,
                    trace_id: None,
                }
            },
        )
    };
    let (a, b, c) = tokio::join!(call(), call(), call());
    let mut counts = [a, b, c].map(|invoked| pair(&invoked.unwrap()).1);
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3], "one process served all");
}

#[tokio::test]
async fn changed_code_is_loaded_anew() {
    let fixture = Fixture::python("def handler(event, context): return 1\n");
    Fixture::is(&fixture.invoke("{}").await, "1");
    let old = fixture.functions.pool("f").idle_groups()[0].id();
    write(&fixture.folder.join("functions/f/app.py"), "def handler(event, context): return 2\n");
    Fixture::is(&fixture.invoke("{}").await, "2");
    gone(old).await;
}

#[tokio::test]
async fn idle_processes_are_stopped_after_a_while() {
    let fixture = Fixture::python(COUNTER);
    let (process, _) = pair(&fixture.invoke("{}").await);
    let (pool, idle_for) = (fixture.functions.pool("f"), Duration::from_mins(5));
    pool.stop_idle(idle_for, Instant::now());
    assert_eq!(pool.idle_groups().len(), 1);
    pool.stop_idle(idle_for, Instant::now() + idle_for);
    assert_eq!(pool.idle_groups().len(), 0);
    gone(process).await;
}

#[tokio::test]
async fn shutdown_stops_idle_and_busy_processes() {
    let fixture = Fixture::with(&[
        ("functions/f/app.py", COUNTER),
        (
            "functions/busy/app.py",
            "import os, time\ndef handler(event, context):\n    open(event, 'w').write(str(os.getpid()) + '\\n')\n    time.sleep(600)\n",
        ),
    ]);
    let (idle, _) = pair(&fixture.invoke("{}").await);
    let file = fixture.folder.join("busy.pid");
    let event = serde_json::json!(file).to_string();
    let stop = async {
        let busy: i32 = loop {
            match fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')) {
                Some(text) => break text.trim().parse().unwrap(),
                None => tokio::task::yield_now().await,
            }
        };
        fixture.functions.shutdown();
        gone(busy).await;
        gone(idle).await;
    };
    let (result, ()) = tokio::join!(fixture.call("busy", &event, InvokeOptions::default()), stop);
    assert!(result.unwrap().payload.contains("signal: killed"));
    assert!(!fixture.functions.contains("f"));
}

#[tokio::test]
async fn functions_that_stay_as_they_were_keep_their_processes() {
    let fixture = Fixture::with(&[("functions/f/app.py", COUNTER), ("functions/g/app.py", COUNTER)]);
    let (process, _) = pair(&fixture.invoke("{}").await);
    let (other, _) = pair(&fixture.call("g", "{}", InvokeOptions::default()).await.unwrap());
    let mut specs = discover(&fixture.folder).unwrap();
    specs[1].timeout = Duration::from_secs(5);
    fixture.functions.replace(specs);
    assert_eq!(pair(&fixture.invoke("{}").await), (process, 2));
    gone(other).await;
    fixture.functions.replace(Vec::new());
    gone(process).await;
}

#[tokio::test]
async fn a_function_has_no_children_but_its_own() {
    let fixture = Fixture::python(
        "import os, sys\ndef handler(event, context):\n    try: return os.wait()\n    except ChildProcessError: return sys.stdin.read()\n",
    );
    Fixture::is(&fixture.invoke("{}").await, "\"\"");
}

/// The server's part in `functions_end_with_the_server`: it starts a function, says so, and waits to be killed.
#[tokio::test]
async fn child_of_functions_end_with_the_server() {
    let Some(folder) = std::env::var_os("STEPWELL_TEST_FOLDER") else { return };
    let folder = PathBuf::from(folder);
    let options = LocalOptions { runtime_folder: folder.join("runtime"), ..LocalOptions::default() };
    let functions = LocalFunctions::new(found(&folder).unwrap(), options, Arc::new(Lines::default())).unwrap();
    let function = FunctionRef::parse("f", &Place::default()).unwrap();
    let event = serde_json::json!(folder.join("pid")).to_string();
    functions.invoke(&function, &event, &InvokeOptions::default()).await.unwrap();
}

#[tokio::test]
async fn functions_end_with_the_server() {
    let fixture = Fixture::python(
        "import os\ndef handler(event, context):\n    open(event, 'w').write(str(os.getpid()) + '\\n')\n    while True: pass\n",
    );
    let mut server = Command::new(std::env::current_exe().unwrap());
    server
        .args(["--exact", "lambda::tests::child_of_functions_end_with_the_server"])
        .env("STEPWELL_TEST_FOLDER", &fixture.folder);
    let mut server = server.stdout(std::process::Stdio::null()).spawn().unwrap();
    let process: i32 = loop {
        match fs::read_to_string(fixture.folder.join("pid")).ok().filter(|text| text.ends_with('\n')) {
            Some(text) => break text.trim().parse().unwrap(),
            None => tokio::task::yield_now().await,
        }
    };
    server.kill().await.unwrap(); // SIGKILL: nothing in the server can clean up
    gone(process).await;
}

#[tokio::test]
async fn lines_go_to_the_log() {
    let fixture = Fixture::python(
        "import logging, sys\ndef handler(event, context):\n    print('to stdout')\n    print('to stderr', file=sys.stderr)\n    logging.getLogger().warning('careful')\n    return 1\n",
    );
    let options = InvokeOptions { log_tail: true, ..InvokeOptions::default() };
    let invoked = fixture.call("f", "{}", options).await.unwrap();
    assert!(invoked.log_result.is_some());
    let deadline = Instant::now() + Duration::from_secs(10);
    let wanted = [
        "f Stdout to stdout",
        "f Stderr to stderr",
        "f Stdout [WARNING]\t",
        "f Platform START RequestId: ",
        "f Platform REPORT RequestId: ",
    ];
    while !wanted.iter().all(|line| fixture.logged().contains(line)) {
        assert!(Instant::now() < deadline, "{}", fixture.logged());
        tokio::task::yield_now().await;
    }
}

#[test]
fn the_log_file_of_a_function() {
    let folder = std::env::temp_dir().join(format!("stepwell-logs-{}", crate::ids::unique()));
    let logs = FunctionLogs::new(false, Some(folder.clone())).unwrap();
    logs.line("f", LogStream::Stdout, "one");
    logs.line("f", LogStream::Platform, "two");
    let text = fs::read_to_string(folder.join("f.log")).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(lines, ["one", "two"]);
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn calls_that_do_not_wait() {
    let fixture = Fixture::python("def handler(event, context):\n    open(event, 'w').close()\n");
    let with = |invocation_type| InvokeOptions { invocation_type, ..InvokeOptions::default() };
    let file = fixture.folder.join("ran");
    let event = serde_json::json!(file).to_string();
    let dry = fixture.call("f", &event, with(InvocationType::DryRun)).await.unwrap();
    assert_eq!((dry.status_code, dry.payload.as_str(), dry.executed_version), (204, "", None));
    let event_only = fixture.call("f", &event, with(InvocationType::Event)).await.unwrap();
    assert_eq!((event_only.status_code, event_only.payload.as_str()), (202, ""));
    while !file.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_nobody_waits_for_runs_to_its_end() {
    let fixture = Fixture::python(
        "import time\ndef handler(event, context):\n    open(event + '.begun', 'w').close()\n    time.sleep(0.05)\n    open(event, 'w').close()\n",
    );
    let file = fixture.folder.join("ran");
    let event = serde_json::json!(file).to_string();
    tokio::select! {
        _ = fixture.invoke(&event) => panic!("it ended too early"),
        () = async { while !fixture.folder.join("ran.begun").exists() { tokio::task::yield_now().await } } => {}
    }
    while !file.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_local_function_refuses() {
    let fixture = Fixture::python("def handler(event, context): return 'a' * event\n");
    let error = fixture.call("f", "{not json", InvokeOptions::default()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.status_code), ("InvalidRequestContentException", 400));
    let error =
        fixture.call("f", &format!("\"{}\"", "a".repeat(6_291_456)), InvokeOptions::default()).await.unwrap_err();
    assert_eq!(
        error.message,
        "6291458 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    );
    let invoked = fixture.invoke("7000000").await;
    Fixture::fails(
        &invoked,
        r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#,
    );
    Fixture::is(&fixture.invoke("1").await, "\"a\"");
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let fixture = Fixture::with(&[
        ("functions/f/app.py", COUNTER),
        ("stepwell.toml", "[functions.f]\ninterpreter = \"/no/such/python\"\n"),
    ]);
    let invoked = fixture.invoke("{}").await;
    assert!(
        invoked.payload.contains("Runtime.InvalidEntrypoint") && invoked.payload.contains("/no/such/python"),
        "{}",
        invoked.payload
    );
}
