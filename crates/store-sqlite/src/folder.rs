//! The data folder and its lock.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use stepwell_store::Error;

/// The database's file name.
const DATABASE: &str = "stepwell.db";

/// The name of the file whose exclusive lock says that a process uses the folder.
const LOCK: &str = "stepwell.lock";

/// The database of a restore that is not finished; while it is there, no server starts.
const RESTORING: &str = "stepwell.db.restoring";

/// The database in a data folder.
pub(crate) fn database_in(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Whether a process uses the folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether there is anything in a folder but what a restore may leave behind.
///
/// # Errors
/// When it cannot be read; one that does not exist is empty.
pub(crate) fn holds_anything(folder: &Path) -> std::io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if name != LOCK && name != RESTORING {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A data folder that this process has locked. The operating system gives the lock back when the process ends.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder when it does not exist, and locks it.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it, [`Error::Backend`] when it cannot be made or written.
    pub(crate) fn lock(path: &Path) -> Result<Folder, Error> {
        make(path).map_err(|error| cannot("make", path, &error))?;
        let place = path.join(LOCK);
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&place);
        let lock = opened.map_err(|error| cannot("write to", path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { place: format!("data folder `{}`", path.display()) }),
            Err(TryLockError::Error(error)) => Err(cannot("lock", path, &error)),
        }
    }

    /// Gives the lock back before the process ends.
    pub(crate) fn unlock(&self) {
        // An error leaves the lock to the end of the process.
        let _ = self.lock.unlock();
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    /// Where a restore puts the database before it takes its place.
    pub(crate) fn restoring(&self) -> PathBuf {
        self.path.join(RESTORING)
    }

    /// Refuses a folder in which a restore was interrupted: what is there may be half of the old data.
    ///
    /// # Errors
    /// [`Error::Backend`] with what to do.
    pub(crate) fn refuse_unfinished_restore(&self) -> Result<(), Error> {
        let marker = self.restoring();
        if !marker.exists() {
            return Ok(());
        }
        Err(Error::Backend(format!(
            "a restore into data folder `{}` was interrupted ({} is there); run it again: stepwell restore FILE --data \
             FOLDER --force",
            self.path.display(),
            marker.display()
        )))
    }
}

/// Only the user who runs the server may read its data. A new folder's name is durable before anything is in it.
fn make(path: &Path) -> std::io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::Backend(format!(
        "cannot {what} data folder `{path}`: {error}; give this user the right to write there, or choose another data folder"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Error, Folder};

    #[test]
    fn one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = Folder::lock(&path).unwrap();
        let error = Folder::lock(&path).unwrap_err();
        assert!(matches!(&error, Error::Locked { .. }), "{error}");
        assert!(error.to_string().contains("/a/b` is in use by another process"), "{error}");
        drop(first);
        Folder::lock(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_refused_by_name() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let error = Folder::lock(&path.join("data")).unwrap_err().to_string();
        assert!(error.contains("cannot make data folder `") && error.contains("choose another"), "{error}");
        if !cfg!(target_os = "linux") {
            return;
        }
        let error = Folder::lock(std::path::Path::new("/proc/1")).unwrap_err().to_string();
        assert!(error.contains("cannot write to data folder `/proc/1`"), "{error}");
    }
}
