//! What a store acknowledged before a crash, and whether it is there.

use std::collections::BTreeMap;

use stepwell_store::sample::{self, Case, Dice};
use stepwell_store::{ExecutionKey, Store};
use stepwell_store_sqlite::{Options, SqliteStore};

/// The number of batches of each execution.
pub type Acknowledged = BTreeMap<u64, usize>;

/// The name of an execution.
pub fn name(key: u64) -> String {
    format!("name-{key}")
}

/// Everything acknowledged is there; whatever else is there is whole. Gives the last number that is used.
///
/// # Errors
/// What is not.
pub fn check(options: &Options, acknowledged: &Acknowledged) -> Result<u64, String> {
    let store = SqliteStore::open(options).map_err(|error| error.to_string())?;
    for (key, batches) in acknowledged {
        let writes = sample::batches(&Case::named(*key, 1, &name(*key)), &mut Dice(*key));
        let record = store.execution(ExecutionKey(*key)).map_err(|error| error.to_string())?;
        let record = record.ok_or_else(|| format!("{key} is lost"))?;
        if record.last_event < writes[batches - 1].next_event - 1 {
            return Err(format!("{key} has lost batches"));
        }
    }
    let last = store.last_key().map_err(|error| error.to_string())?.0;
    for key in 1..=last {
        is_whole(&store, key)?;
    }
    Ok(last)
}

fn is_whole(store: &SqliteStore, key: u64) -> Result<(), String> {
    let text = |error: stepwell_store::Error| error.to_string();
    let Some(record) = store.execution(ExecutionKey(key)).map_err(text)? else { return Ok(()) };
    let batches = sample::batches(&Case::named(key, 1, &name(key)), &mut Dice(key));
    let events: Vec<_> = batches.into_iter().flat_map(|write| write.events).collect();
    let found = store.history(ExecutionKey(key), 1, false, 100).map_err(text)?;
    let open = store.load(ExecutionKey(key)).map_err(text)?;
    let named = store.execution_named(record.machine, &record.identity.name).map_err(text)?;
    let whole = [
        events.get(..found.len()) == Some(&found),
        found.len() as u64 == record.last_event,
        open.is_some() == record.stopped.is_none(),
        named == Some(record.key),
    ];
    if whole == [true; 4] { Ok(()) } else { Err(format!("{key} is not whole: {whole:?}")) }
}
