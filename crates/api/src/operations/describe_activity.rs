//! DescribeActivity

use stepwell_model::ApiError;

use super::Answer;
use crate::call::Call;
use crate::lookup;
use crate::settings::{OWNED_KEY, shown};
use crate::wire::{Shape, date, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let arn = call.activity_arn("activityArn")?;
    let missing = || ApiError::activity_does_not_exist(&arn.to_string());
    let activity = lookup::activity(call.engine(), &arn)?.ok_or_else(missing)?;
    Ok(Shape::new()
        .with("activityArn", text(&activity.arn))
        .with("name", text(&activity.name))
        .with("creationDate", date(activity.created))
        .with("encryptionConfiguration", shown(activity.encryption.as_ref(), OWNED_KEY))
        .build())
}
