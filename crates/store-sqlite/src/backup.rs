//! Backup of a data folder while a server works in it, and restoring one.
//!
//! A backup is one file: the database as of one moment, with the secret, and without a log. It is copied page by page on a
//! read-only connection, not with `VACUUM INTO`, which makes every tree anew: as long as the copy takes, the server's log
//! cannot begin anew. Then it is read back and verified whole.
//!
//! A restore goes to a file beside the database first, which keeps a server from starting until it is in place: so that
//! an interrupted restore is never taken for data.
//!
//! Start reading at [`backup`] and [`restore`].

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::StepResult;
use rusqlite::{Connection, OpenFlags};
use stepwell_store::Error;

use crate::folder::{self, Folder};
use crate::read::{self, Trouble};
use crate::verify::{self, Report, Source};
use crate::{backend, wal};

/// How often a copy is begun while the database is locked, and what passes in between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// Numbers that a restored installation leaves out. The one that was lost has given out numbers since the backup, which
/// are in tokens and names somewhere; none of them may come to mean another execution.
const KEYS_LEFT_OUT: i64 = 1 << 32;

/// Numbers have 47 bits; in the last half of them none are left out.
const KEY_HALF: i64 = 1 << 46;

/// What a restore has done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What is in the folder now.
    pub report: Report,
    /// Where the data that was there before went.
    pub replaced: Option<PathBuf>,
}

/// Copies the database of a data folder into a new file, and verifies the copy. Everything acknowledged before the call is
/// in it.
///
/// # Errors
/// [`Error::Backend`] when the file exists or cannot be written, or there is no database; [`Error::TooNew`];
/// [`Error::Damaged`] when the log is damaged and no server is at work, or when the copy is: then it is kept, with the
/// ending `.damaged`.
pub fn backup(folder: &Path, to: &Path) -> Result<Report, Error> {
    let database = folder::database_in(folder);
    if to.symlink_metadata().is_ok() {
        return Err(Error::Backend(format!("{} exists; a backup replaces nothing, choose another name", to.display())));
    }
    // A server that is at work reads past such damage; without one, SQLite drops what follows it.
    if !folder::is_in_use(folder) {
        wal::check(&database)?;
    }
    let source = match Source::live(&database)? {
        Source::Readable(connection) => connection,
        Source::Unreadable(why) => return Err(Error::Damaged { what: database.display().to_string(), why }),
    };
    let partial = Partial::make(beside(to, &format!(".partial-{}", std::process::id())))?;
    copy_pages(&source, &partial.0).map_err(|error| backend(&partial.0, &error))?;
    drop(source);
    sync(&partial.0)?;
    let report = verify::file(&partial.0)?;
    if !report.is_sound() {
        let kept = beside(to, ".damaged");
        put_in_place(&partial.0, &kept)?;
        return Err(Error::Damaged {
            what: database.display().to_string(),
            why: format!("{}\nwhat could be copied is in {}", report.told(), kept.display()),
        });
    }
    put_in_place(&partial.0, to)?;
    Ok(report)
}

/// Puts a backup into a data folder, after verifying it. Executions that ran then go on from there.
///
/// # Errors
/// [`Error::Damaged`] when the file is damaged or a backup with a log beside it, [`Error::TooNew`] when a newer version
/// wrote it, [`Error::Locked`] when a server is at work in the folder, [`Error::Backend`] when the folder is not empty and
/// `force` is not set, or something cannot be read or written.
pub fn restore(file: &Path, folder: &Path, force: bool) -> Result<Restored, Error> {
    if !wal::is_empty(file) {
        return Err(Error::Backend(format!(
            "beside {} there is a write-ahead log, so this is no backup but the database of a data folder; make a backup \
             of that folder, or copy it as a whole",
            file.display()
        )));
    }
    let report = verify::file(file)?;
    if !report.is_sound() {
        return Err(Error::Damaged { what: file.display().to_string(), why: report.told() });
    }
    let full = folder::holds_anything(folder).map_err(|error| io("read", folder, &error))?;
    if full && !force {
        return Err(Error::Backend(format!(
            "data folder `{}` is not empty; choose another, or set what is there aside with --force",
            folder.display()
        )));
    }
    let locked = Folder::lock(folder)?;
    let restoring = locked.restoring();
    let interrupted = restoring.exists();
    if let Err(error) = prepare(file, &restoring) {
        // Nothing was moved, so the folder is what it was: unless an earlier restore was interrupted, after which its file
        // must stay, in whatever state it is.
        if !interrupted {
            let _ = fs::remove_file(&restoring);
        }
        return Err(error);
    }
    let replaced = set_aside(folder)?;
    put_in_place(&restoring, &locked.database())?;
    locked.unlock();
    Ok(Restored { report, replaced })
}

/// Makes the database that is to take its place. Its mere name keeps servers away, so it must be there, durably, before
/// anything is moved.
fn prepare(file: &Path, restoring: &Path) -> Result<(), Error> {
    fs::copy(file, restoring).map_err(|error| io("write", restoring, &error))?;
    only_ours(restoring)?;
    leave_out_keys(restoring)?;
    sync(restoring)?;
    restoring.parent().map_or(Ok(()), sync)
}

/// Copies all pages as of one moment: in one step, so that a writer cannot make it begin again.
fn copy_pages(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA mmap_size = 0;")?;
    {
        let copy = rusqlite::backup::Backup::new(source, &mut target)?;
        for tried in 1.. {
            match copy.step(-1)? {
                StepResult::Done => break,
                _ if tried < TRIES => std::thread::sleep(PAUSE),
                _ => {
                    return Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                        None,
                    ));
                }
            }
        }
    }
    drop(target);
    // The first page says that there may be a log; a file that is to stand alone needs none.
    let alone = Connection::open_with_flags(to, flags)?;
    alone.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

/// Makes the numbers of a restored database go on far behind those it knows.
fn leave_out_keys(database: &Path) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO meta(name, value) VALUES ('last_key', ?1)
        ON CONFLICT(name) DO UPDATE SET value = excluded.value";
    let fail = |error: rusqlite::Error| backend(database, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(fail)?;
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(fail)?;
    let last = read::last_key(&connection).map_err(|trouble| match trouble {
        Trouble::Sqlite(error) => fail(error),
        Trouble::Store(error) => error,
    })?;
    let last = last.0.cast_signed();
    if last < KEY_HALF {
        connection.execute(SQL, [last + KEYS_LEFT_OUT]).map_err(fail)?;
    }
    connection.close().map_err(|(_, error)| fail(error))
}

/// Moves the old database with its log out of the way; none is no error. The log goes last: a database never meets a log
/// that is not its own, because the marker of the restore keeps servers away until both are gone.
fn set_aside(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let database = folder::database_in(folder);
    let suffixed = |suffix: &str| {
        let mut name: OsString = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let files = ["", "-wal", "-shm", "-journal"].map(suffixed);
    let there: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    if there.is_empty() {
        return Ok(None);
    }
    let free = (1..u32::MAX).map(|number| folder.join(format!("replaced-{number}"))).find(|place| !place.exists());
    let Some(place) = free else { return Err(Error::Backend("no name for what is to be set aside".to_owned())) };
    fs::create_dir(&place).map_err(|error| io("make", &place, &error))?;
    for file in there {
        let target = place.join(file.file_name().unwrap_or_default());
        fs::rename(file, &target).map_err(|error| io("move", file, &error))?;
    }
    sync(&place)?;
    sync(folder)?;
    Ok(Some(place))
}

/// A file that is removed when the work ends before it is put in place.
struct Partial(PathBuf);

impl Partial {
    /// Only the user who makes a backup may read it.
    fn make(path: PathBuf) -> Result<Partial, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(|error| io("make", &path, &error))?;
        Ok(Partial(path))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It is gone when it was put in place.
        let _ = fs::remove_file(&self.0);
    }
}

/// Gives a file its name, durably.
fn put_in_place(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|error| io("write", to, &error))?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn only_ours(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|error| io("change", path, &error))?;
    Ok(())
}

fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io("write", path, &error))
}

fn io(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Backend(format!("cannot {what} {}: {error}", path.display()))
}
