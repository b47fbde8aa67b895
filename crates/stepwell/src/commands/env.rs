//! `stepwell env`: the variables that point the aws CLI and the SDKs to a server.

use clap::{Args, ValueEnum};

use crate::cli::Connection;
use crate::client::ENDPOINT_DEFAULT;
use crate::problem::{Exit, Problem};
use crate::{client, terminal};

/// Arguments of `stepwell env`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The shell they are for: eval "$(stepwell env)"
    #[arg(long, value_name = "SHELL", default_value = "sh")]
    shell: Shell,
}

/// Shells that set variables differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// sh, bash, zsh
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

/// The variables for a server that accepts any credentials. A profile would win over the keys in some SDKs, so none may be
/// set.
pub fn variables(endpoint: &str, region: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL_SFN", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
    ]
}

/// One line that sets a variable.
pub fn line(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Sh => format!("export {name}={value}"),
        Shell::Fish => format!("set -gx {name} {value}"),
        Shell::Powershell => format!("$Env:{name} = '{value}'"),
    }
}

/// Prints them.
///
/// # Errors
/// When the endpoint is none.
pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let connection = &arguments.connection;
    // What points to a server already must not be taken for the server itself, unless it is named on purpose.
    let endpoint = connection.endpoint.clone().or_else(|| client::variable(&["STEPWELL_ENDPOINT"]));
    let endpoint = endpoint.unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned());
    if !endpoint.starts_with("http") || endpoint.contains(['\'', '"', ' ', ';', '$', '`', '\n']) {
        return Err(Problem::usage(format!("the endpoint `{endpoint}` is no address such as {ENDPOINT_DEFAULT}")));
    }
    let region = connection.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let shell = arguments.shell;
    let mut lines: Vec<String> =
        variables(&endpoint, &region).iter().map(|(name, value)| line(shell, name, value)).collect();
    // Without a name whose `sync-` form resolves, the prefix has to go (aws CLI, boto3).
    lines.push(line(shell, "AWS_DISABLE_HOST_PREFIX_INJECTION", "true"));
    lines.push(match shell {
        Shell::Sh => "unset AWS_PROFILE".to_owned(),
        Shell::Fish => "set -e AWS_PROFILE".to_owned(),
        Shell::Powershell => "Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue".to_owned(),
    });
    terminal::data(&lines.join("\n"));
    Ok(Exit::Ok)
}
