//! Roles: what IAM's API keeps for clients that make a role before they make a state machine.

use std::sync::Arc;

use stepwell_value::Timestamp;

/// A role. Nothing is permitted or refused because of it; it is kept and answered.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleRecord {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name, as it was spelled when it was made; roles are told apart without regard to case.
    pub name: Arc<str>,
    /// `AROA…`, never given to another role.
    pub id: Arc<str>,
    /// Its path: `/` or `/service-role/`.
    pub path: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
    /// `AssumeRolePolicyDocument`, byte for byte.
    pub trust_policy: Arc<str>,
    /// `Description`
    pub description: Option<Arc<str>>,
    /// How long a session may be, in seconds.
    pub session_seconds_max: u32,
    /// The ARN of the permissions boundary.
    pub permissions_boundary: Option<Arc<str>>,
    /// Inline policies: names and documents (byte for byte), by name.
    pub policies: Vec<(Arc<str>, Arc<str>)>,
    /// ARNs of attached policies, in the order they were attached.
    pub attached: Vec<Arc<str>>,
    /// Tags, in the order they were set.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
}
