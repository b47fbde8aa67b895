//! CreateActivity

use std::sync::Arc;

use stepwell_engine::registry;
use stepwell_model::arn::ActivityArn;
use stepwell_model::{ApiError, check_name};
use stepwell_store::record::{ActivityRecord, RecordBody};
use stepwell_store::Write;

use super::Answer;
use crate::call::Call;
use crate::settings::{Tags, encryption, set_tags};
use crate::throttle::Resource;
use crate::wire::{Shape, date, text};
use crate::{lookup, machines};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (request, engine) = (&call.request, call.engine());
    let name = request.str("name")?;
    check_name(name)?;
    let arn = ActivityArn::new(&call.scope(), name);
    let encryption = encryption(request)?;
    let mut tags = Tags::new();
    set_tags(&mut tags, request.list("tags"), &arn.to_string())?;

    let _lock = engine.lock_registry().await;
    if let Some(existing) = lookup::activity(engine, &arn)? {
        // Idempotent by name: tags are not looked at.
        return if existing.encryption == encryption {
            Ok(answer(&existing))
        } else {
            Err(ApiError::activity_already_exists(&existing.arn))
        };
    }
    let scope = lookup::scope(&arn.scope);
    call.api.throttle.make_room(engine, Resource::Activities, &scope).await?;
    let (arn, name) = (Arc::from(arn.to_string()), Arc::from(name));
    let activity = ActivityRecord { arn, name, created: engine.now(), encryption, tags };
    let record = registry::record(&scope, RecordBody::Activity(activity.clone()));
    machines::write(engine, vec![Write::Put(Box::new(record))]).await?;
    engine.activities().add(Arc::clone(&activity.arn));
    Ok(answer(&activity))
}

fn answer(activity: &ActivityRecord) -> stepwell_value::Value {
    Shape::new().with("activityArn", text(&activity.arn)).with("creationDate", date(activity.created)).build()
}
