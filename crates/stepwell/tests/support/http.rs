//! The API over HTTP, one connection a call: fast enough for load, and with nothing between a test and the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// One call; `None` when there was no whole answer. `Err` is an error of the API.
pub fn call(port: u16, operation: &str, input: &Value) -> Option<Result<Value, Value>> {
    let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(70))).ok()?;
    let body = input.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let ok = line.contains(" 200 ");
    let mut length = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    let value = serde_json::from_slice(&body).ok()?;
    Some(if ok { Ok(value) } else { Err(value) })
}

/// A call that must succeed.
#[track_caller]
pub fn must(port: u16, operation: &str, input: &Value) -> Value {
    match call(port, operation, input) {
        Some(Ok(answer)) => answer,
        other => panic!("{operation} {input}: {other:?}"),
    }
}
