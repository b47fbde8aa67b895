//! The canonical request and the string to sign. Signing and verifying share them.

use std::fmt::Write as _;

use crate::ALGORITHM;
use crate::hash::sha256_hex;
use crate::request::{Body, SignedRequest};
use crate::scope::CredentialScope;

/// How a service wants its path signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathStyle {
    /// Dots resolved, slashes merged, escapes escaped again: every service but S3.
    #[default]
    Normalized,
    /// As on the wire: S3.
    AsSent,
}

/// What a signature leaves out of the query: itself.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// Builds the canonical request.
///
/// `signed_headers` are lower-case and sorted.
pub(crate) fn canonical_request(request: &SignedRequest, signed_headers: &[&str], style: PathStyle) -> String {
    let mut headers = String::new();
    for name in signed_headers {
        let _ = writeln!(headers, "{name}:{}", header_value(request, name)); // writing to a String cannot fail
    }
    let path = match style {
        PathStyle::Normalized => escape(&normalize(request.path), true),
        PathStyle::AsSent => escape(&unescape(request.path), true),
    };
    let (query, names) = (canonical_query(request.query), signed_headers.join(";"));
    format!("{}\n{path}\n{query}\n{headers}\n{names}\n{}", request.method, payload_hash(request))
}

/// Builds the text that is signed.
pub(crate) fn string_to_sign(amz_date: &str, scope: &CredentialScope, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// The hash that the client declares, or that of the body. Whether a declared one is true is for the verifier to see.
fn payload_hash(request: &SignedRequest) -> String {
    match (request.header("x-amz-content-sha256"), request.body) {
        (Some(declared), _) => declared.trim().to_owned(),
        (None, Body::Hash(hash)) => hash.to_owned(),
        (None, Body::Bytes(bytes)) => sha256_hex(bytes),
    }
}

/// Values of one name are joined by commas; blanks at the ends go, blanks in between become one.
fn header_value(request: &SignedRequest, name: &str) -> String {
    let values = request.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
    let values: Vec<String> =
        values.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
    values.join(",")
}

fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<(String, String)> = pairs
        .filter(|(name, _)| *name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (escape(&unescape(name), false), escape(&unescape(value), false)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Resolves `.` and `..` and merges slashes (RFC 3986 § 6), keeping a slash at the end.
fn normalize(path: &str) -> Vec<u8> {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    let mut out = String::from("/");
    out.push_str(&kept.join("/"));
    if path.ends_with('/') && !kept.is_empty() {
        out.push('/');
    }
    out.into_bytes()
}

/// Escapes everything but the unreserved characters; `/` too, unless it is a path.
fn escape(bytes: &[u8], is_path: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(*byte)),
            b'/' if is_path => out.push('/'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Resolves `%XX`; anything else stays, so that a client that escapes less is understood too.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'%', Some(high), Some(low)) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{canonical_query, escape, normalize, unescape};

    #[track_caller]
    fn check_path(path: &str, expected: &str) {
        assert_eq!(escape(&normalize(path), true), expected);
    }

    #[test]
    fn paths() {
        check_path("", "/");
        check_path("/", "/");
        check_path("//", "/");
        check_path("/example/..", "/");
        check_path("/./example/", "/example/");
        check_path("/a%20b/c d/~", "/a%2520b/c%20d/~");
        check_path("/ሴ", "/%E1%88%B4");
        assert_eq!(escape(&unescape("/a%20b/%C3%BC//c"), true), "/a%20b/%C3%BC//c");
        assert_eq!(unescape("%zz%4"), b"%zz%4");
    }

    #[test]
    fn queries() {
        assert_eq!(canonical_query("b=2&a=1&a=0&c=%2f x&d=&e&X-Amz-Signature=1"), "a=0&a=1&b=2&c=%2F%20x&d=&e=");
        assert_eq!(canonical_query(""), "");
    }
}
