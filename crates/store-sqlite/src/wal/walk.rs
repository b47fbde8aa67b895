//! The frames of a log, and whether they belong to it.

use std::io::{ErrorKind, Read};

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const FRAME_HEADER_BYTES: usize = 24;

/// The first bytes of a log whose checksums are of little-endian words; one more: of big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// Whole commits after a damaged frame from which on it is no interrupted write.
pub(super) const COMMITS_LOST_MIN: u64 = 2;

/// What a log looks like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Frames up to the first that does not fit.
    pub(crate) sound_frames: u64,
    /// Commits up to there.
    pub(crate) sound_commits: u64,
    /// Whole commits in a row after it that belong to this log: the longest row.
    pub(crate) lost_commits: u64,
    /// The head itself is damaged.
    pub(crate) head_is_damaged: bool,
    /// Where the last sound commit ends, bytes.
    pub(crate) sound_bytes: u64,
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
    let mut walk = Walk::after(&header);
    let (mut findings, mut row) = (Findings { head_is_damaged: !header.sound, ..Findings::default() }, 0);
    let mut frame = vec![0; FRAME_HEADER_BYTES + header.page_bytes];
    while fill(&mut log, &mut frame)? {
        let Some(step) = walk.step(&frame) else { break };
        findings.sound_frames += u64::from(walk.sound);
        match (step.fits && step.commits, walk.sound) {
            (true, true) => {
                findings.sound_commits += 1;
                findings.sound_bytes = HEADER_BYTES as u64 + findings.sound_frames * frame.len() as u64;
            }
            (true, false) => row += 1,
            (false, _) if !step.fits => row = 0,
            (false, _) => {}
        }
        findings.lost_commits = findings.lost_commits.max(row);
    }
    Ok(findings)
}

/// The head of a log.
pub(super) struct Header {
    pub(super) page_bytes: usize,
    /// None when the head is damaged: then the first frame's is taken.
    salt: Option<[u8; 8]>,
    big: bool,
    sum: [u32; 2],
    sound: bool,
}

impl Header {
    /// None when this is no log at all.
    pub(super) fn of(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
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
pub(super) struct Walk {
    salt: Option<[u8; 8]>,
    big: bool,
    /// The checksum of the frame before, as stored.
    before: [u32; 2],
    /// Nothing was damaged so far.
    sound: bool,
}

/// One frame.
pub(super) struct Step {
    /// It belongs to this log and follows the frame before it.
    pub(super) fits: bool,
    /// It ends a commit.
    pub(super) commits: bool,
}

impl Walk {
    pub(super) fn after(header: &Header) -> Walk {
        Walk { salt: header.salt, big: header.big, before: header.sum, sound: header.sound }
    }

    pub(super) fn step(&mut self, frame: &[u8]) -> Option<Step> {
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

pub(super) fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// Fills the buffer; false when the log ends before.
pub(super) fn fill(log: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
