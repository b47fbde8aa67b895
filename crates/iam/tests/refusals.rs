//! Requests that are not believed, and what AWS says.

#![allow(clippy::unwrap_used)] // helpers of tests may, as tests may

use stepwell_iam::{AuthError, Body, Claim, PathStyle, SignedRequest, Signer};
use stepwell_value::Timestamp;

const SECRET: &str = "secret";
/// 2015-08-30T12:36:00Z
const NOW: Timestamp = Timestamp(1_440_938_160_000);
const HOST: (&str, &str) = ("host", "sync-localhost:8083");

/// Reads and verifies a request for `states` with these headers.
fn verdict(headers: &[(&str, &str)], query: &str, body: &str, now: Timestamp) -> Result<(), AuthError> {
    let request = SignedRequest { method: "POST", path: "/", query, headers, body: Body::Bytes(body.as_bytes()) };
    Claim::of(&request)?.verify(&request, SECRET, "states", now)
}

/// Signs a request, then sends it at another time, with another body or to another service.
fn signed(service: &str, extra: &[(&str, &str)], sent_body: &str, now: Timestamp) -> Result<(), AuthError> {
    let signer = Signer {
        access_key: "AKID".to_owned(),
        secret: SECRET.to_owned(),
        session_token: None,
        region: "eu-west-1".to_owned(),
        service: service.to_owned(),
        path_style: PathStyle::Normalized,
    };
    let mut headers = vec![HOST];
    headers.extend_from_slice(extra);
    let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: Body::Bytes(b"{}") };
    let added = signer.sign(&request, NOW);
    let mut sent = headers.clone();
    sent.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    verdict(&sent, "", sent_body, now)
}

#[track_caller]
fn refuses(verdict: Result<(), AuthError>, code: &str, message: &str) {
    let error = verdict.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (code, message));
}

#[test]
fn unsigned_requests() {
    let message = "Missing Authentication Token";
    refuses(verdict(&[HOST], "", "", NOW), "MissingAuthenticationTokenException", message);
    refuses(verdict(&[HOST, ("Authorization", " ")], "a=b", "", NOW), "MissingAuthenticationTokenException", message);
}

#[test]
fn incomplete_signatures() {
    let date = ("X-Amz-Date", "20150830T123600Z");
    let check = |authorization: &str, message: &str| {
        let found = verdict(&[HOST, date, ("Authorization", authorization)], "", "", NOW);
        refuses(found, "IncompleteSignatureException", message);
    };
    check("Basic eDp5", "Unsupported AWS 'algorithm': 'Basic'.");
    check(
        "AWS4-HMAC-SHA256 Credential=x, Signature=y",
        "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256",
    );
    check(
        "AWS4-HMAC-SHA256 Credential",
        "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'x'",
    );
    refuses(
        verdict(&[HOST, ("Authorization", "AWS4-HMAC-SHA256 ")], "", "", NOW),
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a \
         'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256",
    );
    refuses(
        verdict(&[HOST], "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=0", "", NOW),
        "IncompleteSignatureException",
        "'X-Amz-Expires' must be between 1 and 604800 seconds.",
    );
}

#[test]
fn clocks() {
    let after = |seconds: u64| signed("states", &[], "{}", NOW.plus_seconds(seconds));
    let before = |seconds: i64| signed("states", &[], "{}", Timestamp(NOW.0 - seconds * 1000));
    assert_eq!((after(0), after(300), before(300)), (Ok(()), Ok(()), Ok(())));
    refuses(
        after(301),
        "InvalidSignatureException",
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)",
    );
    refuses(
        before(301),
        "InvalidSignatureException",
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)",
    );
}

#[test]
fn what_the_signature_does_not_cover() {
    refuses(
        signed("lambda", &[], "{}", NOW),
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'states'. ",
    );
    assert_eq!(signed("states", &[], "{ }", NOW).unwrap_err().code, "InvalidSignatureException");
    // A declared hash is covered by the signature, but it must be that of the body.
    let hash = stepwell_iam::sha256_hex(b"{}");
    assert_eq!(signed("states", &[("X-Amz-Content-Sha256", &hash)], "{}", NOW), Ok(()));
    assert!(signed("states", &[("X-Amz-Content-Sha256", &hash)], "{ }", NOW).is_err());
    assert_eq!(signed("states", &[("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")], "{ }", NOW), Ok(()));
}

#[test]
fn other_days_and_missing_hosts() {
    let authorization = |day: &str, headers: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=A/{day}/eu-west-1/states/aws4_request, SignedHeaders={headers}, Signature=y"
        )
    };
    let check = |authorization: &str, message: &str| {
        let headers = [HOST, ("X-Amz-Date", "20150830T123600Z"), ("Authorization", authorization)];
        refuses(verdict(&headers, "", "", NOW), "InvalidSignatureException", message);
    };
    check(
        &authorization("20150829", "host;x-amz-date"),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != \
         '20150830', from '20150830T123600Z'.",
    );
    check(
        &authorization("20150830", "x-amz-date"),
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
}
