//! The configuration: `stepwell.toml`, above it `STEPWELL_*` variables, above those the command line.
//!
//! | table | key | variable | flag | default |
//! | --- | --- | --- | --- | --- |
//! | `[server]` | `listen` | `STEPWELL_LISTEN` | `--listen` | `127.0.0.1:8083` |
//! | | `data` | `STEPWELL_DATA` | `--data` | `dev`: `DIR/.stepwell` |
//! | | `account` | `STEPWELL_ACCOUNT` | | `123456789012` |
//! | | `region` | `STEPWELL_REGION` | | `us-east-1` |
//! | `[keys.ACCESS_KEY_ID]` | `secret`, `account` | | | none |
//! | `[lambda]` | `endpoint` | `STEPWELL_LAMBDA_ENDPOINT`, `AWS_ENDPOINT_URL_LAMBDA` | | none |
//! | | `access_key` | | | none |
//! | `[mock]` | `config` | `SFN_MOCK_CONFIG` | | none |
//! | | `sdk_metadata` | | | `true` |
//! | `[functions.NAME]` | see the crate `integrations`, `lambda` | | | |
//! | `[state_machines.NAME]` | `type` | | | `STANDARD` |
//! | `[limits]` | `aws`, `unbounded` | `STEPWELL_LIMITS` (`aws`, `unbounded`) | | `aws = true` |
//! | `[quotas]` | `aws` | | | `false` |
//! | | `open_executions`, `state_machines`, `activities` | | | none |
//! | | `requests.OPERATION = { bucket = 100, per_second = 5 }` | | | none |
//! | `[retention]` | `days` | `STEPWELL_RETENTION_DAYS` | | 90 |
//!
//! Besides: `STEPWELL_CONFIG` names the file for `stepwell serve`, `STEPWELL_LOG` what the operator log shows (`warn`,
//! `info`, `stepwell_engine=debug`), `STEPWELL_ENDPOINT` the server for the commands that talk to one, `STEPWELL_OUTPUT`
//! the form of their answers.

mod check;
mod quotas;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stepwell_asl::MachineType;

use crate::problem::Problem;

pub use quotas::QuotaSettings;

/// The configuration's file name.
pub const FILE_NAME: &str = "stepwell.toml";

/// All settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens, and whose it is.
    pub server: Server,
    /// Who may call `stepwell serve`: access key ids with what belongs to them.
    pub keys: BTreeMap<String, Key>,
    /// Functions that run elsewhere, and what functions that run here may do.
    pub lambda: Lambda,
    /// Test cases whose tasks are answered from a file.
    pub mock: Mock,
    /// Functions that run here; read by the Lambda integration.
    pub functions: toml::Table,
    /// What `stepwell dev` should know of a state machine besides its definition.
    pub state_machines: BTreeMap<String, StateMachine>,
    /// AWS's limits, or none.
    pub limits: LimitSettings,
    /// How much one account may ask for.
    pub quotas: QuotaSettings,
    /// How long closed executions are kept.
    pub retention: Retention,
}

/// `[server]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// `ADDRESS:PORT`, several separated by commas.
    pub listen: Option<String>,
    /// The data folder; relative to the file.
    pub data: Option<PathBuf>,
    /// The account of callers whose key says nothing else: twelve digits.
    pub account: Option<String>,
    /// The region that functions see.
    pub region: Option<String>,
}

/// `[keys.ACCESS_KEY_ID]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The secret access key.
    pub secret: String,
    /// The account whose resources the key may use; default: that of `[server]`.
    pub account: Option<String>,
}

impl std::fmt::Debug for Key {
    /// Does not show the secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Key {{ account: {:?} }}", self.account)
    }
}

/// `[lambda]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lambda {
    /// A Lambda API for the functions that are not here, for example `http://127.0.0.1:9510`.
    pub endpoint: Option<String>,
    /// The access key id of `[keys]` that functions run with, so that they may call this server.
    pub access_key: Option<String>,
}

/// `[mock]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mock {
    /// The mock configuration, in the form of Step Functions Local; relative to the file. It need not exist yet.
    pub config: Option<PathBuf>,
    /// Whether `Return` gets what AWS's SDK adds to a response (`SdkHttpMetadata` …) and the mock leaves out, as the cloud
    /// does and Step Functions Local does not.
    pub sdk_metadata: bool,
}

impl Default for Mock {
    fn default() -> Mock {
        Mock { config: None, sdk_metadata: true }
    }
}

/// `[state_machines.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateMachine {
    /// `STANDARD` or `EXPRESS`.
    #[serde(rename = "type")]
    pub machine_type: Type,
}

/// The type of a state machine, as AWS spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Type {
    /// Standard.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// Express.
    #[serde(rename = "EXPRESS")]
    Express,
}

impl Type {
    /// AWS's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Type::Standard => "STANDARD",
            Type::Express => "EXPRESS",
        }
    }

    /// Express or not.
    pub fn of_flag(express: bool) -> Type {
        if express { Type::Express } else { Type::Standard }
    }

    /// The same for the validator.
    pub fn for_validation(self) -> MachineType {
        match self {
            Type::Standard => MachineType::Standard,
            Type::Express => MachineType::Express,
        }
    }
}

/// `[limits]`: one of the two is true.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// AWS's limits.
    pub aws: Option<bool>,
    /// No limits on sizes, counts and lengths of time.
    pub unbounded: Option<bool>,
}

impl LimitSettings {
    /// Whether the limits are lifted.
    pub fn are_lifted(&self) -> bool {
        self.unbounded.unwrap_or_else(|| self.aws == Some(false))
    }
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days a closed execution is kept: 1 to 36,500, as AWS 90.
    pub days: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { days: 90 }
    }
}

impl Config {
    /// Reads and checks a file, and the environment above it.
    ///
    /// # Errors
    /// Names the file, the key, and what to do.
    pub fn of_file(file: &Path) -> Result<Config, Problem> {
        let read = std::fs::read_to_string(file);
        let text = read.map_err(|error| {
            Problem::usage(format!("cannot read the configuration `{}`: {error}", file.display()))
                .help("name another one with --config FILE")
        })?;
        let mut config = Config::of_text(&text, file)?;
        config.take_environment(&|name| std::env::var(name).ok())?;
        Ok(config)
    }

    /// The configuration in a folder, when there is one, and the environment above it.
    ///
    /// # Errors
    /// See [`Config::of_file`].
    pub fn of_folder(folder: &Path) -> Result<Config, Problem> {
        let file = folder.join(FILE_NAME);
        if file.is_file() {
            return Config::of_file(&file);
        }
        let mut config = Config::default();
        config.take_environment(&|name| std::env::var(name).ok())?;
        Ok(config)
    }

    /// Reads and checks the text of a file; paths in it are relative to the file.
    ///
    /// # Errors
    /// See [`Config::of_file`].
    pub fn of_text(text: &str, file: &Path) -> Result<Config, Problem> {
        let parsed: Result<Config, toml::de::Error> = toml::from_str(text);
        let mut config = parsed.map_err(|error| {
            let error = error.to_string();
            Problem::usage(format!("the configuration `{}` cannot be used\n{}", file.display(), error.trim_end()))
        })?;
        check::check(&config, file)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        config.server.data = config.server.data.map(|data| folder.join(data));
        config.mock.config = config.mock.config.map(|file| folder.join(file));
        Ok(config)
    }

    /// Lays the environment above the file.
    fn take_environment(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), Problem> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let lay = |setting: &mut Option<String>, name: &str| {
            if let Some(value) = variable(name) {
                *setting = Some(value);
            }
        };
        lay(&mut self.server.listen, "STEPWELL_LISTEN");
        lay(&mut self.server.account, "STEPWELL_ACCOUNT");
        lay(&mut self.server.region, "STEPWELL_REGION");
        lay(&mut self.lambda.endpoint, "AWS_ENDPOINT_URL_LAMBDA");
        lay(&mut self.lambda.endpoint, "STEPWELL_LAMBDA_ENDPOINT");
        if let Some(data) = variable("STEPWELL_DATA") {
            self.server.data = Some(PathBuf::from(data));
        }
        if let Some(file) = variable("SFN_MOCK_CONFIG") {
            self.mock.config = Some(PathBuf::from(file));
        }
        if let Some(days) = variable("STEPWELL_RETENTION_DAYS") {
            let number = days
                .parse()
                .map_err(|_| Problem::usage(format!("STEPWELL_RETENTION_DAYS is `{days}`, which is no number")))?;
            self.retention.days = number;
        }
        match variable("STEPWELL_LIMITS").as_deref() {
            None => {}
            Some("aws") => self.limits = LimitSettings { aws: Some(true), unbounded: None },
            Some("unbounded") => self.limits = LimitSettings { aws: None, unbounded: Some(true) },
            Some(other) => {
                return Err(Problem::usage(format!("STEPWELL_LIMITS is `{other}`; it can be `aws` or `unbounded`")));
            }
        }
        check::check(self, Path::new("the environment"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Path, Type};

    const WHOLE: &str = r#"
        [server]
        listen = "127.0.0.1:1"
        data = "d"
        [keys.AKID]
        secret = "top"
        account = "111122223333"
        [lambda]
        endpoint = "http://127.0.0.1:9510"
        access_key = "AKID"
        [mock]
        config = "mock.json"
        sdk_metadata = false
        [functions.order]
        code = "x"
        [state_machines.quick]
        type = "EXPRESS"
        [limits]
        unbounded = true
        [quotas]
        open_executions = 5
        requests.StartExecution = { bucket = 10, per_second = 0.5 }
        [retention]
        days = 7
    "#;

    #[test]
    fn a_whole_file() {
        let mut config = Config::of_text(WHOLE, Path::new("/etc/stepwell.toml")).unwrap();
        assert_eq!(config.server.data.as_deref(), Some(Path::new("/etc/d")));
        assert_eq!(config.mock.config.as_deref(), Some(Path::new("/etc/mock.json")));
        assert!(!config.mock.sdk_metadata && super::Mock::default().sdk_metadata);
        assert_eq!(config.state_machines["quick"].machine_type, Type::Express);
        assert!(config.limits.are_lifted() && config.retention.days == 7);
        assert!(!format!("{config:?}").contains("top"));
        let quotas = config.quotas.quotas();
        assert_eq!((quotas.open_executions, quotas.activities, quotas.requests.len()), (Some(5), None, 1));
        let variable = |name: &str| match name {
            "STEPWELL_LISTEN" => Some("127.0.0.1:2".to_owned()),
            "STEPWELL_LIMITS" => Some("aws".to_owned()),
            "SFN_MOCK_CONFIG" => Some("other.json".to_owned()),
            _ => None,
        };
        config.take_environment(&variable).unwrap();
        assert_eq!(config.server.listen.as_deref(), Some("127.0.0.1:2"));
        assert_eq!(config.mock.config.as_deref(), Some(Path::new("other.json")));
        assert!(!config.limits.are_lifted());
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let error = Config::of_text(text, Path::new("s.toml")).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.exit, crate::problem::Exit::Usage);
        for part in expected.iter().chain(&["s.toml"]) {
            assert!(message.contains(part), "{message}: {part}");
        }
    }

    #[test]
    fn faults_name_file_and_key() {
        check("[server]\nlisen = 1", &["line 2", "unknown field `lisen`", "`listen`"]);
        check("[server\n", &["line 1"]);
        check("[server]\nlisten = \"x\"", &["`server.listen`", "`x` is no address"]);
        check("[server]\naccount = \"12\"", &["`server.account`", "twelve digits"]);
        check("[server]\nregion = \"nowhere\"", &["`server.region`"]);
        check("[keys.A]\nsecret = \"\"", &["`keys.A.secret`", "empty"]);
        check("[keys.A]\nsecret = \"s\"\naccount = \"1\"", &["`keys.A.account`"]);
        check("[keys.A]", &["missing field `secret`"]);
        check("[lambda]\naccess_key = \"B\"", &["`lambda.access_key`", "`[keys.B]`"]);
        check("[limits]\naws = true\nunbounded = true", &["`limits`"]);
        check(
            "[quotas]\nrequests.StartTask = { bucket = 1, per_second = 1 }",
            &["`quotas.requests.StartTask`", "no operation"],
        );
        check(
            "[quotas]\nrequests.TagResource = { bucket = 0, per_second = 1 }",
            &["`quotas.requests.TagResource.bucket`"],
        );
        check(
            "[quotas]\nrequests.TagResource = { bucket = 1, per_second = -1 }",
            &["`quotas.requests.TagResource.per_second`"],
        );
        check("[retention]\ndays = 0", &["`retention.days`"]);
        check("[state_machines.a]\ntype = \"FAST\"", &["line 2", "STANDARD"]);
    }
}
