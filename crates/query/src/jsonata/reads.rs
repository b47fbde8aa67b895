//! Parts of a value.

use std::sync::Arc;

/// The parts of a value that an expression may look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reads {
    /// Everything.
    pub whole: bool,
    /// Otherwise only these members (of the object, or of each object in the array), in the order of first use. None: only
    /// whether there is a value, and how many items.
    pub members: Vec<(Arc<str>, Reads)>,
}

/// Everything.
pub(super) static WHOLE: Reads = Reads { whole: true, members: Vec::new() };

impl Reads {
    /// These parts of one member.
    pub(super) fn of_member(name: &str, parts: &Reads) -> Reads {
        Reads { whole: false, members: vec![(Arc::from(name), parts.clone())] }
    }

    /// Adds parts.
    pub(super) fn merge(&mut self, other: &Reads) {
        if self.whole {
            return;
        }
        if other.whole {
            *self = other.clone();
            return;
        }
        for (name, parts) in &other.members {
            match self.members.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.merge(parts),
                None => self.members.push((Arc::clone(name), parts.clone())),
            }
        }
    }

    /// What is read of one member; `None` when it is not looked at.
    pub(super) fn member(&self, name: &str) -> Option<&Reads> {
        if self.whole {
            return Some(&WHOLE);
        }
        self.members.iter().find(|(known, _)| &**known == name).map(|(_, reads)| reads)
    }
}
