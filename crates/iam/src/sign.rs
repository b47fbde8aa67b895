//! Signing.

use std::fmt;

use stepwell_value::Timestamp;

use crate::ALGORITHM;
use crate::canonical::{PathStyle, canonical_request, string_to_sign};
use crate::date::amz_date;
use crate::hash::{hex, hmac};
use crate::request::{Body, SignedRequest};
use crate::scope::CredentialScope;

/// The key that a secret yields for one day, region and service. Worth keeping: deriving it takes four HMACs.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key of a scope from a secret access key.
    pub fn derive(secret: &str, scope: &CredentialScope) -> SigningKey {
        let date = hmac(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
        let region = hmac(&date, scope.region.as_bytes());
        let service = hmac(&region, scope.service.as_bytes());
        SigningKey(hmac(&service, b"aws4_request"))
    }

    /// The signature of a string to sign, in hexadecimal.
    pub(crate) fn sign(&self, string_to_sign: &str) -> String {
        hex(&hmac(&self.0, string_to_sign.as_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    /// Does not show the key.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(…)")
    }
}

/// Signs requests that Stepwell makes.
#[derive(Clone)]
pub struct Signer {
    /// The access key.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// The region of the service called.
    pub region: String,
    /// The service's name for signatures: `states`, `lambda`, `s3`.
    pub service: String,
    /// How the service wants its path signed.
    pub path_style: PathStyle,
}

impl fmt::Debug for Signer {
    /// Does not show the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({}, {}, {})", self.access_key, self.region, self.service)
    }
}

/// Headers that proxies change, and that are therefore not signed.
const UNSIGNED: &[&str] =
    &["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

impl Signer {
    /// Signs a request; every header given is signed, but those that proxies change. Returns the headers to add:
    /// `x-amz-date`, `authorization`, for temporary credentials `x-amz-security-token`, for S3 `x-amz-content-sha256`.
    pub fn sign(&self, request: &SignedRequest, now: Timestamp) -> Vec<(&'static str, String)> {
        let date = amz_date(now);
        let mut added = vec![("x-amz-date", date.clone())];
        if let Some(token) = &self.session_token {
            added.push(("x-amz-security-token", token.clone()));
        }
        if self.path_style == PathStyle::AsSent && request.header("x-amz-content-sha256").is_none() {
            added.push(("x-amz-content-sha256", hash_of(request.body)));
        }
        let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let authorization = self.authorization(&SignedRequest { headers: &headers, ..*request }, &date);
        added.push(("authorization", authorization));
        added
    }

    fn authorization(&self, request: &SignedRequest, date: &str) -> String {
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.retain(|name| !UNSIGNED.contains(&name.as_str()));
        names.sort();
        names.dedup();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let scope = CredentialScope {
            date: date.split('T').next().unwrap_or_default().to_owned(),
            region: self.region.clone(),
            service: self.service.clone(),
        };
        let canonical = canonical_request(request, &names, self.path_style);
        let signature = SigningKey::derive(&self.secret, &scope).sign(&string_to_sign(date, &scope, &canonical));
        let (access_key, names) = (&self.access_key, names.join(";"));
        format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

fn hash_of(body: Body) -> String {
    match body {
        Body::Bytes(bytes) => crate::sha256_hex(bytes),
        Body::Hash(hash) => hash.to_owned(),
    }
}
