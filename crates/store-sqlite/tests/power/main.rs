//! The power fails: at any moment, with any part of what was not synced on the disk. Then everything that was acknowledged or
//! shown is there, whatever else is there is whole, and the start check of the log does not take it for damage.
//!
//! A store is written to as usual, and what is done to its files is noted. From that the disk is made as it may be after a
//! power failure at many moments, and opened. Then the process ends by a power failure, a kill or a failed sync, and the next
//! one goes on with what it finds.
//!
//! `STEPWELL_POWER_DISKS=5000` looks at more disks, `STEPWELL_SEED=7` at others.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // test code

#[path = "../common/mod.rs"]
mod common;
mod disk;
mod watch;

use std::path::Path;

use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{ExecutionKey, Store, Write};
use stepwell_store_sqlite::SqliteStore;

use stepwell_value::Timestamp;

use common::acknowledged::{self, Acknowledged};
use disk::{Disk, Files};
use watch::Io;

/// Processes, one after the other.
const GENERATIONS: u64 = 8;
/// Executions of a generation, at most.
const EXECUTIONS: u64 = 120;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap())
}

/// Executions from `first` on, some at a time; some end, some go on.
fn work(folder: &Path, first: u64, dice: &mut Dice) {
    let store = common::open(folder);
    show(&store);
    common::put_machine(&store);
    let mut open: Vec<(Case, usize)> = Vec::new();
    let mut next = first;
    let last = first + 1 + dice.below(EXECUTIONS);
    while next < last || (!open.is_empty() && dice.below(20) > 0) {
        let mut group = Vec::new();
        for _ in 0..=dice.below(6) {
            let begins = next < last && (open.is_empty() || dice.below(2) == 0);
            let (case, batch) = if begins {
                next += 1;
                (Case::named(next - 1, 1, &acknowledged::name(next - 1)), 0)
            } else if open.is_empty() {
                break;
            } else {
                open.swap_remove(usize::try_from(dice.below(open.len() as u64)).unwrap())
            };
            group.push((case, batch));
        }
        commit(&store, &group);
        if dice.below(20) == 0 {
            watch::note(Io::Expiring);
            store.expire(Timestamp(i64::MAX), 10).unwrap();
        }
        open.extend(group.into_iter().map(|(case, batch)| (case, batch + 1)).filter(|(_, batch)| *batch < 3));
    }
    if dice.below(3) == 0 {
        store.close();
    }
}

/// What a process finds it shows to its clients.
fn show(store: &SqliteStore) {
    for key in 1..=store.last_key().unwrap().0 {
        let Some(record) = store.execution(ExecutionKey(key)).unwrap() else { continue };
        let batches = sample::batches(&Case::named(key, 1, &acknowledged::name(key)), &mut Dice(key));
        let shown = batches.iter().rposition(|batch| batch.next_event - 1 <= record.last_event).unwrap();
        watch::note(Io::Acknowledged(key, shown));
    }
}

/// Commits a batch of each; notes that it was acknowledged.
fn commit(store: &SqliteStore, group: &[(Case, usize)]) {
    let write = |(case, batch): &(Case, usize)| {
        let write = Box::new(sample::batches(case, &mut Dice(case.key))[*batch].clone());
        match batch {
            0 => Write::Start { record: Box::new(sample::record(case)), write },
            _ => Write::Advance(write),
        }
    };
    let outcome = stepwell_store::contract::commit(store, group.iter().map(write).collect()).unwrap();
    assert!(outcome.iter().all(Result::is_ok), "{outcome:?}");
    for (case, batch) in group {
        watch::note(Io::Acknowledged(case.key, *batch));
    }
}

/// Opens what a crash left.
fn examine(files: &Files, acknowledged: &Acknowledged) -> Result<u64, String> {
    let folder = tempfile::tempdir().unwrap();
    disk::put(files, folder.path());
    let last = acknowledged::check(&common::options(folder.path()), acknowledged)?;
    let report = stepwell_store_sqlite::verify::folder(folder.path()).map_err(|error| error.to_string())?;
    if report.is_sound() { Ok(last) } else { Err(report.told()) }
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Power,
    Kill,
    FailedSync,
}

/// A disk and what was acknowledged over some processes.
struct World {
    dice: Dice,
    disk: Disk,
    acknowledged: Acknowledged,
    /// The number of the next execution.
    next: u64,
    looked_at: u64,
}

impl World {
    /// A process, and power failures at many moments of it.
    fn generation(&mut self, disks: u64, lies: bool) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        disk::put(self.disk.shown(), folder.path());
        watch::begin(folder.path());
        work(folder.path(), self.next, &mut self.dice);
        let done = watch::end();
        let end = [End::Power, End::Kill, End::FailedSync][usize::try_from(self.dice.below(3)).unwrap()];
        let ends_after = self.dice.below(done.len() as u64);
        let chance = (done.len() as u64 / disks).max(1);
        for (moment, io) in (0..).zip(&done) {
            let at = |error| format!("operation {moment}: {error}");
            if let (End::FailedSync, Io::Sync(name)) = (end, io)
                && moment >= ends_after
            {
                self.disk.fail_to_sync(name, &mut self.dice);
                return self.go_on(end).map_err(at);
            }
            self.disk.apply(io);
            match io {
                Io::Acknowledged(key, batch) => {
                    self.acknowledged.insert(*key, batch + 1);
                    self.disk.lies = lies;
                }
                Io::Expiring => self.acknowledged.retain(|_, batches| *batches < 3),
                _ => {}
            }
            if self.dice.below(chance) == 0 {
                self.looked_at += 1;
                let left = self.disk.after_power_loss(&mut self.dice);
                examine(&left, &self.acknowledged).map_err(at)?;
            }
            if moment == ends_after && !matches!(end, End::FailedSync) {
                return self.go_on(end).map_err(at);
            }
        }
        self.go_on(End::Kill)
    }

    /// The process has ended: what the next one finds.
    fn go_on(&mut self, end: End) -> Result<(), String> {
        if matches!(end, End::Power) {
            self.disk = Disk::with(self.disk.after_power_loss(&mut self.dice));
        }
        let last = examine(self.disk.shown(), &self.acknowledged).map_err(|error| format!("after {end:?}: {error}"))?;
        self.next = last + 1;
        Ok(())
    }
}

/// Lets the power fail at many moments of some processes; gives the number of disks, or the first on which something is wrong.
fn run(seed: u64, disks: u64, lies: bool) -> Result<u64, String> {
    let (disk, acknowledged) = (Disk::default(), Acknowledged::new());
    let mut world = World { dice: Dice(seed), disk, acknowledged, next: 1, looked_at: 0 };
    for generation in 0..GENERATIONS {
        let at = |error| format!("seed {seed}, generation {generation}, {error}");
        world.generation(disks / GENERATIONS, lies).map_err(at)?;
    }
    Ok(world.looked_at)
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_fails() {
    let disks = setting("STEPWELL_POWER_DISKS", 200);
    let mut looked_at = 0;
    for seed in setting("STEPWELL_SEED", 1).. {
        looked_at += run(seed, disks.min(200), false).unwrap_or_else(|error| panic!("{error}"));
        if looked_at >= disks {
            break;
        }
    }
    println!("{looked_at} disks");
}

/// That the test can fail: a disk that does not sync loses what was acknowledged.
#[test]
fn a_disk_that_lies_is_noticed() {
    let error = run(1, 200, true).unwrap_err();
    assert!(error.contains("is lost") || error.contains("has lost batches"), "{error}");
}
