//! The command line: which commands there are. Each one's arguments stand in its own file below `commands`.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    activity, backup, completions, dev, doctor, env, exec, fmt, restore, run, serve, sm, task, validate,
};

/// AWS Step Functions on your own machine: one binary, the same API.
///
/// Exit codes: 0 done, 1 the execution failed or the command could not do its work, 2 wrong usage or configuration,
/// 3 invalid definition, 4 no server answers.
#[derive(Debug, Parser)]
#[command(name = "stepwell", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a development server: deploys the definitions below a folder, and follows their changes
    Dev(dev::Arguments),
    /// Run a server that checks credentials
    Serve(serve::Arguments),
    /// Run one definition here and now, without a server
    Run(run::Arguments),
    /// Check definitions, and show what is wrong where
    Validate(validate::Arguments),
    /// Lay out definitions in one way, whoever wrote them
    Fmt(fmt::Arguments),
    /// State machines of a server
    #[command(subcommand)]
    Sm(sm::Command),
    /// Executions of a server
    #[command(subcommand)]
    Exec(exec::Command),
    /// Activities of a server
    #[command(subcommand)]
    Activity(activity::Command),
    /// Answer a task by its token
    #[command(subcommand)]
    Task(task::Command),
    /// Print the variables that point the aws CLI and the SDKs to a server
    Env(env::Arguments),
    /// Copy a data folder into one file, also while a server works in it
    Backup(backup::Arguments),
    /// Put a backup into a data folder
    Restore(restore::Arguments),
    /// Look for what could be in the way, and say what to do; or read all data and find what is damaged
    Doctor(doctor::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

/// How a server is reached.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The server's address; else STEPWELL_ENDPOINT, AWS_ENDPOINT_URL_SFN, http://127.0.0.1:8083
    #[arg(long, value_name = "URL", global = true)]
    pub endpoint: Option<String>,
    /// The region; else AWS_REGION, AWS_DEFAULT_REGION, us-east-1
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
}

/// How an answer is written to standard output.
#[derive(Args, Clone, Copy, Debug)]
pub struct Output {
    /// A table for people, or the API's JSON for programs
    #[arg(long, value_name = "FORMAT", global = true, default_value = "table", env = "STEPWELL_OUTPUT")]
    pub output: Format,
}

/// The forms of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}
