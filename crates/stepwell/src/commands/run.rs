//! `stepwell run`: one execution of a definition, in this process, with nothing kept. The API answers on a free port
//! of the loopback meanwhile, for functions that answer tasks by token or start executions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stepwell_api::Access;
use stepwell_value::Value;

use crate::call::{self, Caller};
use crate::config::{Config, FILE_NAME, Type};
use crate::definition_file::DefinitionFile;
use crate::deploy::{self, Machine};
use crate::problem::{Exit, Problem};
use crate::progress::{self, Ended};
use crate::terminal::{Ink, Style, data, say};
use crate::wiring::{self, InProcess, Plan, Storage};
use crate::{input, listen, server};

/// How often progress is looked at.
const INTERVAL: Duration = Duration::from_millis(25);

/// Arguments of `stepwell run`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The definition: JSON, or YAML by its ending
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(long, short, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    input: String,
    /// Run it as an Express execution; these keep no history, so that no progress is shown
    #[arg(long)]
    express: bool,
    /// The folder with the functions (functions/NAME, or a stepwell.toml) [default: the nearest one above FILE with a
    /// stepwell.toml, else FILE's]
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Runs it to its end; Ctrl-C stops it.
///
/// # Errors
/// When the definition, the input or the functions cannot be used.
pub async fn run(arguments: Arguments) -> Result<Exit, Problem> {
    let file = DefinitionFile::read(&arguments.file)?;
    let machine_type = Type::of_flag(arguments.express);
    let definition = file.json_text(machine_type.for_validation())?;
    let input = input::read(&arguments.input)?;
    let folder = arguments.functions.unwrap_or_else(|| functions_folder(&arguments.file));
    let config = Config::of_folder(&folder)?;
    // Functions may answer tasks by token, or start executions themselves.
    let listeners = listen::open(&listen::parse("127.0.0.1:0")?)?;
    let url = listen::urls_of(&listeners).swap_remove(0);
    let system = wiring::start(Plan {
        config: &config,
        storage: Storage::Memory,
        accept_wal_truncation: false,
        access: Access::default(),
        functions: wiring::functions_of(&folder)?,
        function_environment: wiring::open_environment(&url),
    });
    let system = system.await?;
    let listening = server::answer(&system, listeners)?;
    let caller = system.caller();
    let name = machine_name(&file);
    let role_arn = deploy::default_role(&system.scope.account);
    let arn = deploy::create(&caller, &Machine { name, definition, machine_type, role_arn }).await?;
    let ended = match machine_type {
        Type::Standard => standard(&caller, &arn, &input, arguments.quiet).await,
        Type::Express => express(&caller, &arn, &input).await,
    };
    listening.stop().await;
    system.stop().await;
    Ok(report(&ended?, arguments.quiet))
}

/// The file's name, as far as it makes a machine's name.
fn machine_name(file: &DefinitionFile) -> String {
    let name = file.machine_name();
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let name: String = name.chars().map(|letter| if is_letter(letter) { letter } else { '-' }).take(80).collect();
    if name.is_empty() { "run".to_owned() } else { name }
}

/// The nearest folder above the file with a configuration, else the file's own.
fn functions_folder(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let own = absolute.parent().unwrap_or(Path::new(".")).to_owned();
    let with_configuration = own.ancestors().find(|folder| folder.join(FILE_NAME).is_file()).map(Path::to_owned);
    with_configuration.unwrap_or(own)
}

async fn standard(caller: &InProcess, machine: &str, input: &str, quiet: bool) -> Result<Ended, Problem> {
    let request = Value::object([("stateMachineArn", Value::from(machine)), ("input", Value::from(input))]);
    let started = caller.call("StartExecution", request).await?;
    let arn = call::text(&started, "executionArn").to_owned();
    let stopper = async {
        server::signal().await;
        say("stopping the execution");
        let request = Value::object([
            ("executionArn", Value::from(arn.as_str())),
            ("error", Value::from("Interrupted")),
            ("cause", Value::from("stopped by a signal")),
        ]);
        let _ = caller.call("StopExecution", request).await; // it may have ended meanwhile
        server::signal().await;
        Problem::failed("interrupted twice; the execution is given up")
    };
    tokio::select! {
        ended = progress::follow(caller, &arn, INTERVAL, quiet) => ended,
        problem = stopper => Err(problem),
    }
}

async fn express(caller: &InProcess, machine: &str, input: &str) -> Result<Ended, Problem> {
    let request = Value::object([("stateMachineArn", Value::from(machine)), ("input", Value::from(input))]);
    let answer = tokio::select! {
        answer = caller.call("StartSyncExecution", request) => answer?,
        () = server::signal() => return Err(Problem::failed("interrupted; the execution is given up")),
    };
    Ended::of(&answer).ok_or_else(|| Problem::failed("a bug: a synchronous execution was answered before it ended"))
}

fn report(ended: &Ended, quiet: bool) -> Exit {
    if let Some(output) = &ended.output {
        data(output);
    }
    let style = Style::of_stderr();
    let succeeded = ended.status == "SUCCEEDED";
    if !quiet || !succeeded {
        say(&ended.to_line(style));
    }
    if !succeeded && let Some(cause) = ended.cause.as_deref().filter(|cause| cause.contains('\n')) {
        say(&style.paint(Ink::Dim, cause));
    }
    if succeeded { Exit::Ok } else { Exit::Failed }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{functions_folder, machine_name};
    use crate::definition_file::DefinitionFile;

    #[test]
    fn names_of_files_become_names_of_machines() {
        let name = |path: &str| machine_name(&DefinitionFile { path: PathBuf::from(path), text: String::new() });
        assert_eq!([name("a/My flow (1).json"), name("order.asl.yaml")], ["My-flow--1-", "order"]);
    }

    #[test]
    fn functions_are_looked_for_upwards() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        let file = folder.path().join("a/m.asl.json");
        assert_eq!(functions_folder(&file), folder.path().join("a"));
        std::fs::write(folder.path().join("stepwell.toml"), "").unwrap();
        assert_eq!(functions_folder(&file), folder.path());
        assert!(functions_folder(Path::new("m.json")).is_absolute());
    }
}
