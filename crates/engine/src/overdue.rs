//! Standard executions that have run as long as they may: a year, on AWS.
//!
//! They have no timer, which would cost memory for every execution that waits. Keys grow with the starts, so that the oldest
//! open executions are the first ones of the store, and looking at them now and then costs nothing.

use stepwell_interpreter::Command;
use stepwell_store::Error;

use crate::handle::Handle;
use crate::shard::Applied;

/// Open executions read at a time.
const PAGE: usize = 100;

impl Handle {
    /// Ends the executions that are older than they may become; tells how many. They are TIMED_OUT, as by `TimeoutSeconds`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn end_overdue(&self) -> Result<usize, Error> {
        let Some(seconds) = self.config().limits.standard_seconds else { return Ok(0) };
        let (now, mut after, mut ended) = (self.now(), None, 0);
        loop {
            let page = self.store().open_executions(after, PAGE)?;
            after = page.last;
            if after.is_none() {
                return Ok(ended);
            }
            for open in &page.executions {
                if now <= open.record.identity.started.plus_seconds(seconds) {
                    return Ok(ended);
                }
                if self.command(open.record.key, Command::ExecutionTimedOut).await == Applied::Yes {
                    ended += 1;
                }
            }
        }
    }
}
