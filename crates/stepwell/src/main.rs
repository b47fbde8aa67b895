//! The binary: configuration, command line, wiring. The only place where the rooms are joined.
//!
//! Start reading at `commands` (one file per command), then `wiring` (what a server is made of).

mod call;
mod cli;
mod client;
mod commands;
mod config;
mod definition_file;
mod deploy;
mod hosts;
mod input;
mod listen;
mod problem;
mod progress;
mod server;
mod terminal;
mod watch;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::problem::Problem;
use crate::terminal::{Ink, Style};

/// Threads give each other much that they have not allocated: requests, payloads, groups of writes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads for requests, functions and calls; executions have threads of their own in the engine.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    start_log();
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(commands::run(cli.command));
        // Blocking calls that still run (a name look-up) are not worth waiting for.
        runtime.shutdown_background();
        outcome
    });
    let exit = outcome.unwrap_or_else(|problem| {
        let style = Style::of_stderr();
        terminal::say(&format!("{} {problem}", style.paint(Ink::Bad, "error:")));
        problem.exit
    });
    ExitCode::from(exit as u8)
}

fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Problem::failed(format!("threads cannot be made: {error}")))
}

/// The operator log, on standard error; `STEPWELL_LOG` says what is shown (`info`, `stepwell_engine=debug`).
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEPWELL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = log.try_init(); // fails only when there is one already
}
