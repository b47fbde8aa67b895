//! `stepwell dev`: a server for one developer, in step with a folder of definitions and functions.

use std::path::{Path, PathBuf};

use clap::Args;
use stepwell_api::Access;

use crate::client;
use crate::config::Config;
use crate::hosts::{self, LocalHost};
use crate::listen;
use crate::problem::{Exit, Problem};
use crate::server;
use crate::terminal::{Ink, Style, say};
use crate::watch::{self, Deployer};
use crate::wiring::{self, Plan, Storage, System};

/// Arguments of `stepwell dev`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The folder with the definitions (*.asl.json, *.asl.yaml, *.asl.yml) and the functions
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Where to listen; loopback only [default: 127.0.0.1:8083]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The data folder [default: DIR/.stepwell]
    #[arg(long, value_name = "FOLDER", conflicts_with = "ephemeral")]
    data: Option<PathBuf>,
    /// Keep nothing: all data is gone when the server stops
    #[arg(long)]
    ephemeral: bool,
    /// Start although the write-ahead log is damaged before its end, and give up the commits after the damage; a copy of
    /// the log is kept
    #[arg(long)]
    accept_wal_truncation: bool,
}

/// Runs the server until a signal.
///
/// # Errors
/// When the folder, the port, the data folder or the configuration cannot be used.
pub async fn run(arguments: Arguments) -> Result<Exit, Problem> {
    let directory = arguments.directory;
    if !directory.is_dir() {
        return Err(Problem::usage(format!("`{}` is no folder", directory.display()))
            .help("give the folder with the definitions: stepwell dev DIR"));
    }
    let config = Config::of_folder(&directory)?;
    let listen = arguments.listen.or_else(|| config.server.listen.clone());
    let listen = listen.as_deref().unwrap_or(listen::LISTEN_DEFAULT);
    let addresses = listen::parse(listen)?;
    if !listen::is_loopback(&addresses) {
        let message = "`stepwell dev` accepts any credentials, so it listens on loopback addresses only, and not on";
        return Err(Problem::usage(format!("{message} {listen}")).help(
            "for other machines: stepwell serve --listen ADDRESS:PORT --data FOLDER --config FILE, with [keys] in FILE",
        ));
    }
    let listeners = listen::open(&addresses)?;
    let urls = listen::urls_of(&listeners);
    let port = listen::port_of(&listeners).unwrap_or_default();
    let url = urls.first().cloned().unwrap_or_default();
    let storage = match (arguments.ephemeral, arguments.data.or_else(|| config.server.data.clone())) {
        (true, _) => Storage::Memory,
        (false, Some(folder)) => Storage::Folder(folder),
        (false, None) => Storage::Folder(directory.join(".stepwell")),
    };
    let plan = Plan {
        config: &config,
        storage: storage.clone(),
        accept_wal_truncation: arguments.accept_wal_truncation,
        access: Access::AnyOnLoopback { account: wiring::scope(&config).account.into() },
        functions: wiring::functions_of(&directory)?,
        function_environment: wiring::open_environment(&url),
    };
    let system = wiring::start(plan).await?;
    let listening = server::answer(&system, listeners)?;
    greet(&urls, &storage, &system);
    let mut deployer = Deployer::new(&directory, system.caller(), system.functions.clone(), system.scope.clone());
    let folders = deployer.sweep().await;
    if deployer.is_empty() {
        say("  none yet; put NAME.asl.json or NAME.asl.yaml into the folder");
    }
    tell_how_to_use(port, &url, &system.scope.region, &directory).await;
    tokio::spawn(watch::follow(deployer, folders));
    server::until_signal(system, listening).await
}

fn greet(urls: &[String], storage: &Storage, system: &System) {
    let style = Style::of_stderr();
    let name = style.paint(Ink::Bold, &format!("Stepwell {}", env!("CARGO_PKG_VERSION")));
    say(&format!("{name}  {}", urls.join("  ")));
    match storage {
        Storage::Memory => say("data       in memory, gone when the server stops"),
        Storage::Folder(folder) => say(&format!("data       {}", folder.display())),
    }
    let functions = system.functions.list();
    if !functions.is_empty() {
        let names: Vec<String> = functions.into_iter().map(|function| function.name).collect();
        say(&format!("functions  {}", names.join(", ")));
    }
    say("state machines");
}

async fn tell_how_to_use(port: u16, url: &str, region: &str, directory: &Path) {
    let host = hosts::local_host().await;
    let endpoint = match &host {
        LocalHost::Name(name) => format!("http://{name}:{port}"),
        LocalHost::AddressOnly => url.to_owned(),
    };
    let option = if endpoint == client::ENDPOINT_DEFAULT { String::new() } else { format!(" --endpoint {endpoint}") };
    say(&format!("\nfor the aws CLI and the SDKs (or: eval \"$(stepwell env{option})\")"));
    for (name, value) in super::env::variables(&endpoint, region) {
        say(&format!("  export {name}={value}"));
    }
    say("  unset AWS_PROFILE");
    if host == LocalHost::AddressOnly {
        say(
            "\nStartSyncExecution and TestState: SDKs put `sync-` before the host, and sync-localhost does not resolve here",
        );
        for line in hosts::advice(port) {
            say(&format!("  {line}"));
        }
    }
    say(&format!("\nready; following changes in {}; Ctrl-C stops", directory.display()));
}
