//! What a page of a listing costs the store alone, without HTTP: the newest succeeded executions of a machine, page after page.
//! For `cargo xtask bench stored`.
//!
//! ```text
//! cargo run --release -p stepwell-store-sqlite --example list -- FOLDER PAGES
//! ```
//! Prints microseconds of a page of 100: the median of so many, after 1,000 others.
#![allow(clippy::print_stdout)] // a tool of the workshop

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use stepwell_interpreter::Status;
use stepwell_store::{ExecutionFilter, ExecutionKey, Store};
use stepwell_store_sqlite::{Options, SqliteStore};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pages that are read before it counts: the cache of the connection fills, as it has in a server that runs.
const WARM_UP: usize = 1_000;
/// Executions on a page, as ListExecutions gives by default.
const PAGE: usize = 100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.as_slice() {
        [folder, pages] => pages.parse().map_err(Into::into).and_then(|pages| list(folder, pages)),
        _ => Err("usage: list FOLDER PAGES".into()),
    };
    match outcome {
        Ok(micros) => {
            println!("{micros:.1}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn list(folder: &str, pages: usize) -> Result<f64, Box<dyn Error>> {
    let store = SqliteStore::open(&Options::new(folder))?;
    let last = store.last_key()?;
    let newest = (1..=last.0).rev().find_map(|key| store.execution(ExecutionKey(key)).transpose());
    let machine = newest.ok_or("there is no execution")??.machine;
    let filter = ExecutionFilter { machine, status: Some(Status::Succeeded), redriven: None, qualifier_arn: None };
    let (mut micros, mut after) = (Vec::with_capacity(WARM_UP + pages), None);
    for _ in 0..WARM_UP + pages {
        let begun = Instant::now();
        let page = store.executions(&filter, after, PAGE)?;
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
        // After the last page, from the first one again.
        after = page.last().filter(|_| page.len() == PAGE).map(stepwell_store::ExecutionRecord::place);
    }
    let mut micros = micros.split_off(WARM_UP);
    micros.sort_by(f64::total_cmp);
    micros.get(pages / 2).copied().ok_or_else(|| "no page was asked for".into())
}
