//! Whether everything in a log is in the database already: then nothing is lost with the log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::walk::{COMMITS_LOST_MIN, FRAME_HEADER_BYTES, HEADER_BYTES, Header, Walk, fill, word};

/// Whether the database has every page as the log has it last. Only for a log whose head is damaged: the salt of the first
/// frame tells which frames are of it. Where commits follow one that is damaged nobody knows of its page: then it is said not
/// to be there.
///
/// # Errors
/// When one of them cannot be read.
pub(super) fn all_of(log: File, database: &Path) -> std::io::Result<bool> {
    let Some(pages) = last_of_each_page(BufReader::with_capacity(1 << 20, &log))? else { return Ok(false) };
    let (mut log, mut database) = (&log, File::open(database)?);
    for (page, place) in pages.places {
        let [mut in_log, mut in_database] = [vec![0; pages.bytes], vec![0; pages.bytes]];
        log.seek(SeekFrom::Start(place))?;
        log.read_exact(&mut in_log)?;
        database.seek(SeekFrom::Start(u64::from(page.saturating_sub(1)) * pages.bytes as u64))?;
        match database.read_exact(&mut in_database) {
            Ok(()) if in_log == in_database => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Where a log has the last version of each page.
struct Pages {
    bytes: usize,
    places: BTreeMap<u32, u64>,
}

/// None when a frame is damaged and commits follow it.
fn last_of_each_page(mut log: impl Read) -> std::io::Result<Option<Pages>> {
    let mut header = [0; HEADER_BYTES];
    let header = if fill(&mut log, &mut header)? { Header::of(&header) } else { None };
    let Some(header) = header else { return Ok(None) };
    let mut walk = Walk::after(&header);
    let mut frame = vec![0; FRAME_HEADER_BYTES + header.page_bytes];
    // Pages count from the commit on that ends their row; the first frame goes on from the head, with which it cannot be
    // checked.
    let (mut places, mut uncommitted) = (BTreeMap::new(), Vec::new());
    let (mut ended, mut row) = (false, 0);
    let mut place = HEADER_BYTES as u64;
    while fill(&mut log, &mut frame)? {
        let Some(step) = walk.step(&frame) else { break };
        ended |= !step.fits && place != HEADER_BYTES as u64;
        if !ended {
            uncommitted.push((word(&frame, 0, true).unwrap_or(0), place + FRAME_HEADER_BYTES as u64));
            if step.commits {
                places.extend(uncommitted.drain(..));
            }
        } else {
            row = if step.fits { row + u64::from(step.commits) } else { 0 };
            if row >= COMMITS_LOST_MIN {
                return Ok(None);
            }
        }
        place += frame.len() as u64;
    }
    Ok(Some(Pages { bytes: header.page_bytes, places }))
}
