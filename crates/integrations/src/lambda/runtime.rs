//! The runtimes that run here, and how a function's process is started: program, arguments, environment.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::config::FunctionSpec;

const PYTHON_BOOTSTRAP: &str = include_str!("bootstrap/python.py");
const NODE_BOOTSTRAP: &str = include_str!("bootstrap/node.mjs");

/// Variables of our own environment that a function sees. Everything else (the server's own secrets) stays with us.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NVM_DIR",
    "VOLTA_HOME",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// A Lambda runtime, by the family that decides how it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// `python3.x`: our bootstrap under `python3.x`, or `python3` when that is not installed.
    Python(String),
    /// `nodejsNN.x`: our bootstrap under `node`.
    Node(String),
    /// `provided.*`: the function's own `bootstrap`.
    Provided(String),
}

impl Runtime {
    /// Reads Lambda's name of a runtime.
    pub fn parse(name: &str) -> Option<Self> {
        let owned = name.to_owned();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if name.strip_prefix("python3.").is_some_and(digits) {
            return Some(Self::Python(owned));
        }
        if name.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")).is_some_and(digits) {
            return Some(Self::Node(owned));
        }
        let provided = matches!(name, "provided" | "provided.al2" | "provided.al2023");
        provided.then_some(Self::Provided(owned))
    }

    /// Gives Lambda's name of the runtime.
    pub fn name(&self) -> &str {
        match self {
            Self::Python(name) | Self::Node(name) | Self::Provided(name) => name,
        }
    }

    /// Gives the programs to try, best first.
    fn programs(&self) -> Vec<&str> {
        match self {
            Self::Python(name) => vec![name, "python3"],
            Self::Node(_) => vec!["node"],
            Self::Provided(_) => vec![],
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The folder that holds our bootstraps while functions run; readable by this user only, removed in the end.
#[derive(Debug)]
pub(super) struct BootstrapFolder {
    folder: PathBuf,
}

impl BootstrapFolder {
    /// Makes the folder below `parent`.
    pub(super) fn create(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let folder = parent.join(format!("stepwell-runtime-{}", crate::ids::unique()));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let made = Self { folder };
        fs::write(made.python(), PYTHON_BOOTSTRAP)?;
        fs::write(made.node(), NODE_BOOTSTRAP)?;
        Ok(made)
    }

    fn python(&self) -> PathBuf {
        self.folder.join("stepwell_python.py")
    }

    fn node(&self) -> PathBuf {
        self.folder.join("stepwell_node.mjs")
    }
}

impl Drop for BootstrapFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Gives the words of a command line for a function: the program by its full path, then its arguments.
///
/// # Errors
/// Gives a sentence for the user when the program is missing.
pub(super) fn command_line(spec: &FunctionSpec, bootstraps: &BootstrapFolder) -> Result<Vec<PathBuf>, String> {
    let script = match &spec.runtime {
        Runtime::Python(_) => bootstraps.python(),
        Runtime::Node(_) => bootstraps.node(),
        Runtime::Provided(_) => return own_bootstrap(spec),
    };
    let program = match &spec.interpreter {
        Some(path) if is_executable(path) => path.clone(),
        Some(path) => {
            return Err(format!(
                "fork/exec {}: it is not a program; correct the key `interpreter` of function `{}`",
                path.display(),
                spec.name
            ));
        }
        None => first_installed(spec)?,
    };
    Ok(vec![program, script])
}

fn own_bootstrap(spec: &FunctionSpec) -> Result<Vec<PathBuf>, String> {
    let bootstrap = spec.code.join("bootstrap");
    match fs::metadata(&bootstrap) {
        Err(_) => Err(format!("fork/exec {}: no such file or directory", bootstrap.display())),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => {
            Err(format!("fork/exec {0}: permission denied; make it executable: chmod +x {0}", bootstrap.display()))
        }
        Ok(_) => Ok(vec![bootstrap]),
    }
}

fn first_installed(spec: &FunctionSpec) -> Result<PathBuf, String> {
    let programs = spec.runtime.programs();
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    // A version manager (pyenv, asdf, mise) has a stub for every name, also of versions that are not chosen now: its stubs count
    // for the general name only.
    let is_stub = |file: &Path| file.parent().is_some_and(|folder| folder.ends_with("shims"));
    let installed = |name: &str, general: bool| {
        let files = std::env::split_paths(&path).map(|folder| folder.join(name));
        files.into_iter().find(|file| is_executable(file) && (general || !is_stub(file)))
    };
    let last = programs.len().saturating_sub(1);
    let found = programs.iter().enumerate().find_map(|(place, name)| installed(name, place == last));
    found.ok_or_else(|| {
        let names: Vec<String> = programs.iter().map(|name| format!("`{name}`")).collect();
        format!(
            "function `{}` needs {}, which is not in PATH; install it, or name the program with the key `interpreter`",
            spec.name,
            names.join(" or ")
        )
    })
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Gives a function's whole environment: what Lambda sets, a little of ours, and the function's own on top.
pub(super) fn environment(
    spec: &FunctionSpec,
    region: &str,
    api: &str,
    shared: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = std::env::vars().filter(|(key, _)| is_inherited(key)).collect();
    let log_group = format!("/aws/lambda/{}", spec.name);
    let log_stream = crate::ids::log_stream();
    let memory = spec.memory_megabytes.to_string();
    let task_root = spec.code.to_string_lossy();
    let execution_env = format!("AWS_Lambda_{}", spec.runtime);
    let of_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("_HANDLER", &spec.handler),
        ("LAMBDA_TASK_ROOT", &task_root),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("AWS_LAMBDA_FUNCTION_NAME", &spec.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", &log_stream),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_EXECUTION_ENV", &execution_env),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("TZ", ":UTC"),
        ("LANG", "en_US.UTF-8"),
        ("PYTHONUNBUFFERED", "1"),
        // Bytecode would be written into the user's folder, and is taken for fresh when a file changes twice in a second.
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    all.extend(of_lambda.map(|(key, value)| (key.to_owned(), value.to_owned())));
    // The SDKs refuse to work without keys; a development server takes any.
    for (key, value) in [("AWS_ACCESS_KEY_ID", "stepwell"), ("AWS_SECRET_ACCESS_KEY", "stepwell")] {
        all.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    all.extend(shared.clone());
    all.extend(spec.environment.clone());
    all
}

/// Says whether a variable is handed on: the list above, and what the AWS SDKs read.
fn is_inherited(key: &str) -> bool {
    INHERITED.contains(&key) || key.starts_with("AWS_") || key.starts_with("LC_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, known: bool) {
        assert_eq!(
            Runtime::parse(name).map(|runtime| runtime.name().to_owned()),
            known.then(|| name.to_owned()),
            "{name}"
        );
    }

    #[test]
    fn names_of_runtimes() {
        for name in
            ["python3.9", "python3.12", "nodejs18.x", "nodejs22.x", "provided", "provided.al2", "provided.al2023"]
        {
            check(name, true);
        }
        for name in [
            "",
            "python",
            "python2.7",
            "python3.",
            "python3.x",
            "nodejs",
            "nodejs20",
            "node20.x",
            "java21",
            "provided.al1",
        ] {
            check(name, false);
        }
    }

    #[test]
    fn the_servers_own_variables_stay_with_the_server() {
        assert!(is_inherited("PATH") && is_inherited("AWS_PROFILE"));
        assert!(!is_inherited("STEPWELL_KEYS") && !is_inherited("DATABASE_URL"));
    }
}
