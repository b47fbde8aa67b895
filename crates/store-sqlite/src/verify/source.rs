//! Opening a database to read it, whatever state it is in.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use stepwell_store::Error;

use crate::{backend, schema, wal};

/// How long a read waits for another process that sets up its log, milliseconds.
const WAIT_MILLIS: u32 = 10_000;

/// A database that was opened.
pub(crate) enum Source {
    /// It can be read.
    Readable(Connection),
    /// It is so damaged that SQLite reads nothing of it: why.
    Unreadable(String),
}

impl Source {
    /// Opens the database of a data folder, with what is in its log. A server may be at work.
    ///
    /// # Errors
    /// When there is none, it is of a newer version, or it cannot be opened.
    pub(crate) fn live(database: &Path) -> Result<Source, Error> {
        exists(database)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(database, flags).and_then(|connection| version(connection, database));
        match opened {
            // A folder that cannot be written has no place for the index of a log; without a log none is needed.
            Err(error) if needs_files(&error) && wal::is_empty(database) => Source::at_rest(database),
            other => judge(database, other),
        }
    }

    /// Opens a file that nobody writes to, without looking for a log beside it.
    ///
    /// # Errors
    /// When there is none, it is of a newer version, or it cannot be opened.
    pub(crate) fn at_rest(file: &Path) -> Result<Source, Error> {
        exists(file)?;
        let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let uri = format!("file://{}?immutable=1", escaped(&path)?);
        judge(file, Connection::open_with_flags(uri, flags).and_then(|connection| version(connection, file)))
    }
}

type Versioned = (Connection, Result<(), Error>);

/// Sets the connection up for reading, and reads the version of the tables.
fn version(connection: Connection, path: &Path) -> rusqlite::Result<Versioned> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(&format!(
        "PRAGMA busy_timeout = {WAIT_MILLIS}; PRAGMA query_only = 1; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    ))?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // The first real read: a folder whose log cannot be read shows it here.
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let place = path.display().to_string();
    let verdict = match found {
        0 if tables == 0 => Err(Error::Backend(format!("{place} holds no data of Stepwell"))),
        found if found > schema::VERSION => Err(Error::TooNew { place, found, known: schema::VERSION }),
        _ => Ok(()),
    };
    Ok((connection, verdict))
}

fn judge(path: &Path, opened: rusqlite::Result<Versioned>) -> Result<Source, Error> {
    match opened {
        Ok((connection, verdict)) => verdict.map(|()| Source::Readable(connection)),
        Err(error) if is_damage(&error) => Ok(Source::Unreadable(format!("{}: {error}", path.display()))),
        Err(error) => Err(backend(path, &error)),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|it| matches!(it.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn needs_files(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|it| matches!(it.code, ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn exists(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(Error::Backend(format!("{} is no file", path.display()))),
        Err(error) => Err(Error::Backend(format!("cannot read {}: {error}", path.display()))),
    }
}

/// A path as SQLite's URIs have it: everything but plain letters is escaped.
fn escaped(path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| Error::Backend(format!("the path {} is no UTF-8", path.display())))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    Ok(text.bytes().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn paths_are_escaped() {
        for (path, expected) in [("/a/b.db", "/a/b.db"), ("/a b?#%/ä", "/a%20b%3F%23%25/%C3%A4")] {
            assert_eq!(super::escaped(Path::new(path)).unwrap(), expected);
        }
    }
}
