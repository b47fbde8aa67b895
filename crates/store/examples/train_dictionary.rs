//! Trains the dictionary that chunks of history are compressed with.
//!
//! ```text
//! cargo run --release -p stepwell-store --features contract --example train_dictionary -- OUTPUT.bin
//! ```
//! A dictionary that was released is never replaced: a better one gets the next id (see `format::envelope`).

use std::process::ExitCode;

use stepwell_store::{format, sample};

/// A dictionary's size in bytes; twice as much gained 1 % on generated histories.
const DICTIONARY_BYTES_MAX: usize = 8 * 1024;

/// Generated executions to train with.
const EXECUTIONS: u64 = 600;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: train_dictionary OUTPUT.bin");
        return ExitCode::FAILURE;
    };
    match train().and_then(|dictionary| Ok(std::fs::write(&path, dictionary)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut samples = Vec::new();
    for seed in 0..EXECUTIONS {
        for batch in sample::varied_batches(seed) {
            samples.push(format::chunk_body(&batch)?);
        }
    }
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES_MAX)?;
    let before: usize = samples.iter().map(Vec::len).sum();
    let mut compressor = zstd::bulk::Compressor::with_dictionary(1, &dictionary)?;
    let mut after = 0;
    for sample in &samples {
        after += compressor.compress(sample)?.len();
    }
    let count = samples.len();
    eprintln!(
        "{count} chunks: {} -> {} bytes on average, dictionary of {} bytes",
        before / count,
        after / count,
        dictionary.len()
    );
    Ok(dictionary)
}
