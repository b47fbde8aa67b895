//! What this process does to the files of one folder: each write, each truncation, each sync, each change of a name, in their
//! order, whoever does it, SQLite or ourselves.
//!
//! The C library's functions are defined here once more: the linker takes these, and they ask the kernel after they have
//! noted what is asked.
//!
//! `unsafe`: the C library's interface. This is the only such code of Stepwell, and it is in tests alone.
#![allow(unsafe_code, reason = "the interface of the C library")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libc::{off_t, size_t, ssize_t};

/// Something done to a file of the folder, whose name it has; or what the test noted in between.
#[derive(Clone, Debug)]
pub enum Io {
    /// Bytes were written at a place.
    Write(Arc<str>, usize, Vec<u8>),
    /// The file was cut off, or made longer with zeros.
    Truncate(Arc<str>, usize),
    /// Everything written to the file before is on the disk.
    Sync(Arc<str>),
    /// The file was removed.
    Remove(Arc<str>),
    /// The file was given another name.
    Rename(Arc<str>, Arc<str>),
    /// Every name that was given or taken before is on the disk.
    SyncNames,
    /// A batch of an execution was acknowledged, or shown: its number, and which batch.
    Acknowledged(u64, usize),
    /// Retention begins to remove executions that have ended.
    Expiring,
}

struct Notes {
    folder: PathBuf,
    taken: Vec<Io>,
}

static NOTES: Mutex<Option<Notes>> = Mutex::new(None);

fn notes() -> MutexGuard<'static, Option<Notes>> {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to note what happens in a folder.
pub fn begin(folder: &Path) {
    *notes() = Some(Notes { folder: folder.canonicalize().unwrap(), taken: Vec::new() });
}

/// Notes something of the test's.
pub fn note(io: Io) {
    if let Some(notes) = notes().as_mut() {
        notes.taken.push(io);
    }
}

/// Ends it; gives what was noted.
pub fn end() -> Vec<Io> {
    notes().take().map(|notes| notes.taken).unwrap_or_default()
}

impl Notes {
    /// The name of a file of the folder; of the folder itself the empty one. The shared memory of the log's index does not
    /// outlive a crash, nor does a file that has no name any more.
    fn name(&self, path: &Path) -> Option<Arc<str>> {
        let name = path.strip_prefix(&self.folder).ok()?.to_str()?;
        (!["-shm", " (deleted)"].iter().any(|ending| name.ends_with(ending))).then(|| Arc::from(name))
    }

    fn of_file(&self, file: c_int) -> Option<Arc<str>> {
        self.name(&std::fs::read_link(format!("/proc/self/fd/{file}")).ok()?)
    }

    fn of_path(&self, path: *const c_char) -> Option<Arc<str>> {
        // SAFETY: the caller gives a string that ends with a zero.
        let path = unsafe { CStr::from_ptr(path) };
        self.name(Path::new(path.to_str().ok()?))
    }
}

fn noted(io: impl FnOnce(&Notes) -> Option<Io>) {
    if let Some(notes) = notes().as_mut()
        && let Some(io) = io(notes)
    {
        notes.taken.push(io);
    }
}

fn wrote(file: c_int, bytes: *const c_void, count: size_t, at: Option<off_t>) {
    noted(|notes| {
        let name = notes.of_file(file)?;
        // SAFETY: the caller gives `count` bytes, and the kernel knows its files.
        let (at, bytes) = unsafe {
            let at = at.unwrap_or_else(|| libc::lseek(file, 0, libc::SEEK_CUR));
            (at, std::slice::from_raw_parts(bytes.cast::<u8>(), count))
        };
        Some(Io::Write(name, usize::try_from(at).ok()?, bytes.to_vec()))
    });
}

fn synced(file: c_int) {
    noted(|notes| match &*notes.of_file(file)? {
        "" => Some(Io::SyncNames),
        name => Some(Io::Sync(name.into())),
    });
}

/// Defines functions of the C library: what they note, and the system call they make.
macro_rules! functions {
    ($($name:ident($($value:ident: $of:ty),*) -> $answer:ty { $call:ident, $note:expr })*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($($value: $of),*) -> $answer {
                $note;
                // SAFETY: the caller keeps to the interface of the C library.
                let answer = unsafe { libc::syscall(libc::$call $(, $value)*) };
                answer as $answer
            }
        )*
    };
}

functions! {
    write(file: c_int, bytes: *const c_void, count: size_t) -> ssize_t { SYS_write, wrote(file, bytes, count, None) }
    pwrite(file: c_int, bytes: *const c_void, count: size_t, at: off_t) -> ssize_t {
        SYS_pwrite64, wrote(file, bytes, count, Some(at))
    }
    pwrite64(file: c_int, bytes: *const c_void, count: size_t, at: off_t) -> ssize_t {
        SYS_pwrite64, wrote(file, bytes, count, Some(at))
    }
    ftruncate(file: c_int, size: off_t) -> c_int { SYS_ftruncate, truncated(file, size) }
    ftruncate64(file: c_int, size: off_t) -> c_int { SYS_ftruncate, truncated(file, size) }
    fsync(file: c_int) -> c_int { SYS_fsync, synced(file) }
    fdatasync(file: c_int) -> c_int { SYS_fdatasync, synced(file) }
    unlink(path: *const c_char) -> c_int { SYS_unlink, noted(|notes| Some(Io::Remove(notes.of_path(path)?))) }
    rename(from: *const c_char, to: *const c_char) -> c_int {
        SYS_rename, noted(|notes| Some(Io::Rename(notes.of_path(from)?, notes.of_path(to)?)))
    }
}

fn truncated(file: c_int, size: off_t) {
    noted(|notes| Some(Io::Truncate(notes.of_file(file)?, usize::try_from(size).ok()?)));
}
