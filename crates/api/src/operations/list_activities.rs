//! ListActivities

use stepwell_store::RecordKind;
use stepwell_store::record::{ActivityRecord, RecordBody};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::pages::Page;
use crate::wire::{Shape, date, text};

/// Lists the activities of an account and region, by name.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (engine, scope) = (call.engine(), lookup::scope(&call.scope()));
    let page = Page::of(call, &[])?;
    let after = page.after_name()?;
    let found = lookup::records(engine, RecordKind::Activity, &scope, "", after, page.to_read())?;
    let found = found.into_iter().filter_map(|record| match record.body {
        RecordBody::Activity(activity) => Some(activity),
        _ => None,
    });
    Ok(page.answer("activities", found.collect(), |last| last.name.as_bytes().to_vec(), item))
}

fn item(activity: &ActivityRecord) -> Value {
    Shape::new()
        .with("activityArn", text(&activity.arn))
        .with("name", text(&activity.name))
        .with("creationDate", date(activity.created))
        .build()
}
