//! Signatures of requests.

use stepwell_iam::{Body, Claim, PathStyle, SignedRequest, Signer};
use stepwell_value::Timestamp;

/// 2026-09-21T14:13:20Z: seeds are signed for this day.
const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Reads a request off its text (`METHOD PATH?QUERY`, headers, a blank line, the body). Its own claim never holds, for
/// nobody knows the secret; signed by us, it does.
pub fn request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (method, target) = first.split_once(' ').unwrap_or(("POST", first));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let request = SignedRequest { method, path, query, headers: &headers, body: Body::Bytes(body.as_bytes()) };
    if let Ok(claim) = Claim::of(&request) {
        claim.verify(&request, "nobody knows this", "states", NOW).expect_err("a forged signature");
        claim.verify(&request, "nobody knows this", &claim.scope.service, NOW).expect_err("a forged signature");
    }
    signed_by_us(&request);
}

fn signed_by_us(request: &SignedRequest<'_>) {
    let ours = ["x-amz-date", "date", "authorization", "x-amz-security-token", "x-amz-content-sha256", "host"];
    let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
    headers.retain(|(name, _)| is_header_name(name) && !ours.contains(&name.to_ascii_lowercase().as_str()));
    headers.push(("Host", "states.eu-west-1.amazonaws.com"));
    for (service, path_style) in [("states", PathStyle::Normalized), ("s3", PathStyle::AsSent)] {
        let signer = Signer {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret: "secret".to_owned(),
            session_token: None,
            region: "eu-west-1".to_owned(),
            service: service.to_owned(),
            path_style,
        };
        let bare = SignedRequest { headers: &headers, ..*request };
        let added = signer.sign(&bare, NOW);
        let mut all = headers.clone();
        all.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let signed = SignedRequest { headers: &all, ..*request };
        let claim = Claim::of(&signed).expect("what we have signed is a claim");
        claim.verify(&signed, "secret", service, NOW).expect("what we have signed holds");
        claim.verify(&signed, "another", service, NOW).expect_err("another secret");
    }
}

/// RFC 9110's token: HTTP lets nothing else through.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
