//! STS, as much of it as clients need that ask who they are: GetCallerIdentity and AssumeRole, whose credentials work with
//! this server until they expire.
//!
//! Nothing is kept of a session: its token says whose it is, sealed by the server's secret, and its secret access key
//! follows from the token. So sessions outlive a restart, and cost nothing.

use std::sync::Arc;

use stepwell_model::PageToken;
use stepwell_store::RoleRecord;
use stepwell_value::Timestamp;

use crate::aws_query::{QueryAnswer, QueryCall, QueryError, Xml};
use crate::iam;
use crate::ids::uuid;

const ACTIONS: &[&str] = &["GetCallerIdentity", "AssumeRole"];
/// How long a session is valid when nothing else is asked for, in seconds.
const SECONDS_DEFAULT: u32 = 3600;
/// How short a session may be, in seconds.
const SECONDS_MIN: u32 = 900;
/// How long one may be, in seconds; a role may allow less.
const SECONDS_MAX: u32 = 43_200;

/// Whether STS has this action here.
pub(crate) fn has(action: &str) -> bool {
    ACTIONS.contains(&action)
}

/// Performs an action; `None` when there is none of this name.
pub(crate) async fn perform(call: &QueryCall<'_>, action: &str) -> Option<QueryAnswer> {
    match action {
        "GetCallerIdentity" => Some(Ok(Some(caller_identity(call)))),
        "AssumeRole" => Some(assume_role(call)),
        _ => None,
    }
}

/// Without keys everybody is the account itself.
fn caller_identity(call: &QueryCall<'_>) -> Xml {
    let caller = call.caller;
    let account = &*caller.account;
    let (arn, id) = match (&caller.session, &caller.principal) {
        (Some(session), _) => (session.arn.to_string(), session.id.to_string()),
        (None, Some(principal)) => (principal.to_string(), iam::unique_id("AIDA", principal)),
        (None, None) => (format!("arn:aws:iam::{account}:root"), account.to_owned()),
    };
    Xml::new().with_text("Arn", &arn).with_text("UserId", &id).with_text("Account", account)
}

/// Any role of one's own account may be assumed, whether it was made here or not: state machines name roles that only
/// exist in AWS.
fn assume_role(call: &QueryCall<'_>) -> QueryAnswer {
    let role_arn = required(call, "RoleArn", "roleArn")?;
    let session_name = required(call, "RoleSessionName", "roleSessionName")?;
    if !iam::is_name(session_name, 2, 64) {
        return Err(iam::pattern(session_name, "roleSessionName"));
    }
    let Some((account, role_name)) = iam::role_of_arn(role_arn) else {
        return Err(QueryError::new(400, "ValidationError", format!("{role_arn} is invalid")));
    };
    let principal = call.caller.principal.as_ref();
    if let Some(principal) = principal.filter(|_| *account != *call.caller.account) {
        let message = format!("User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
        return Err(QueryError::new(403, "AccessDenied", message));
    }
    let role = iam::find(call, account, role_name)?;
    let seconds = duration(call, role.as_ref())?;
    let id = role.map_or_else(|| iam::unique_id("AROA", role_arn), |role| role.id.to_string());
    let session = Session {
        access_key: Arc::from(iam::unique_id("ASIA", &uuid())),
        account: Arc::from(account),
        arn: Arc::from(format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}")),
        id: Arc::from(format!("{id}:{session_name}")),
        expires: call.api.engine.now().plus_seconds(u64::from(seconds)),
    };
    let sessions = call.api.sessions();
    let token = sessions.token(&session);
    let credentials = Xml::new()
        .with_text("AccessKeyId", &session.access_key)
        .with_text("SecretAccessKey", &sessions.secret(&token))
        .with_text("SessionToken", &token)
        .with_text("Expiration", &iam::date(session.expires));
    let user = Xml::new().with_text("AssumedRoleId", &session.id).with_text("Arn", &session.arn);
    Ok(Some(Xml::new().with("Credentials", credentials).with("AssumedRoleUser", user)))
}

fn required<'a>(call: &QueryCall<'a>, name: &str, member: &str) -> Result<&'a str, QueryError> {
    let missing = || QueryError::constraint(None, member, "Member must not be null");
    call.parameters.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn duration(call: &QueryCall<'_>, role: Option<&RoleRecord>) -> Result<u32, QueryError> {
    let Some(asked) = call.parameters.get("DurationSeconds") else { return Ok(SECONDS_DEFAULT) };
    let wrong = |constraint: &str| QueryError::constraint(Some(asked), "durationSeconds", constraint);
    let seconds: u32 = asked.parse().map_err(|_| wrong("Member must be a whole number"))?;
    if seconds < SECONDS_MIN {
        return Err(wrong("Member must have value greater than or equal to 900"));
    }
    if seconds > SECONDS_MAX {
        return Err(wrong("Member must have value less than or equal to 43200"));
    }
    if role.is_some_and(|role| seconds > role.session_seconds_max) {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(QueryError::new(400, "ValidationError", message));
    }
    Ok(seconds)
}

/// A session of an assumed role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The access key that its requests name.
    pub access_key: Arc<str>,
    /// The account of the role.
    pub account: Arc<str>,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    pub arn: Arc<str>,
    /// `ROLE_ID:SESSION`
    pub id: Arc<str>,
    /// From then on it is refused.
    pub expires: Timestamp,
}

/// Makes and opens session tokens.
#[derive(Clone)]
pub(crate) struct Sessions {
    key: [u8; 32],
}

/// What a token is for: told apart from page tokens, which are sealed by the same key.
const TOKEN: &str = "AssumeRole session token";
const SECRET: &str = "AssumeRole secret access key";

impl Sessions {
    /// Those of the server with this secret.
    pub fn new(key: &[u8; 32]) -> Sessions {
        Sessions { key: *key }
    }

    /// The token of a session.
    pub fn token(&self, session: &Session) -> String {
        let cursor = [&*session.access_key, &session.account, &session.arn, &session.id].join("\n");
        PageToken { cursor: cursor.into_bytes(), expires: session.expires }.encode(&self.key, &[TOKEN])
    }

    /// The secret access key that belongs to a token.
    pub fn secret(&self, token: &str) -> String {
        PageToken { cursor: Vec::new(), expires: Timestamp(0) }.encode(&self.key, &[SECRET, token])
    }

    /// The session of a token; `None` for one that this server did not make. Its time is not looked at.
    pub fn open(&self, token: &str) -> Option<Session> {
        let long_ago = Timestamp(i64::MIN);
        let token = PageToken::decode(token, &self.key, &[TOKEN], long_ago).ok()?;
        let text = String::from_utf8(token.cursor).ok()?;
        let mut parts = text.split('\n').map(Arc::<str>::from);
        let (access_key, account, arn, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Session { access_key, account, arn, id, expires: token.expires })
    }
}

#[cfg(test)]
mod tests {
    use super::{Session, Sessions};
    use stepwell_value::Timestamp;

    #[test]
    fn sessions() {
        let sessions = Sessions::new(&[7; 32]);
        let session = Session {
            access_key: "ASIA1".into(),
            account: "123456789012".into(),
            arn: "arn:aws:sts::123456789012:assumed-role/r/s".into(),
            id: "AROA1:s".into(),
            expires: Timestamp(5),
        };
        let token = sessions.token(&session);
        assert_eq!(sessions.open(&token), Some(session));
        assert_eq!(Sessions::new(&[8; 32]).open(&token), None);
        assert_eq!(sessions.open("x"), None);
        assert_ne!(sessions.secret(&token), sessions.secret("x"));
    }
}
