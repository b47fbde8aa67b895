//! Starting executions.

use stepwell_interpreter::Command;
use stepwell_store::ExecutionKey;

use crate::config::Sabotage;

use super::{Live, NewExecution, Shard, StartReply};
use crate::shard::commit::After;

impl Shard {
    pub(super) fn start(&mut self, new: NewExecution) {
        if let Some(why) = &self.stalled {
            let _ = new.reply.send(StartReply::Unavailable(why.clone()));
            return;
        }
        let key = new.record.key;
        let is_sabotaged = self.shared.config.sabotage == Some(Sabotage::StoredExpress);
        let stored = new.record.identity.is_kept() || is_sabotaged;
        let (execution, definition, ended) = (new.execution, new.definition, new.ended);
        self.lives.insert(key, Live { execution, definition, stored, uncommitted: 0, ended });
        let Some(transition) = new.made.or_else(|| self.step(key, &Command::Start)) else {
            let _ = new.reply.send(StartReply::Unavailable("the first step of the execution failed".to_owned()));
            return;
        };
        if stored {
            let mut after = After::of(key, transition);
            after.start = Some(new.reply);
            self.write_start(key, new.record, after);
        } else {
            let _ = new.reply.send(StartReply::Started);
            self.perform(After::of(key, transition));
        }
    }

    /// A start that the store has refused: somebody else has the name.
    pub(super) fn start_refused(&mut self, key: ExecutionKey) {
        self.lives.remove(&key);
        self.timers.forget(key);
    }
}
