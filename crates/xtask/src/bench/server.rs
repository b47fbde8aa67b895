//! The server under test: `stepwell serve` with a data folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::client::{Connection, member};
use super::load;
use super::process::{Process, Usage};

/// The role of all machines; nobody looks at it.
const ROLE: &str = "arn:aws:iam::123456789012:role/bench";

/// A running Stepwell.
pub struct Server {
    process: Process,
    binary: PathBuf,
    folder: PathBuf,
}

impl Server {
    /// Starts a server with an empty data folder and AWS's limits.
    ///
    /// # Errors
    /// When it does not start.
    pub fn fresh(binary: &Path, folder: &Path) -> Result<Server, String> {
        Server::fresh_with(binary, folder, "aws")
    }

    /// The same, with these limits: `aws` or `unbounded`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn fresh_with(binary: &Path, folder: &Path, limits: &str) -> Result<Server, String> {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(told)?;
        }
        fs::create_dir_all(folder).map_err(told)?;
        Server::open(binary, folder, limits)
    }

    /// Starts a server with a data folder that exists.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open(binary: &Path, folder: &Path, limits: &str) -> Result<Server, String> {
        let process = Process::start(|address| {
            let mut command = Command::new(binary);
            command.args(["serve", "--insecure-any-credentials", "--listen", address, "--data"]).arg(folder);
            command.env("STEPWELL_LIMITS", limits).env("STEPWELL_LOG", "error").current_dir(folder);
            command
        })?;
        Ok(Server { process, binary: binary.to_owned(), folder: folder.to_owned() })
    }

    /// Stops it in an orderly way and starts it again with the same data.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub fn restart(self) -> Result<Server, String> {
        self.restart_after(|_| Ok(()))
    }

    /// The same; something else has the data folder in between.
    ///
    /// # Errors
    /// When it does not stop or start, or what is done in between fails.
    pub fn restart_after(self, act: impl FnOnce(&Path) -> Result<(), String>) -> Result<Server, String> {
        let Server { process, binary, folder } = self;
        process.stop()?;
        act(&folder)?;
        Server::open(&binary, &folder, "aws")
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.process.address
    }

    /// From its start to its first answer, milliseconds.
    pub fn ready_millis(&self) -> f64 {
        self.process.ready_after.as_secs_f64() * 1000.0
    }

    /// What it has used until now.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage, String> {
        self.process.usage()
    }

    /// Makes one call.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn call(&self, operation: &str, body: &serde_json::Value) -> Result<String, String> {
        load::run(async { Connection::open(self.address()).await?.call(operation, &body.to_string()).await })
    }

    /// Makes a state machine; gives its ARN. `kind`: `STANDARD` or `EXPRESS`.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn machine(&self, name: &str, kind: &str, definition: &serde_json::Value) -> Result<String, String> {
        let body = json!({"name": name, "type": kind, "definition": definition.to_string(), "roleArn": ROLE});
        self.arn(self.call("CreateStateMachine", &body)?, "stateMachineArn")
    }

    /// Makes an activity; gives its ARN.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn activity(&self, name: &str) -> Result<String, String> {
        self.arn(self.call("CreateActivity", &json!({"name": name}))?, "activityArn")
    }

    fn arn(&self, answer: String, name: &str) -> Result<String, String> {
        member(&answer, name).map(str::to_owned).ok_or_else(|| format!("an answer without {name}: {answer}"))
    }
}

/// The request that starts an execution with this input.
pub fn start_body(machine: &str, input: &str) -> String {
    json!({"stateMachineArn": machine, "input": input}).to_string()
}
