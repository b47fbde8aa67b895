//! The tags of a resource: which record holds them, and changing them.

use stepwell_engine::{Scope, registry};
use stepwell_model::ApiError;
use stepwell_model::arn::Arn;
use stepwell_store::record::RecordBody;

use crate::call::Call;
use crate::settings::Tags;
use crate::wire::store_failure;
use crate::{lookup, machines};

/// Something that has tags.
struct Tagged {
    scope: Scope,
    body: RecordBody,
}

impl Tagged {
    /// What `resourceArn` names: a state machine or an activity. Versions and aliases have no tags (recorded:
    /// test_tag_state_machine_version).
    fn of(call: &Call<'_>) -> Result<Tagged, ApiError> {
        let engine = call.engine();
        let arn = call.any_arn("resourceArn")?;
        let missing = || ApiError::resource_not_found(call.request.opt_str("resourceArn").unwrap_or(""));
        let scope = lookup::scope(arn.scope());
        let body = match &arn {
            Arn::StateMachine(arn) if arn.qualifier.is_none() && arn.label.is_none() => {
                let found = registry::machine(&**engine.store(), &scope, &arn.name).map_err(store_failure)?;
                RecordBody::Machine(found.ok_or_else(missing)?)
            }
            Arn::Activity(arn) => RecordBody::Activity(lookup::activity(engine, arn)?.ok_or_else(missing)?),
            _ => return Err(missing()),
        };
        Ok(Tagged { scope, body })
    }

    fn tags(&mut self) -> Option<&mut Tags> {
        match &mut self.body {
            RecordBody::Machine(machine) => Some(&mut machine.tags),
            RecordBody::Activity(activity) => Some(&mut activity.tags),
            _ => None,
        }
    }
}

/// The tags of the resource that `resourceArn` names.
///
/// # Errors
/// ResourceNotFound, InvalidArn.
pub(crate) fn tags_of(call: &Call<'_>) -> Result<Tags, ApiError> {
    Ok(Tagged::of(call)?.tags().map(std::mem::take).unwrap_or_default())
}

/// Changes the tags of the resource that `resourceArn` names.
///
/// # Errors
/// ResourceNotFound, InvalidArn, and what `change` says.
pub(crate) async fn change(
    call: &Call<'_>,
    change: impl FnOnce(&mut Tags) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let engine = call.engine();
    let _lock = engine.lock_registry().await;
    let mut tagged = Tagged::of(call)?;
    if let Some(tags) = tagged.tags() {
        change(tags)?;
    }
    machines::write(engine, vec![machines::put(&tagged.scope, tagged.body)]).await
}
