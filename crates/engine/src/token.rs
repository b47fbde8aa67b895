//! Task tokens: no table, the token itself says which task it is for, and a MAC proves that we made it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stepwell_interpreter::{FrameId, Outside};
use stepwell_store::ExecutionKey;

use crate::keyed::mac;

/// The first byte of a token: its form.
const VERSION: u8 = 1;
/// version, key, frame, epoch
const BODY: usize = 1 + 8 + 4 + 4;
/// Bytes of the MAC that are kept.
const MAC: usize = 32;

/// The task a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskRef {
    /// Whose.
    pub key: ExecutionKey,
    /// Which frame waits for it.
    pub frame: FrameId,
    /// In which epoch.
    pub epoch: u32,
}

/// Makes the token of a task.
pub fn encode(secret: &[u8; 32], task: TaskRef) -> String {
    let mut bytes = Vec::with_capacity(BODY + MAC);
    bytes.push(VERSION);
    bytes.extend_from_slice(&task.key.0.to_be_bytes());
    bytes.extend_from_slice(&task.frame.0.to_be_bytes());
    bytes.extend_from_slice(&task.epoch.to_be_bytes());
    let tag = mac(secret, "task token", &bytes);
    bytes.extend_from_slice(&tag);
    STANDARD.encode(bytes)
}

/// Reads a token; `None` when we did not make it.
pub fn decode(secret: &[u8; 32], token: &str) -> Option<TaskRef> {
    let bytes = STANDARD.decode(token).ok()?;
    let (body, tag) = bytes.split_at_checked(BODY)?;
    if mac(secret, "task token", body) != *tag {
        return None;
    }
    let number = |from: usize, to: usize| body.get(from..to);
    let key = u64::from_be_bytes(number(1, 9)?.try_into().ok()?);
    let frame = u32::from_be_bytes(number(9, 13)?.try_into().ok()?);
    let epoch = u32::from_be_bytes(number(13, 17)?.try_into().ok()?);
    (body.first() == Some(&VERSION)).then_some(TaskRef { key: ExecutionKey(key), frame: FrameId(frame), epoch })
}

/// What an execution's steps may know of the outside.
pub(crate) struct ExecutionOutside<'a> {
    pub secret: &'a [u8; 32],
    pub key: ExecutionKey,
    pub activities: &'a crate::activities::Activities,
    pub store: &'a dyn stepwell_store::Store,
}

impl Outside for ExecutionOutside<'_> {
    fn token(&self, frame: FrameId, epoch: u32) -> Arc<str> {
        Arc::from(encode(self.secret, TaskRef { key: self.key, frame, epoch }))
    }

    fn activity_exists(&self, arn: &str) -> bool {
        if self.activities.is_known(arn) {
            return true;
        }
        // After a restart an activity is known only once somebody has asked for it.
        match crate::registry::activity_exists(self.store, arn) {
            Ok(true) => self.activities.add(Arc::from(arn)),
            Ok(false) => return false,
            Err(_) => {} // no workflow fails because of the store
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_changed_one_does_not() {
        let secret = [7; 32];
        let task = TaskRef { key: ExecutionKey(42), frame: FrameId(3), epoch: 9 };
        let token = encode(&secret, task);
        assert_eq!(decode(&secret, &token), Some(task));
        assert_eq!(decode(&[8; 32], &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed == token || decode(&secret, &changed) != Some(task), "byte {at}");
        }
        for garbage in ["", "AAAA", "no token", "ÄÖ"] {
            assert_eq!(decode(&secret, garbage), None);
        }
    }
}
