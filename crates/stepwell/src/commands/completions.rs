//! `stepwell completions SHELL`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::problem::Exit;
use crate::terminal;

/// Arguments of `stepwell completions`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The shell; for bash: stepwell completions bash > ~/.local/share/bash-completion/completions/stepwell
    pub shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Arguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "stepwell", &mut script);
    terminal::data(&String::from_utf8_lossy(&script));
    Exit::Ok
}
