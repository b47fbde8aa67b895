//! `stepwell serve`: a server that checks who calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use stepwell_api::{Access, Key};
use stepwell_integrations::lambda::{self, FunctionSpec};

use crate::config::Config;
use crate::listen;
use crate::problem::{Exit, Problem};
use crate::server;
use crate::terminal::{data, say};
use crate::wiring::{self, Plan, Storage};

/// Arguments of `stepwell serve`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where to listen, several separated by commas [default: 127.0.0.1:8083]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The data folder
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The configuration [default: ./stepwell.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "STEPWELL_CONFIG")]
    config: Option<PathBuf>,
    /// Accept any credentials; on loopback addresses only
    #[arg(long)]
    insecure_any_credentials: bool,
    /// Check the configuration, say what it means, and end
    #[arg(long)]
    check_config: bool,
    /// Start although the write-ahead log is damaged before its end, and give up the commits after the damage; a copy of
    /// the log is kept
    #[arg(long)]
    accept_wal_truncation: bool,
}

/// What was decided before anything is started.
struct Decided {
    config: Config,
    addresses: Vec<SocketAddr>,
    folder: PathBuf,
    access: Access,
    functions: Vec<FunctionSpec>,
}

/// Runs the server until a signal.
///
/// # Errors
/// When the port, the data folder or the configuration cannot be used.
pub async fn run(arguments: Arguments) -> Result<Exit, Problem> {
    let decided = decide(&arguments)?;
    if arguments.check_config {
        data(&summary(&decided));
        return Ok(Exit::Ok);
    }
    let listeners = listen::open(&decided.addresses)?;
    let urls = listen::urls_of(&listeners);
    let environment = function_environment(&decided.config, &urls);
    let system = wiring::start(Plan {
        config: &decided.config,
        storage: Storage::Folder(decided.folder.clone()),
        accept_wal_truncation: arguments.accept_wal_truncation,
        access: decided.access,
        functions: decided.functions,
        function_environment: environment,
    });
    let system = system.await?;
    let listening = server::answer(&system, listeners)?;
    say(&format!("Stepwell {}  {}", env!("CARGO_PKG_VERSION"), urls.join("  ")));
    say(&format!("data  {}", decided.folder.display()));
    say("ready; SIGTERM or Ctrl-C stops");
    server::until_signal(system, listening).await
}

fn decide(arguments: &Arguments) -> Result<Decided, Problem> {
    let here = Path::new(crate::config::FILE_NAME);
    let file = arguments.config.as_deref().or_else(|| here.is_file().then_some(here));
    let config = match file {
        Some(file) => Config::of_file(file)?,
        None => Config::of_folder(Path::new("."))?,
    };
    let listen = arguments.listen.clone().or_else(|| config.server.listen.clone());
    let addresses = listen::parse(listen.as_deref().unwrap_or(listen::LISTEN_DEFAULT))?;
    let folder = arguments.data.clone().or_else(|| config.server.data.clone()).ok_or_else(|| {
        Problem::usage("no data folder is given")
            .help("stepwell serve --data FOLDER, or `data` in [server] of stepwell.toml")
    })?;
    let access = access(arguments, &config, &addresses)?;
    let functions = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| Problem::usage(format!("cannot read `{}`: {error}", file.display())))?;
            lambda::declared(&text, file).map_err(|error| Problem::usage(error.to_string()))?
        }
        None => Vec::new(),
    };
    Ok(Decided { config, addresses, folder, access, functions })
}

/// Who may call. Without keys, nobody could; whoever wants to let everybody in has to say so, and may do it on loopback only.
fn access(arguments: &Arguments, config: &Config, addresses: &[SocketAddr]) -> Result<Access, Problem> {
    let account = wiring::scope(config).account;
    if arguments.insecure_any_credentials {
        if !listen::is_loopback(addresses) {
            return Err(Problem::usage("--insecure-any-credentials is for loopback addresses only")
                .help("put keys into the configuration, or listen on 127.0.0.1"));
        }
        return Ok(Access::AnyOnLoopback { account: account.into() });
    }
    if config.keys.is_empty() {
        return Err(Problem::usage("no keys are configured, so nobody could call")
            .help("put them into stepwell.toml (or --config FILE):\n[keys.ACCESS_KEY_ID]\nsecret = \"SECRET_ACCESS_KEY\"\naccount = \"123456789012\"\nor, on loopback only, --insecure-any-credentials"));
    }
    let keys = config.keys.iter().map(|(id, key)| {
        let account = key.account.clone().unwrap_or_else(|| account.clone());
        (id.clone(), Key { secret: key.secret.clone(), account: account.into() })
    });
    Ok(Access::Keys(keys.collect()))
}

/// What every function gets: this server's address, and the key that `[lambda] access_key` names.
fn function_environment(config: &Config, urls: &[String]) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    if let Some(url) = urls.first() {
        // A server that listens everywhere is reached here on the loopback address.
        let url = url.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:");
        environment.insert("AWS_ENDPOINT_URL_SFN".to_owned(), url);
    }
    if let Some((id, key)) = config.lambda.access_key.as_ref().and_then(|id| config.keys.get_key_value(id)) {
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), id.clone());
        environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret.clone());
    }
    environment
}

fn summary(decided: &Decided) -> String {
    let scope = wiring::scope(&decided.config);
    let addresses: Vec<String> = decided.addresses.iter().map(ToString::to_string).collect();
    let functions: Vec<&str> = decided.functions.iter().map(|function| function.name.as_str()).collect();
    let access = match &decided.access {
        Access::AnyOnLoopback { .. } => "any credentials".to_owned(),
        Access::Keys(keys) => {
            keys.iter().map(|(id, key)| format!("{id} ({})", key.account)).collect::<Vec<_>>().join(", ")
        }
    };
    let limits = if decided.config.limits.are_lifted() { "unbounded" } else { "AWS's" };
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    let rows = [
        ("listen", addresses.join(", ")),
        ("data", decided.folder.display().to_string()),
        ("account", scope.account),
        ("region", scope.region),
        ("keys", access),
        ("functions", or_none(&functions.join(", "))),
        ("lambda endpoint", or_none(decided.config.lambda.endpoint.as_deref().unwrap_or_default())),
        ("limits", limits.to_owned()),
        ("quotas", decided.config.quotas.summary()),
        ("retention", format!("{} days", decided.config.retention.days)),
    ];
    rows.map(|(name, value)| format!("{name:<16} {value}\n")).concat()
}
