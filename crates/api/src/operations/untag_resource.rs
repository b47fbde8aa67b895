//! UntagResource

use stepwell_value::Value;

use super::{Answer, nothing};
use crate::call::Call;
use crate::tags;

/// Removes tags; a key that is not there is no error (recorded: test_untag_state_machine).
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let keys: Vec<&str> = call.request.list("tagKeys").iter().filter_map(Value::as_str).collect();
    tags::change(call, |tags| {
        tags.retain(|(key, _)| !keys.contains(&&**key));
        Ok(())
    })
    .await?;
    nothing()
}
