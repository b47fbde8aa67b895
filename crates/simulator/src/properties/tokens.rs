//! A token is accepted once at most, and a task goes to one worker.

use std::collections::HashSet;

use stepwell_engine::token::TaskRef;

use super::Property;
use crate::seen::{Seen, View};

/// See the module.
#[derive(Default)]
pub struct Tokens {
    accepted: HashSet<TaskRef>,
    taken: HashSet<TaskRef>,
}

impl Property for Tokens {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &View<'_>) -> Result<(), String> {
        match seen {
            Seen::Answered { task, ends: true, accepted: true } if !self.accepted.insert(*task) => {
                Err(format!("the token of {task:?} was accepted twice"))
            }
            Seen::Taken(task) if !self.taken.insert(*task) => Err(format!("{task:?} was given to two workers")),
            _ => Ok(()),
        }
    }
}
