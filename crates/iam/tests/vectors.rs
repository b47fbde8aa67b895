//! Requests with known signatures: AWS's own test suite and botocore's signers.

#![allow(clippy::unwrap_used)] // helpers of tests may, as tests may

use serde_json::Value as Json;
use stepwell_iam::{Body, Claim, PathStyle, SignedRequest, Signer};
use stepwell_value::Timestamp;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z, the moment of AWS's test suite.
const SUITE: Timestamp = Timestamp(1_440_938_160_000);
/// 2026-11-20T22:46:26Z, the moment of the botocore rows.
const BOTOCORE: Timestamp = Timestamp(1_795_214_786_000);

fn suite_signer() -> Signer {
    Signer {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret: SECRET.to_owned(),
        session_token: None,
        region: "us-east-1".to_owned(),
        service: "service".to_owned(),
        path_style: PathStyle::Normalized,
    }
}

/// Signs a request of AWS's test suite and compares; then verifies it.
#[track_caller]
fn check(method: &str, target: &str, headers: &[(&str, &str)], body: &str, signature: &str) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut all = vec![("Host", "example.amazonaws.com")];
    all.extend_from_slice(headers);
    let request = SignedRequest { method, path, query, headers: &all, body: Body::Bytes(body.as_bytes()) };
    let added = suite_signer().sign(&request, SUITE);
    let authorization = &added.last().unwrap().1;
    assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");

    let mut sent = all.clone();
    sent.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let request = SignedRequest { headers: &sent, ..request };
    let claim = Claim::of(&request).unwrap();
    assert_eq!(claim.verify(&request, SECRET, "service", SUITE), Ok(()));
    let error = claim.verify(&request, "other secret", "service", SUITE).unwrap_err();
    assert_eq!((error.code, error.http_status), ("InvalidSignatureException", 400));
    assert!(
        error.message.starts_with("The request signature we calculated does not match the signature you provided.")
    );
}

#[test]
fn aws_test_suite() {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    check("GET", "/", &[], "", vanilla);
    check("GET", "/example/..", &[], "", vanilla); // get-relative
    check("GET", "//", &[], "", vanilla); // get-slash
    check("POST", "/", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    check("GET", "/ሴ", &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"); // get-utf8
    check(
        "GET", // get-vanilla-query-order-key-case
        "/?Param2=value2&Param1=value1",
        &[],
        "",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    check(
        "GET", // get-header-key-duplicate
        "/",
        &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
        "",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    check(
        "GET", // get-header-value-trim
        "/",
        &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
        "",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    check(
        "POST", // post-x-www-form-urlencoded
        "/",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

fn rows() -> Vec<Json> {
    include_str!("facts/botocore.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'r>(row: &'r Json, name: &str) -> &'r str {
    row[name].as_str().unwrap_or_default()
}

fn headers(row: &Json) -> Vec<(&str, &str)> {
    let pairs = row["headers"].as_array().unwrap().iter();
    pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

#[test]
fn botocore_requests_are_verified() {
    let rows = rows();
    assert!(rows.len() >= 10);
    for row in &rows {
        let headers = headers(row);
        let request = SignedRequest {
            method: text(row, "method"),
            path: text(row, "path"),
            query: text(row, "query"),
            headers: &headers,
            body: Body::Bytes(text(row, "body").as_bytes()),
        };
        let claim = Claim::of(&request).unwrap();
        assert_eq!(claim.access_key, text(row, "access_key"));
        assert_eq!(claim.scope.region, text(row, "region"));
        assert_eq!(claim.session_token.as_deref(), row["session_token"].as_str());
        let verdict = claim.verify(&request, text(row, "secret"), text(row, "service"), BOTOCORE);
        assert_eq!(verdict, Ok(()), "{}", text(row, "label"));
    }
}

#[test]
fn our_signatures_are_botocores() {
    for row in rows().iter().filter(|row| row["presigned"] == false) {
        let ours = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
        let (added, given): (Vec<_>, Vec<_>) = headers(row).into_iter().partition(|(name, _)| ours.contains(name));
        let request = SignedRequest {
            method: text(row, "method"),
            path: text(row, "path"),
            query: text(row, "query"),
            headers: &given,
            body: Body::Bytes(text(row, "body").as_bytes()),
        };
        let signer = Signer {
            access_key: text(row, "access_key").to_owned(),
            secret: text(row, "secret").to_owned(),
            session_token: row["session_token"].as_str().map(str::to_owned),
            region: text(row, "region").to_owned(),
            service: text(row, "service").to_owned(),
            path_style: if row["s3"] == true { PathStyle::AsSent } else { PathStyle::Normalized },
        };
        let mut signed = signer.sign(&request, BOTOCORE);
        signed.sort();
        let mut expected: Vec<(&str, String)> =
            added.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        expected.sort();
        assert_eq!(signed, expected, "{}", text(row, "label"));
    }
}
