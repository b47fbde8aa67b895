//! Who may call, and as whom.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stepwell_engine::Scope;
use stepwell_iam::{AuthError, Claim, SignedRequest};
use stepwell_model::ApiError;
use stepwell_value::Timestamp;

use crate::sts::{Session, Sessions};

/// The account when nothing else says one.
pub const DEFAULT_ACCOUNT: &str = "123456789012";
/// The region of a request that is not signed.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Who may call.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anybody, signed or not; only on a loopback address. The region is that of the credential scope, `us-east-1`
    /// without one; an access key of twelve digits is taken as the account.
    AnyOnLoopback {
        /// The account of everybody else.
        account: Arc<str>,
    },
    /// Holders of these keys, by access key; every request must be signed.
    Keys(BTreeMap<String, Key>),
}

impl Default for Access {
    /// Anybody on loopback, as account 123456789012.
    fn default() -> Access {
        Access::AnyOnLoopback { account: DEFAULT_ACCOUNT.into() }
    }
}

/// What belongs to an access key.
#[derive(Clone)]
pub struct Key {
    /// The secret access key.
    pub secret: String,
    /// The account whose resources it may use, twelve digits.
    pub account: Arc<str>,
}

impl fmt::Debug for Key {
    /// Never shows the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key {{ account: {} }}", self.account)
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// Twelve digits.
    pub account: Arc<str>,
    /// The region that the request is for.
    pub region: Arc<str>,
    /// The ARN that errors name; `None` when nothing was proved, so that nothing is refused either.
    pub principal: Option<Arc<str>>,
    /// The session of an assumed role that the request names.
    pub session: Option<Arc<Session>>,
}

/// What a request is authenticated with besides itself.
pub(crate) struct Asked<'a> {
    /// The services that a signature may be scoped to.
    pub services: &'a [&'a str],
    /// Opens the tokens of assumed roles.
    pub sessions: &'a Sessions,
    /// The time.
    pub now: Timestamp,
}

impl Caller {
    /// A caller inside the server (a task that calls Step Functions itself), who may use every account.
    pub fn internal(scope: &Scope) -> Caller {
        Caller {
            account: Arc::from(&*scope.account),
            region: Arc::from(&*scope.region),
            principal: None,
            session: None,
        }
    }
}

impl Access {
    /// Finds out who calls.
    ///
    /// # Errors
    /// The errors of authentication, in AWS's words.
    pub(crate) fn authenticate(&self, request: &SignedRequest, asked: &Asked<'_>) -> Result<Caller, ApiError> {
        match self {
            Access::AnyOnLoopback { account } => Ok(anybody(request, asked, account)),
            Access::Keys(keys) => holder(request, keys, asked)
                .map_err(|error| ApiError::authentication(error.code, error.message, error.http_status)),
        }
    }
}

fn anybody(request: &SignedRequest, asked: &Asked<'_>, default_account: &Arc<str>) -> Caller {
    let claim = Claim::of(request).ok();
    let region = claim.as_ref().map_or(DEFAULT_REGION, |claim| &claim.scope.region);
    let account = claim.as_ref().map(|claim| &*claim.access_key).filter(|key| is_account(key));
    let session = claim.as_ref().and_then(|claim| session(claim, asked));
    let account = match &session {
        Some(session) => Arc::clone(&session.account),
        None => account.map_or_else(|| Arc::clone(default_account), Arc::from),
    };
    Caller { account, region: Arc::from(region), principal: None, session }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The session whose token a request carries; only with the access key that was given out with it.
fn session(claim: &Claim, asked: &Asked<'_>) -> Option<Arc<Session>> {
    let session = asked.sessions.open(claim.session_token.as_deref()?)?;
    (*session.access_key == *claim.access_key).then(|| Arc::new(session))
}

fn holder(request: &SignedRequest, keys: &BTreeMap<String, Key>, asked: &Asked<'_>) -> Result<Caller, AuthError> {
    let claim = Claim::of(request)?;
    let named = asked.services.iter().find(|service| **service == claim.scope.service);
    let service = named.or(asked.services.first()).copied().unwrap_or("");
    if let Some(session) = session(&claim, asked) {
        let token = claim.session_token.as_deref().unwrap_or("");
        claim.verify(request, &asked.sessions.secret(token), service, asked.now)?;
        if asked.now >= session.expires {
            return Err(expired());
        }
        let (account, principal) = (Arc::clone(&session.account), Some(Arc::clone(&session.arn)));
        return Ok(Caller { account, region: Arc::from(claim.scope.region), principal, session: Some(session) });
    }
    let key = keys.get(&claim.access_key).ok_or_else(AuthError::unrecognized_client)?;
    claim.verify(request, &key.secret, service, asked.now)?;
    let principal = format!("arn:aws:iam::{}:user/{}", key.account, claim.access_key);
    Ok(Caller {
        account: Arc::clone(&key.account),
        region: Arc::from(claim.scope.region),
        principal: Some(Arc::from(principal)),
        session: None,
    })
}

fn expired() -> AuthError {
    AuthError {
        code: "ExpiredTokenException",
        message: "The security token included in the request is expired".to_owned(),
        http_status: 400,
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Asked, Caller, Key};
    use crate::sts::Sessions;
    use stepwell_iam::{Body, SignedRequest};
    use stepwell_value::Timestamp;

    fn request<'a>(headers: &'a [(&'a str, &'a str)]) -> SignedRequest<'a> {
        SignedRequest { method: "POST", path: "/", query: "", headers, body: Body::Bytes(b"{}") }
    }

    fn authenticate(access: &Access, headers: &[(&str, &str)]) -> Result<Caller, stepwell_model::ApiError> {
        let sessions = Sessions::new(&[7; 32]);
        access.authenticate(&request(headers), &Asked { services: &["states"], sessions: &sessions, now: Timestamp(0) })
    }

    #[track_caller]
    fn check(credential: Option<&str>, account: &str, region: &str) {
        let header =
            credential.map(|text| format!("AWS4-HMAC-SHA256 Credential={text}, SignedHeaders=host, Signature=00"));
        let mut headers = vec![("host", "localhost"), ("x-amz-date", "20261120T230000Z")];
        headers.extend(header.as_deref().map(|header| ("authorization", header)));
        let caller = authenticate(&Access::default(), &headers).unwrap();
        assert_eq!((&*caller.account, &*caller.region), (account, region));
    }

    #[test]
    fn anybody_on_loopback() {
        check(None, "123456789012", "us-east-1");
        check(Some("test/20261120/eu-west-1/states/aws4_request"), "123456789012", "eu-west-1");
        check(Some("000000000001/20261120/eu-west-1/states/aws4_request"), "000000000001", "eu-west-1");
        check(Some("broken"), "123456789012", "us-east-1");
    }

    #[test]
    fn keys_are_wanted() {
        let key = Key { secret: "top".into(), account: "111122223333".into() };
        assert!(!format!("{key:?}").contains("top"));
        let access = Access::Keys([("AKID".to_owned(), key)].into());
        let code = |headers: &[(&str, &str)]| authenticate(&access, headers).unwrap_err().code;
        assert_eq!(code(&[("host", "h")]), "MissingAuthenticationTokenException");
        let signed =
            "AWS4-HMAC-SHA256 Credential=OTHER/20261120/r/states/aws4_request, SignedHeaders=host, Signature=00";
        let headers = [("host", "h"), ("x-amz-date", "20261120T230000Z"), ("authorization", signed)];
        assert_eq!(code(&headers), "UnrecognizedClientException");
        let signed = signed.replace("OTHER", "AKID");
        let headers = [("host", "h"), ("x-amz-date", "20261120T230000Z"), ("authorization", &*signed)];
        assert_eq!(code(&headers), "InvalidSignatureException");
    }
}
