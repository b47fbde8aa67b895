//! ListTagsForResource

use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::tags;
use crate::wire::{Shape, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let tags = tags::tags_of(call)?;
    let items = tags.iter().map(|(key, value)| Shape::new().with("key", text(key)).with("value", text(value)).build());
    Ok(Shape::new().with("tags", Value::array(items)).build())
}
