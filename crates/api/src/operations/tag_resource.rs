//! TagResource

use super::{Answer, nothing};
use crate::call::Call;
use crate::settings::set_tags;
use crate::tags;

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let request = &call.request;
    let arn = request.str("resourceArn")?;
    tags::change(call, |tags| set_tags(tags, request.list("tags"), arn)).await?;
    nothing()
}
