//! Reading and verifying the signature of a request that came in.

use stepwell_value::Timestamp;

use crate::ALGORITHM;
use crate::canonical::{PathStyle, canonical_request, string_to_sign, unescape};
use crate::date::{amz_date, parse_amz_date};
use crate::error::AuthError;
use crate::hash::{same, sha256_hex};
use crate::request::{Body, SignedRequest};
use crate::scope::CredentialScope;
use crate::sign::SigningKey;

/// How far the clocks of client and server may be apart, in minutes.
const SKEW_MINUTES: u64 = 5;
/// How long a presigned request may be valid at most, in seconds: 7 days.
const EXPIRES_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
/// A body hash that says that the body is not covered.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What a request says about who signed it. Nothing is proved until [`Claim::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The access key, from which the caller finds account and secret.
    pub access_key: String,
    /// Day, region and service that the signature is for.
    pub scope: CredentialScope,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// When the request says to have been signed: `20150830T123600Z`.
    amz_date: String,
    /// Names of headers: `host;x-amz-date`.
    signed_headers: String,
    signature: String,
    /// How long a presigned request is valid; `None` for one signed by header.
    expires_seconds: Option<u64>,
}

impl Claim {
    /// Reads the `Authorization` header, or the query of a presigned request.
    ///
    /// # Errors
    /// MissingAuthenticationTokenException when the request is not signed, IncompleteSignatureException when a part of
    /// the signature is missing or malformed.
    pub fn of(request: &SignedRequest) -> Result<Claim, AuthError> {
        match request.header("authorization") {
            Some(header) if !header.trim().is_empty() => of_header(request, header.trim()),
            _ if query_value(request, "X-Amz-Algorithm").is_some() => of_query(request),
            _ => Err(AuthError::missing_token()),
        }
    }

    /// Checks clock, scope and signature. The region is the client's choice; the service must be `service`.
    ///
    /// # Errors
    /// InvalidSignatureException in AWS's words.
    pub fn verify(
        &self,
        request: &SignedRequest,
        secret: &str,
        service: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.verify_with(request, &SigningKey::derive(secret, &self.scope), service, now)
    }

    /// Checks the same with a key that the caller has kept for this access key and scope.
    ///
    /// # Errors
    /// InvalidSignatureException in AWS's words.
    pub fn verify_with(
        &self,
        request: &SignedRequest,
        key: &SigningKey,
        service: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        if self.scope.service != service {
            return Err(AuthError::invalid(format!("Credential should be scoped to correct service: '{service}'. ")));
        }
        self.check_clock(now)?;
        self.check_payload(request)?;
        self.check_signature(request, key)
    }

    fn check_signature(&self, request: &SignedRequest, key: &SigningKey) -> Result<(), AuthError> {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        if !names.contains(&"host") {
            return Err(AuthError::invalid(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let style = if self.scope.service == "s3" { PathStyle::AsSent } else { PathStyle::Normalized };
        let canonical = canonical_request(request, &names, style);
        let to_sign = string_to_sign(&self.amz_date, &self.scope, &canonical);
        if same(&key.sign(&to_sign), &self.signature) { Ok(()) } else { Err(AuthError::mismatch(&canonical, &to_sign)) }
    }

    fn check_clock(&self, now: Timestamp) -> Result<(), AuthError> {
        let date = &self.amz_date;
        let incomplete = || {
            AuthError::incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601"
            ))
        };
        let signed = parse_amz_date(date).ok_or_else(incomplete)?;
        let (day, scope_day) = (date.split('T').next().unwrap_or_default(), &self.scope.date);
        if day != scope_day {
            return Err(AuthError::invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope_day}' != '{day}', from '{date}'."
            )));
        }
        let latest = now.plus_seconds(SKEW_MINUTES * 60);
        if signed > latest {
            let (now, latest) = (amz_date(now), amz_date(latest));
            return Err(AuthError::invalid(format!(
                "Signature not yet current: {date} is still later than {latest} ({now} + {SKEW_MINUTES} min.)"
            )));
        }
        match self.expires_seconds {
            None => check_age(date, signed, now),
            Some(seconds) => check_expiry(signed.plus_seconds(seconds), now),
        }
    }

    /// A declared hash of the body must be true; the signature covers only the declaration.
    fn check_payload(&self, request: &SignedRequest) -> Result<(), AuthError> {
        let Some(declared) = request.header("x-amz-content-sha256").map(str::trim) else { return Ok(()) };
        let is_true = match request.body {
            _ if declared == UNSIGNED_PAYLOAD => true,
            Body::Bytes(bytes) => same(&sha256_hex(bytes), declared),
            Body::Hash(hash) => same(hash, declared),
        };
        if is_true {
            return Ok(());
        }
        Err(AuthError::invalid("The provided 'x-amz-content-sha256' header does not match what was computed."))
    }
}

fn check_age(date: &str, signed: Timestamp, now: Timestamp) -> Result<(), AuthError> {
    let earliest = Timestamp(now.0.saturating_sub(SKEW_MINUTES as i64 * 60_000));
    if signed.0 >= earliest.0 - earliest.0.rem_euclid(1000) {
        return Ok(());
    }
    let (now, earliest) = (amz_date(now), amz_date(earliest));
    Err(AuthError::invalid(format!(
        "Signature expired: {date} is now earlier than {earliest} ({now} - {SKEW_MINUTES} min.)"
    )))
}

fn check_expiry(expires: Timestamp, now: Timestamp) -> Result<(), AuthError> {
    if now <= expires {
        return Ok(());
    }
    let (expires, now) = (amz_date(expires), amz_date(now));
    Err(AuthError::invalid(format!("Signature expired: {expires} is now earlier than {now}")))
}

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
fn of_header(request: &SignedRequest, header: &str) -> Result<Claim, AuthError> {
    let (algorithm, parameters) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        return Err(AuthError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let mut pairs = Vec::new();
    for part in parameters.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let pair = part.split_once('=').ok_or_else(|| {
            let message = "not a valid key=value pair (missing equal-sign) in Authorization header";
            AuthError::incomplete(format!("'{part}' {message}: '{header}'."))
        })?;
        pairs.push(pair);
    }
    let named = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let date = request.header("x-amz-date").or_else(|| request.header("date"));
    let (Some(credential), Some(headers), Some(signature), Some(date)) =
        (named("Credential"), named("SignedHeaders"), named("Signature"), date)
    else {
        let missing = ["Credential", "Signature", "SignedHeaders"].iter().filter(|name| named(name).is_none());
        let mut sentences: Vec<String> =
            missing.map(|name| format!("Authorization header requires '{name}' parameter.")).collect();
        if date.is_none() {
            let sentence = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            sentences.push(sentence.to_owned());
        }
        return Err(AuthError::incomplete(format!("{} Authorization={algorithm}", sentences.join(" "))));
    };
    let session_token = request.header("x-amz-security-token").map(str::to_owned);
    claim(Parts { credential, headers, signature, date, session_token, expires_seconds: None })
}

/// `?X-Amz-Algorithm=…&X-Amz-Credential=…&X-Amz-Date=…&X-Amz-Expires=…&X-Amz-SignedHeaders=…&X-Amz-Signature=…`
fn of_query(request: &SignedRequest) -> Result<Claim, AuthError> {
    let named = |name: &str| query_value(request, name);
    let required = |name: &str| {
        let told = || AuthError::incomplete(format!("AWS query-string parameters must include '{name}'."));
        named(name).ok_or_else(told)
    };
    let algorithm = required("X-Amz-Algorithm")?;
    if algorithm != ALGORITHM {
        return Err(AuthError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let expires = named("X-Amz-Expires").and_then(|text| text.parse().ok());
    let expires = expires.filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds)).ok_or_else(|| {
        AuthError::incomplete(format!("'X-Amz-Expires' must be between 1 and {EXPIRES_SECONDS_MAX} seconds."))
    })?;
    claim(Parts {
        credential: &required("X-Amz-Credential")?,
        headers: &required("X-Amz-SignedHeaders")?,
        signature: &required("X-Amz-Signature")?,
        date: &required("X-Amz-Date")?,
        session_token: named("X-Amz-Security-Token"),
        expires_seconds: Some(expires),
    })
}

struct Parts<'a> {
    credential: &'a str,
    headers: &'a str,
    signature: &'a str,
    date: &'a str,
    session_token: Option<String>,
    expires_seconds: Option<u64>,
}

fn claim(parts: Parts) -> Result<Claim, AuthError> {
    let (access_key, scope) = CredentialScope::of_credential(parts.credential).ok_or_else(|| {
        let credential = parts.credential;
        AuthError::incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{credential}'"
        ))
    })?;
    Ok(Claim {
        access_key,
        scope,
        session_token: parts.session_token,
        amz_date: parts.date.to_owned(),
        signed_headers: parts.headers.to_ascii_lowercase(),
        signature: parts.signature.to_owned(),
        expires_seconds: parts.expires_seconds,
    })
}

/// The value of a query parameter, its escapes resolved.
fn query_value(request: &SignedRequest, name: &str) -> Option<String> {
    let pairs = request.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    String::from_utf8(unescape(value)).ok()
}
