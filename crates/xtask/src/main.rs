//! `cargo xtask COMMAND`: the workshop of this repository.
//!
//! What it is for: turning public service models into the facts that `model` embeds, and the tidy check that guards
//! import directions, purity and sizes, the table of operations, the benchmark of the whole server, the count of instructions of
//! its hot paths, and long runs of the simulator. It is never shipped, and no other crate may depend on it.
//!
//! Start reading at [`facts`], [`services`], [`compatibility`], [`tidy`], [`bench`], [`instructions`] and [`simulate`].

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// As in the server, so that the raw programs are measured with the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bench;
mod cargo;
mod compatibility;
mod facts;
mod instructions;
mod services;
mod simulate;
mod tidy;

const USAGE: &str = "usage:
  cargo xtask model --from PATH/service-2.json[.gz]   rewrite crates/model/facts/states.json
  cargo xtask services --from PATH/botocore/data      rewrite crates/model/facts/services/
  cargo xtask compatibility [--cases FOLDER]          rewrite the table of operations in COMPATIBILITY.md
  cargo xtask tidy                                    check import directions, purity, sizes and that table
  cargo xtask instructions [--update]                 count the instructions of the hot paths below valgrind
  cargo xtask simulate --seeds N [--hours H]          run N new worlds of the simulator, on all processors
  cargo xtask bench [WORKLOAD…]                       measure the server (Linux); docs/performance.md tells more
      [--binary PATH]  a release binary that exists   [--data FOLDER]  where data folders are made
      [--requests N] [--parked N] [--stored N]        how much; 50,000, 1,000,000, 10,000,000 by default
      [--filled FOLDER]  what `stored` has filled before; it is kept";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["model", "--from", path] => facts::rewrite(Path::new(path)),
        ["services", "--from", path] => services::rewrite(Path::new(path)),
        ["compatibility"] => compatibility::rewrite(&tidy::workspace_root(), None),
        ["compatibility", "--cases", folder] => {
            compatibility::rewrite(&tidy::workspace_root(), Some(Path::new(folder)))
        }
        ["tidy"] => tidy::run(),
        ["instructions"] => instructions::run(false),
        ["instructions", "--update"] => instructions::run(true),
        ["simulate", words @ ..] => simulate::run(words),
        ["bench", words @ ..] => bench::run(words),
        _ => Err(USAGE.to_owned()),
    };
    let (text, code) = match outcome {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // Nobody is left to tell when the error stream is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
    code
}
