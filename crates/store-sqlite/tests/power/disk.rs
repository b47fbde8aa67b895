//! What a disk shows after a crash: of each file all that was synced, and of what was written since then whatever has reached
//! it, in 512-byte sectors, in any order; the same of names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use stepwell_store::sample::Dice;

use crate::watch::Io;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Files by name.
pub type Files = BTreeMap<Arc<str>, Vec<u8>>;

/// A disk while it is written to.
#[derive(Clone, Default)]
pub struct Disk {
    /// What is on it.
    synced: Files,
    /// The files as the operating system shows them, whether or not they are on the disk.
    shown: Files,
    /// What was done to each file since it was synced.
    pending: BTreeMap<Arc<str>, Vec<Io>>,
    /// Names that were given or taken since names were synced.
    names: Vec<Io>,
    /// It says from now on that it has synced, and has not.
    pub lies: bool,
}

/// How much of what was not synced has reached the disk.
#[derive(Clone, Copy, Debug)]
enum Reached {
    Nothing,
    All,
    /// All up to some operation, and of that one some sectors.
    Beginning,
    /// Any sectors of any operation.
    Any,
    /// The same, and some sectors in which nobody finds anything again.
    AnyAndGarbage,
}

impl Disk {
    /// The machine starts again with what is on the disk.
    pub fn with(files: Files) -> Disk {
        Disk { shown: files.clone(), synced: files, ..Disk::default() }
    }

    /// Does it.
    pub fn apply(&mut self, io: &Io) {
        let existed = |name: &Arc<str>| self.shown.contains_key(name);
        let is_void = matches!(io, Io::Remove(name) | Io::Rename(name, _) if !existed(name));
        let is_new = matches!(io, Io::Write(name, ..) | Io::Truncate(name, _) if !existed(name));
        all_of(io, &mut self.shown);
        match io {
            _ if is_void => {}
            Io::Write(name, ..) | Io::Truncate(name, _) => {
                if is_new {
                    self.forget_removed(name);
                }
                if !self.synced.contains_key(name) && !self.pending.contains_key(name) {
                    self.names.push(io.clone());
                }
                self.pending.entry(Arc::clone(name)).or_default().push(io.clone());
            }
            Io::Remove(_) | Io::Rename(..) => self.names.push(io.clone()),
            Io::Sync(_) | Io::SyncNames if self.lies => {}
            Io::Sync(name) => {
                for io in self.pending.remove(name).unwrap_or_default() {
                    all_of(&io, &mut self.synced);
                }
            }
            Io::SyncNames => {
                for io in std::mem::take(&mut self.names) {
                    self.name(&io);
                }
            }
            Io::Acknowledged(..) | Io::Expiring => {}
        }
    }

    /// A file is made that has the name of one which was removed. To keep the two apart, the removal is on the disk.
    fn forget_removed(&mut self, name: &Arc<str>) {
        let removed = self.names.extract_if(.., |io| matches!(io, Io::Remove(removed) if removed == name));
        for io in removed.collect::<Vec<_>>() {
            self.name(&io);
        }
    }

    /// A name is on the disk, or is not any more.
    fn name(&mut self, io: &Io) {
        match io {
            Io::Write(name, ..) | Io::Truncate(name, _) => drop(self.synced.entry(Arc::clone(name)).or_default()),
            Io::Remove(name) => {
                self.pending.remove(name);
                self.synced.remove(name);
            }
            Io::Rename(from, to) => {
                // What was written to the file that had the name before is gone with it.
                self.pending.remove(to);
                if let Some(pending) = self.pending.remove(from) {
                    self.pending.insert(Arc::clone(to), pending);
                }
                all_of(io, &mut self.synced);
            }
            _ => {}
        }
    }

    /// The files as every process sees them, also one that is started after another was killed.
    pub fn shown(&self) -> &Files {
        &self.shown
    }

    /// The power fails.
    pub fn after_power_loss(&self, dice: &mut Dice) -> Files {
        let mut disk = self.clone();
        disk.lose(dice);
        disk.synced
    }

    /// The sync of a file fails: what was to be synced has reached the disk in part, and the operating system takes it for
    /// written.
    pub fn fail_to_sync(&mut self, name: &str, dice: &mut Dice) {
        let pending = self.pending.remove(name).unwrap_or_default();
        lose_some(&pending, &mut self.synced, dice);
    }

    fn lose(&mut self, dice: &mut Dice) {
        // Files whose names are not on the disk may be there or not, whole or not.
        let kept = dice.below(self.names.len() as u64 + 1);
        let names = std::mem::take(&mut self.names);
        names.iter().zip(0..kept).for_each(|(io, _)| self.name(io));
        let unnamed: Vec<Arc<str>> =
            names.iter().skip(usize::try_from(kept).unwrap()).filter_map(new_name).cloned().collect();
        for (name, pending) in std::mem::take(&mut self.pending) {
            if !unnamed.contains(&name) {
                lose_some(&pending, &mut self.synced, dice);
            }
        }
        self.synced.retain(|name, _| !unnamed.contains(name));
    }
}

/// The name that something gives to a file that had none.
fn new_name(io: &Io) -> Option<&Arc<str>> {
    match io {
        Io::Write(name, ..) | Io::Truncate(name, _) => Some(name),
        _ => None,
    }
}

/// Of operations that were not synced some reach the disk.
fn lose_some(pending: &[Io], files: &mut Files, dice: &mut Dice) {
    let reached = match dice.below(6) {
        0 => Reached::Nothing,
        1 => Reached::All,
        2 => Reached::Beginning,
        3 => Reached::AnyAndGarbage,
        _ => Reached::Any,
    };
    let kept = dice.below(pending.len() as u64 + 1);
    for (place, io) in (0..).zip(pending) {
        match reached {
            Reached::Nothing => {}
            Reached::All => all_of(io, files),
            Reached::Beginning if place < kept => all_of(io, files),
            Reached::Beginning if place > kept => {}
            Reached::Beginning | Reached::Any => some_of(io, files, dice, false),
            Reached::AnyAndGarbage => some_of(io, files, dice, true),
        }
    }
}

/// Writes files into a folder.
pub fn put(files: &Files, folder: &Path) {
    for (name, bytes) in files {
        std::fs::write(folder.join(&**name), bytes).unwrap();
    }
}

fn all_of(io: &Io, files: &mut Files) {
    match io {
        Io::Write(name, at, bytes) => lay(files.entry(Arc::clone(name)).or_default(), *at, bytes),
        Io::Truncate(name, size) => files.entry(Arc::clone(name)).or_default().resize(*size, 0),
        Io::Remove(name) => drop(files.remove(name)),
        Io::Rename(from, to) => {
            if let Some(bytes) = files.remove(from) {
                files.insert(Arc::clone(to), bytes);
            }
        }
        Io::Sync(_) | Io::SyncNames | Io::Acknowledged(..) | Io::Expiring => {}
    }
}

/// Of a write some sectors; of anything else all or nothing.
fn some_of(io: &Io, files: &mut Files, dice: &mut Dice, garbage: bool) {
    let Io::Write(name, at, bytes) = io else {
        if dice.below(2) == 0 {
            all_of(io, files);
        }
        return;
    };
    let file = files.entry(Arc::clone(name)).or_default();
    let (mut place, mut rest) = (*at, &bytes[..]);
    while !rest.is_empty() {
        let length = (SECTOR_BYTES - place % SECTOR_BYTES).min(rest.len());
        let (sector, after) = rest.split_at(length);
        match dice.below(8) {
            0 if garbage => {
                let noise: Vec<u8> = sector.iter().map(|_| dice.roll() as u8).collect();
                lay(file, place, &noise);
            }
            1 if garbage => lay(file, place, &vec![0; length]),
            0..=3 => {}
            _ => lay(file, place, sector),
        }
        (place, rest) = (place + length, after);
    }
}

/// Puts bytes at a place; what lies before it and was never written is zero.
fn lay(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
