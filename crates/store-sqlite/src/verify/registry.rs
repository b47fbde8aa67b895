//! The rest: the secret, the index of names, the registry's records.

use rusqlite::{Connection, OptionalExtension};
use stepwell_store::format;

use super::{Kind, Report, text};
use crate::read::Answer;

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// The secret must be there: tokens and generated names hang on it.
pub(super) fn secret(report: &mut Report, connection: &Connection) {
    let found = connection.query_row("SELECT value FROM meta WHERE name = 'secret'", [], |row| row.get(0)).optional();
    report.seen(Kind::Secret, 1);
    match found {
        Ok(Some(secret)) if <[u8; SECRET_BYTES]>::try_from(<Vec<u8>>::as_slice(&secret)).is_ok() => {}
        Ok(Some(secret)) => {
            report.damage(Kind::Secret, format!("the secret has {} bytes instead of {SECRET_BYTES}", secret.len()));
        }
        Ok(None) => report.damage(Kind::Secret, "there is no secret"),
        Err(error) => report.damage(Kind::Secret, format!("the secret cannot be read: {error}")),
    }
}

/// Every entry of the index belongs to an execution: each execution's own was looked for, so that counting is enough.
pub(super) fn names(report: &mut Report, connection: &Connection, named: u64) {
    let outcome = (|| -> Answer<()> {
        let found: i64 = connection.query_row("SELECT count(*) FROM names", [], |row| row.get(0))?;
        let missing = report.count(Kind::Names).damaged;
        let more = found.unsigned_abs().saturating_sub(named.saturating_sub(missing));
        // Rows that do not decode have names that cannot be looked for.
        if more > report.count(Kind::Executions).damaged {
            report.lost(Kind::Names, more, format!("{more} entries in the index of names belong to no execution"));
        }
        Ok(())
    })();
    report.ended("names", outcome);
}

/// Every record decodes, and is of the kind it stands under.
pub(super) fn records(report: &mut Report, connection: &Connection) {
    let outcome = (|| -> Answer<()> {
        let mut statement = connection.prepare("SELECT kind, scope, name, body FROM records")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            report.seen(Kind::Records, 1);
            if let Err(why) = record(row) {
                let part = |index| row.get_ref(index).map_or("?", |value| value.as_str().unwrap_or("?"));
                report.damage(Kind::Records, format!("record `{}` in {}: {why}", part(2), part(1)));
            }
        }
        Ok(())
    })();
    report.ended("records", outcome);
}

fn record(row: &rusqlite::Row<'_>) -> Result<(), String> {
    let sqlite = |error: rusqlite::Error| text(&error.into());
    let kind: u8 = row.get(0).map_err(sqlite)?;
    let body = row.get_ref(3).map_err(sqlite)?.as_blob().map_err(|error| error.to_string())?;
    let found = format::decode_record(body).map_err(|error| error.to_string())?.kind();
    if format::kind_number(found) == kind { Ok(()) } else { Err(format!("it is a {found:?}, but not filed as one")) }
}
