//! The start check of the write-ahead log.
//!
//! SQLite ends its recovery at the first frame whose checksum does not fit, without a word. At the end of the log that is
//! right: a commit that was interrupted was never acknowledged. In the middle of it, it drops every commit after the
//! damage (measured: one flipped byte dropped 832 of 1,728 acknowledged executions). Commits are synced one after the
//! other, so that at most one whole commit can follow a frame that an interruption damaged. Two or more mean that the log
//! was damaged at rest: then Stepwell refuses to start.
//!
//! Each frame's checksum goes on from that of the frame before, as stored. So a frame after a damaged one can be checked
//! with what is stored beside it.
//!
//! Only commits in a row count, each of which goes on from the one before. On a full disk a commit may be written whole and
//! fail nevertheless (the index of the log cannot grow); when a shorter one takes its place, its last frames stay behind.
//! Several of those lie one behind the other, each with a commit that nobody was told of, and none goes on from another.
//!
//! Source: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepwell_store::Error;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The first bytes of a log whose checksums are of little-endian words; one more: of big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// Whole commits after a damaged frame from which on it is no interrupted write.
const COMMITS_LOST_MIN: u64 = 2;

/// How often a log that is being written to is walked until two walks agree, and what passes between them.
const LIVE_WALKS_MAX: u32 = 20;
const LIVE_PAUSE: Duration = Duration::from_millis(50);

/// What a log looks like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Frames up to the first that does not fit.
    pub(crate) sound_frames: u64,
    /// Commits up to there.
    pub(crate) sound_commits: u64,
    /// Whole commits in a row after it that belong to this log: the longest row.
    pub(crate) lost_commits: u64,
}

impl Findings {
    /// What is wrong, when more than an interrupted write is.
    pub(crate) fn damage(&self) -> Option<String> {
        (self.lost_commits >= COMMITS_LOST_MIN).then(|| {
            format!(
                "after {} sound commits there is a damaged frame, and {} commits that were acknowledged follow it",
                self.sound_commits, self.lost_commits
            )
        })
    }
}

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
    let Some(damage) = examine_file(database)?.damage() else { return Ok(()) };
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
/// [`Error::Backend`] when it cannot be read or copied.
pub(crate) fn set_aside(database: &Path) -> Result<bool, Error> {
    let Some(damage) = examine_file(database)?.damage() else { return Ok(false) };
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
    match File::open(&path) {
        Ok(file) => examine(BufReader::with_capacity(1 << 20, file)).map_err(cannot),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Findings::default()),
        Err(error) => Err(cannot(error)),
    }
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

/// Walks the frames.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn examine(mut log: impl Read) -> std::io::Result<Findings> {
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut log, &mut header)? {
        return Ok(Findings::default());
    }
    let Some(header) = Header::of(&header) else { return Ok(Findings::default()) };
    let mut walk = Walk { salt: header.salt, big: header.big, before: header.sum, sound: header.sound };
    let (mut findings, mut row) = (Findings::default(), 0);
    let mut frame = vec![0; FRAME_HEADER_BYTES + header.page_bytes];
    while fill(&mut log, &mut frame)? {
        let Some(step) = walk.step(&frame) else { break };
        findings.sound_frames += u64::from(walk.sound);
        match (step.fits && step.commits, walk.sound) {
            (true, true) => findings.sound_commits += 1,
            (true, false) => row += 1,
            (false, _) if !step.fits => row = 0,
            (false, _) => {}
        }
        findings.lost_commits = findings.lost_commits.max(row);
    }
    Ok(findings)
}

/// The head of a log.
struct Header {
    page_bytes: usize,
    /// None when the head is damaged: then the first frame's is taken.
    salt: Option<[u8; 8]>,
    big: bool,
    sum: [u32; 2],
    sound: bool,
}

impl Header {
    /// None when this is no log at all.
    fn of(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        if bytes.iter().all(|byte| *byte == 0) {
            return None;
        }
        let magic = word(bytes, 0, true)?;
        let big = magic & 1 == 1;
        let sum = checksum(bytes.get(..24)?, [0, 0], big);
        let stored = [word(bytes, 24, true)?, word(bytes, 28, true)?];
        let sound = magic & !1 == MAGIC && sum == stored;
        // Stepwell's databases have pages of 4,096 bytes; with a damaged head there is nothing else to go by.
        let page_bytes = if sound { usize::try_from(word(bytes, 8, true)?).ok()? } else { 4096 };
        let fits = page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        let salt = if sound { bytes.get(16..24)?.try_into().ok() } else { None };
        fits.then_some(Header { page_bytes, salt, big: sound && big, sum: stored, sound })
    }
}

/// Where the walk is.
struct Walk {
    salt: Option<[u8; 8]>,
    big: bool,
    /// The checksum of the frame before, as stored.
    before: [u32; 2],
    /// Nothing was damaged so far.
    sound: bool,
}

/// One frame.
struct Step {
    /// It belongs to this log and follows the frame before it.
    fits: bool,
    /// It ends a commit.
    commits: bool,
}

impl Walk {
    fn step(&mut self, frame: &[u8]) -> Option<Step> {
        let salt: [u8; 8] = frame.get(8..16)?.try_into().ok()?;
        let live = *self.salt.get_or_insert(salt) == salt;
        let seed = std::mem::replace(&mut self.before, [word(frame, 16, true)?, word(frame, 20, true)?]);
        let sum = checksum(frame.get(..8)?, seed, self.big);
        let fits = live && checksum(frame.get(FRAME_HEADER_BYTES..)?, sum, self.big) == self.before;
        self.sound &= fits;
        Some(Step { fits, commits: word(frame, 4, true)? != 0 })
    }
}

/// SQLite's checksum: two sums over pairs of words.
fn checksum(bytes: &[u8], seed: [u32; 2], big: bool) -> [u32; 2] {
    let [mut one, mut two] = seed;
    for pair in bytes.chunks_exact(8) {
        let (Some(first), Some(second)) = (word(pair, 0, big), word(pair, 4, big)) else { break };
        one = one.wrapping_add(first).wrapping_add(two);
        two = two.wrapping_add(second).wrapping_add(one);
    }
    [one, two]
}

fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// Fills the buffer; false when the log ends before.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
