//! The start check of the write-ahead log.
//!
//! SQLite ends its recovery at the first frame whose checksum does not fit, without a word. At the end of the log that is
//! right: a commit that was interrupted was never acknowledged. In the middle of it, it drops every commit after the
//! damage (measured: one flipped byte dropped 832 of 1,728 acknowledged executions). Commits are synced one after the
//! other, so that at most one whole commit can follow a frame that an interruption damaged. Two or more mean that the log
//! was damaged at rest: then Stepwell refuses to start.
//!
//! A damaged head is another matter when all that follows is in the database already: a log that begins anew is written from its
//! head on, and an interruption may damage that.
//!
//! Each frame's checksum goes on from that of the frame before, as stored. So a frame after a damaged one can be checked
//! with what is stored beside it.
//!
//! Only commits in a row count, each of which goes on from the one before. On a full disk a commit may be written whole and
//! fail nevertheless (the index of the log cannot grow); when a shorter one takes its place, its last frames stay behind.
//! Several of those lie one behind the other, each with a commit that nobody was told of, and none goes on from another.
//!
//! Source: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>

mod copied;
mod walk;

use std::fs::{File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepwell_store::Error;

#[cfg(test)]
pub(crate) use walk::examine;
use walk::{Findings, HEADER_BYTES};

/// How often a log that is being written to is walked until two walks agree, and what passes between them.
const LIVE_WALKS_MAX: u32 = 20;
const LIVE_PAUSE: Duration = Duration::from_millis(50);

/// Where the log of a database is.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Whether there is no log, or nothing in it.
pub(crate) fn is_empty(database: &Path) -> bool {
    std::fs::metadata(path_of(database)).map_or(true, |found| found.len() == 0)
}

/// Checks the log of a database; there may be none.
///
/// # Errors
/// [`Error::Damaged`] when commits would be lost, [`Error::Backend`] when it cannot be read.
pub(crate) fn check(database: &Path) -> Result<(), Error> {
    refuse_damage(database, &examine_file(database)?)
}

/// Refuses a log of which commits would be lost.
///
/// # Errors
/// [`Error::Damaged`] when they would.
pub(crate) fn refuse_damage(database: &Path, found: &Findings) -> Result<(), Error> {
    let Some(damage) = found.damage() else { return Ok(()) };
    Err(Error::Damaged {
        what: format!("{}", path_of(database).display()),
        why: format!(
            "{damage}; they would be lost. Copy the data folder first; restore it from a backup, or start with \
             --accept-wal-truncation to go on without them"
        ),
    })
}

/// Keeps a copy of a damaged log, and says what is lost: SQLite is about to cut it off. Tells whether it is damaged.
///
/// # Errors
/// [`Error::Backend`] when it cannot be copied.
pub(crate) fn set_aside(database: &Path, found: &Findings) -> Result<bool, Error> {
    let Some(damage) = found.damage() else { return Ok(false) };
    let path = path_of(database);
    let copy_at = |number: u32| path.with_extension(format!("db-wal.damaged-{number}"));
    let free = (1..u32::MAX).map(copy_at).find(|copy| !copy.exists());
    let Some(copy) = free else { return Ok(true) };
    let copied = std::fs::copy(&path, &copy).and_then(|_| File::open(&copy)?.sync_all());
    copied.map_err(|error| Error::Backend(format!("cannot copy {} to {}: {error}", path.display(), copy.display())))?;
    eprintln!(
        "stepwell: {}: {damage}; they are given up. The log as it was is kept as {}",
        path.display(),
        copy.display()
    );
    Ok(true)
}

/// Walks the log of a database.
///
/// # Errors
/// [`Error::Backend`] when it cannot be read.
pub(crate) fn examine_file(database: &Path) -> Result<Findings, Error> {
    let path = path_of(database);
    let cannot = |error: std::io::Error| Error::Backend(format!("cannot read {}: {error}", path.display()));
    let log = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Findings::default()),
        Err(error) => return Err(cannot(error)),
    };
    let findings = walk::examine(BufReader::with_capacity(1 << 20, log)).map_err(cannot)?;
    if findings.head_is_damaged && findings.damage().is_some() {
        let copied = File::open(&path).and_then(|log| copied::all_of(log, database)).map_err(cannot)?;
        return Ok(if copied { Findings::default() } else { findings });
    }
    Ok(findings)
}

/// Makes sure that what is sound of a log is on the disk. When the process before was killed, or could not sync, nobody knows
/// whether its last commit is: the operating system shows it, and may never write it, having tried once and failed. What is
/// found at a start is shown to clients, and everything that is written later goes on from it.
///
/// A copy is written and takes the log's place: what was acknowledged is not written over, which a power failure in the middle
/// of it might spoil. Where there is no room for that, the log is synced as it is.
///
/// # Errors
/// [`Error::Backend`] when it cannot be read, written or synced.
pub(crate) fn make_durable(database: &Path, found: &Findings) -> Result<(), Error> {
    if found.sound_commits == 0 {
        return Ok(());
    }
    let path = path_of(database);
    let cannot = |error: std::io::Error| Error::Backend(format!("cannot sync {}: {error}", path.display()));
    let log = OpenOptions::new().read(true).write(true).open(&path).map_err(cannot)?;
    match put_copy_in_place(&log, found.sound_bytes, &path) {
        // Who reads the old file still, beside this server, must not take what lies behind for what this server writes.
        Ok(()) => log.set_len(found.sound_bytes).map_err(cannot),
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            log.sync_all().map_err(cannot)
        }
        Err(error) => Err(cannot(error)),
    }
}

/// Writes the first bytes of a log to a new file, which takes its name.
fn put_copy_in_place(log: &File, bytes: u64, path: &Path) -> std::io::Result<()> {
    let copy = path.with_extension("db-wal.copy");
    // One that a start left which was interrupted.
    let _ = std::fs::remove_file(&copy);
    let copied = (|| {
        let mut new = OpenOptions::new().write(true).create_new(true).open(&copy)?;
        new.set_permissions(log.metadata()?.permissions())?;
        let mut sound = Vec::new();
        log.take(bytes).read_to_end(&mut sound)?;
        new.write_all(&sound)?;
        new.sync_all()?;
        std::fs::rename(&copy, path)
    })();
    if copied.is_err() {
        let _ = std::fs::remove_file(&copy); // it takes room that is lacking
    }
    copied?;
    File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
}

/// Walks the log of a database while a server may be writing to it. A frame that is being written, or a log that begins
/// anew, looks damaged for a moment; what looks the same twice is.
///
/// # Errors
/// [`Error::Backend`] when it cannot be read.
pub(crate) fn examine_live(database: &Path) -> Result<Findings, Error> {
    let mut before = None;
    for _ in 0..LIVE_WALKS_MAX {
        let head = head_of(database);
        let findings = examine_file(database)?;
        let at = (head, findings.sound_frames);
        if findings.damage().is_none() || (before == Some(at) && head_of(database) == head) {
            return Ok(findings);
        }
        before = Some(at);
        std::thread::sleep(LIVE_PAUSE);
    }
    // It changes faster than it can be read: nothing that stays damaged.
    Ok(Findings::default())
}

/// The first bytes of the log, which change whenever it begins anew.
fn head_of(database: &Path) -> Option<[u8; HEADER_BYTES]> {
    let mut head = [0; HEADER_BYTES];
    File::open(path_of(database)).ok()?.read_exact(&mut head).ok()?;
    Some(head)
}
