//! DeleteActivity

use stepwell_store::{RecordKind, Write};

use super::{Answer, nothing};
use crate::call::Call;
use crate::{lookup, machines};

/// Deletes an activity; one that does not exist is no error (recorded: test_create_describe_delete_activity). Tasks that
/// wait for a worker of it go on to wait.
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let engine = call.engine();
    let arn = call.activity_arn("activityArn")?;
    let scope = lookup::scope(&arn.scope).to_string();
    let _lock = engine.lock_registry().await;
    let removal = Write::Remove { kind: RecordKind::Activity, scope, name: arn.name.to_string() };
    machines::write(engine, vec![removal]).await?;
    engine.activities().remove(&arn.to_string());
    nothing()
}
