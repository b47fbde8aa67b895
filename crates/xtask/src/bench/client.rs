//! A small HTTP/1.1 keep-alive client for AWS JSON 1.0: one connection, one request at a time, nothing that costs.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What every SDK sends besides the operation: the server under test reads it as it would a real one.
const SIGNED: &str = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/states/aws4_request, \
                      SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                      Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n\
                      x-amz-date: 20260101T000000Z\r\n";

/// A connection to a server.
pub struct Connection {
    stream: TcpStream,
    /// What was read and not yet used.
    buffer: Vec<u8>,
    /// The request that is being written.
    request: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: &str) -> Result<Connection, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Connection { stream, buffer: Vec::with_capacity(4096), request: Vec::with_capacity(1024) })
    }

    /// Calls an operation; gives the body of the answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer's status is not 200.
    pub async fn call(&mut self, operation: &str, body: &str) -> Result<String, String> {
        self.request.clear();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-amz-json-1.0\r\n{SIGNED}\
             x-amz-target: AWSStepFunctions.{operation}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        let broken = |error: std::io::Error| format!("{operation}: the connection broke: {error}");
        self.stream.write_all(&self.request).await.map_err(broken)?;
        let (status, body) = self.answer().await.map_err(broken)?;
        if status == 200 { Ok(body) } else { Err(format!("{operation}: {status} {body}")) }
    }

    /// Reads one answer.
    async fn answer(&mut self) -> std::io::Result<(u16, String)> {
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).into_owned();
        let (status, length) = status_and_length(&text);
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        let body = String::from_utf8_lossy(self.buffer.get(head..head + length).unwrap_or_default()).into_owned();
        self.buffer.drain(..head + length);
        Ok((status, body))
    }

    async fn more(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn status_and_length(head: &str) -> (u16, usize) {
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    (status, length.unwrap_or(0))
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The text of a member of a JSON body, without reading the whole of it: enough for ARNs and tokens, which need no escapes.
pub fn member<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("\"{name}\":"))?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::{find, member, status_and_length};

    #[test]
    fn answers_are_understood() {
        assert_eq!(status_and_length("HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\n"), (400, 17));
        assert_eq!(find(b"ab\r\n\r\nc", b"\r\n\r\n"), Some(2));
        assert_eq!(member(r#"{"a": 1, "taskToken":"AbC=", "input":"{}"}"#, "taskToken"), Some("AbC="));
        assert_eq!(member("{}", "taskToken"), None);
    }
}
