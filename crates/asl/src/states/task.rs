//! Task.

use stepwell_query::Template;
use stepwell_value::json::Spanned;

use crate::definition::{Amount, Pattern, Resource, Target, TaskState};
use crate::expression::{Range, Sees, is_delimited};
use crate::location::At;
use crate::site::Site;
use crate::{MachineType, resource};

/// The longest timeout, in seconds (ASL § Task; AWS is reported to say `Maximum value is 99999999`).
const SECONDS: Range = Range { min: 1, max: Some(99_999_999), context: true };

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<TaskState> {
    site.require(node, at, &["Resource"]);
    let resource = resource(site, node, at);
    let timeout = site.amount(node, at, "TimeoutSeconds", "TimeoutSecondsPath", SECONDS);
    let heartbeat = site.amount(node, at, "HeartbeatSeconds", "HeartbeatSecondsPath", SECONDS);
    let credentials = credentials(site, node, at, resource.as_ref());
    if let (Some(Amount::Fixed(timeout)), Some(Amount::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        let message = format!("HeartbeatSeconds ({heartbeat}) is not smaller than TimeoutSeconds ({timeout})");
        let span = node.get("HeartbeatSeconds").map_or(node.span, |member| member.span);
        let help = "the timeout always comes first; choose a shorter heartbeat";
        site.warn("HEARTBEAT_NOT_SMALLER", message, &at.field("HeartbeatSeconds"), span, help);
    }
    Some(TaskState { resource: resource?, timeout, heartbeat, credentials })
}

/// `Resource`, and what an Express machine does not have of it.
fn resource(site: &mut Site, node: &Spanned, at: &At) -> Option<Resource> {
    let arn = site.text_field(node, at, "Resource")?;
    let span = node.get("Resource").map_or(node.span, |member| member.span);
    let at = at.field("Resource");
    let resource = match resource::parse(arn) {
        Ok(resource) => resource,
        Err(fault) => {
            site.error_with_help(fault.message, &at, span, fault.help);
            return None;
        }
    };
    if site.scope.machine_type == MachineType::Express
        && let Some(message) = express_refuses(&resource.target)
    {
        site.error(message, &at, span);
    }
    Some(resource)
}

/// Recorded: test_illegal_callbacks, test_illegal_activity_task; the blank at the end of one text is AWS's.
fn express_refuses(target: &Target) -> Option<&'static str> {
    match target {
        Target::Activity => Some("Express state machine does not support Activity ARN"),
        Target::Integration { pattern: Pattern::Sync | Pattern::Sync2, .. } => {
            Some("Express state machine does not support '.sync' service integration")
        }
        Target::Integration { pattern: Pattern::WaitForTaskToken, .. } => {
            Some("Express state machine does not support '.waitForTaskToken' service integration ")
        }
        _ => None,
    }
}

/// `Credentials`: an object with the role to take on, or in JSONata an expression that makes one.
fn credentials(site: &mut Site, node: &Spanned, at: &At, resource: Option<&Resource>) -> Option<Template> {
    let member = node.get("Credentials")?;
    let field = at.field("Credentials");
    if resource.is_some_and(|resource| resource.target == Target::Activity) {
        site.error("The field 'Credentials' is not supported for activities", &field, member.span);
        return None;
    }
    let computed = site.is_jsonata() && member.as_str().is_some_and(is_delimited);
    if !computed {
        if !site.object(member, &field) {
            return None;
        }
        let computed_role = member.get("RoleArn.$").filter(|_| !site.is_jsonata());
        if member.get("RoleArn").or(computed_role).is_none() {
            site.error("The field 'RoleArn' is required but was missing", &field, member.span);
            return None;
        }
    }
    site.template(node, at, "Credentials", Sees::INPUT)
}
