//! Which functions there are: `[functions.NAME]` in `stepwell.toml`, and folders `functions/NAME` below a directory.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use super::runtime::Runtime;

/// The name of the configuration file that [`discover`] looks for.
const CONFIG_FILE: &str = "stepwell.toml";

/// How deep below a directory folders named `functions` are looked for.
const DEPTH_MAX: usize = 6;

/// A function's timeout if nothing is said, in seconds. AWS has 3; here a function without configuration is the usual case.
const TIMEOUT_SECONDS_DEFAULT: i64 = 60;

/// AWS's range of a function's timeout, in seconds.
const TIMEOUT_SECONDS: std::ops::RangeInclusive<i64> = 1..=900;

/// AWS's range of a function's memory, in MB.
const MEMORY_MEGABYTES: std::ops::RangeInclusive<i64> = 128..=10_240;

/// The keys of `[functions.NAME]`.
const KEYS: &[&str] =
    &["runtime", "handler", "code", "timeout_seconds", "memory_megabytes", "environment", "concurrency", "interpreter"];

/// A function that can run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The name, as in the ARN: letters, digits, `-`, `_`, at most 64.
    pub name: String,
    /// The runtime.
    pub runtime: Runtime,
    /// The handler, for example `app.handler`; for `provided.*` it is only handed to the bootstrap.
    pub handler: String,
    /// The folder with the code, absolute.
    pub code: PathBuf,
    /// How long an invocation may take: 1 to 900 s, default 60 s.
    pub timeout: Duration,
    /// Told to the function, not enforced: 128 to 10,240 MB, default 128 MB.
    pub memory_megabytes: u32,
    /// The function's own environment variables.
    pub environment: BTreeMap<String, String>,
    /// Like AWS's reserved concurrency: so many at a time, further calls are refused with `TooManyRequestsException`.
    /// Without it, calls queue for a limited number of processes.
    pub concurrency: Option<NonZeroU32>,
    /// The program that runs a Python or Node function instead of the one in `PATH`.
    pub interpreter: Option<PathBuf>,
}

/// A fault in the configuration of functions; the text names the file, the key and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct ConfigError {
    /// The file or folder.
    pub file: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl ConfigError {
    fn new(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.display().to_string(), what: what.into() }
    }
}

/// Gives all functions of a directory: those declared in its `stepwell.toml`, if there is one, and those found by convention.
/// A declared function wins over a found one of the same name or folder. Sorted by name.
///
/// # Errors
/// Gives the first fault of the configuration.
pub fn discover(directory: &Path) -> Result<Vec<FunctionSpec>, ConfigError> {
    let file = directory.join(CONFIG_FILE);
    let mut all = match fs::read_to_string(&file) {
        Ok(text) => declared(&text, &file)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ConfigError::new(&file, format!("cannot be read: {error}"))),
    };
    let is_declared = |spec: &FunctionSpec| all.iter().any(|own| own.name == spec.name || own.code == spec.code);
    let others: Vec<FunctionSpec> = found(directory)?.into_iter().filter(|spec| !is_declared(spec)).collect();
    all.extend(others);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Reads the functions declared in the text of a `stepwell.toml`. Other tables of the file are left alone.
///
/// # Errors
/// Gives the first fault.
pub fn declared(text: &str, file: &Path) -> Result<Vec<FunctionSpec>, ConfigError> {
    let all: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::new(file, error.to_string().trim_end().to_owned()))?;
    let Some(functions) = all.get("functions") else { return Ok(Vec::new()) };
    let Some(functions) = functions.as_table() else {
        return Err(ConfigError::new(file, "`functions` has to be a table: write `[functions.NAME]`"));
    };
    functions.iter().map(|(name, value)| Declaration::new(file, name, value)?.read()).collect()
}

/// Finds functions by convention: every folder `functions/NAME` at or below a directory that holds `app.py`, `handler.py`,
/// `lambda_function.py`, `index.mjs`, `index.js` or an executable `bootstrap`. Hidden folders and packages are not entered.
///
/// # Errors
/// Gives a fault when two folders bear one name.
pub fn found(directory: &Path) -> Result<Vec<FunctionSpec>, ConfigError> {
    let mut folders = Vec::new();
    collect(directory, DEPTH_MAX, &mut folders);
    let mut all: BTreeMap<String, FunctionSpec> = BTreeMap::new();
    for spec in folders.into_iter().filter_map(|folder| by_convention(&folder)) {
        if let Some(other) = all.get(&spec.name) {
            let what = format!(
                "function `{}` is also in {}; rename one folder, or declare both with names of their own in `{CONFIG_FILE}`",
                spec.name,
                other.code.display()
            );
            return Err(ConfigError::new(&spec.code, what));
        }
        all.insert(spec.name.clone(), spec);
    }
    Ok(all.into_values().collect())
}

/// Collects the folders `functions/NAME`.
fn collect(directory: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    let mut folders = folders_of(directory);
    folders.sort();
    if directory.file_name().is_some_and(|name| name == "functions") {
        into.append(&mut folders);
    } else if depth > 0 {
        folders.iter().for_each(|folder| collect(folder, depth - 1, into));
    }
}

fn folders_of(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let is_ours =
        |name: &str| !name.starts_with('.') && !["node_modules", "target", "__pycache__", "venv"].contains(&name);
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|entry| entry.path()).collect()
}

/// Gives the function in a folder, if it looks like one.
fn by_convention(folder: &Path) -> Option<FunctionSpec> {
    let name = folder.file_name()?.to_str().filter(|name| is_function_name(name))?;
    let (runtime, handler) = entry_of(folder)?;
    Some(FunctionSpec {
        name: name.to_owned(),
        runtime: Runtime::parse(runtime)?,
        handler,
        code: absolute(folder),
        timeout: Duration::from_secs(TIMEOUT_SECONDS_DEFAULT.unsigned_abs()),
        memory_megabytes: 128,
        environment: BTreeMap::new(),
        concurrency: None,
        interpreter: None,
    })
}

/// Gives runtime and handler by the files of a folder.
fn entry_of(folder: &Path) -> Option<(&'static str, String)> {
    for module in ["app", "handler", "lambda_function"] {
        if let Ok(text) = fs::read_to_string(folder.join(format!("{module}.py"))) {
            let defines = |name: &str| text.lines().any(|line| is_definition(line, name));
            let function = if !defines("handler") && defines("lambda_handler") { "lambda_handler" } else { "handler" };
            return Some(("python3.12", format!("{module}.{function}")));
        }
    }
    if ["index.mjs", "index.js"].iter().any(|file| folder.join(file).is_file()) {
        return Some(("nodejs22.x", "index.handler".into()));
    }
    folder.join("bootstrap").is_file().then(|| ("provided.al2023", "bootstrap".into()))
}

/// Says whether a line of Python gives a value to a module's name.
fn is_definition(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix("async def ").or_else(|| line.strip_prefix("def ")).unwrap_or(line);
    rest.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(['(', '=', ':']))
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

fn is_function_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// One `[functions.NAME]` being read.
struct Declaration<'a> {
    file: &'a Path,
    name: &'a str,
    table: &'a toml::Table,
}

impl<'a> Declaration<'a> {
    fn new(file: &'a Path, name: &'a str, value: &'a toml::Value) -> Result<Self, ConfigError> {
        let Some(table) = value.as_table() else {
            return Err(ConfigError::new(
                file,
                format!("`functions.{name}` has to be a table: write `[functions.{name}]`"),
            ));
        };
        if !is_function_name(name) {
            let what = format!("`functions.{name}`: a function's name has 1 to 64 letters, digits, `-` or `_`");
            return Err(ConfigError::new(file, what));
        }
        Ok(Self { file, name, table })
    }

    fn read(&self) -> Result<FunctionSpec, ConfigError> {
        self.check_keys()?;
        let code = self.code()?;
        let guess = entry_of(&code);
        let runtime = self.runtime(guess.as_ref().map(|(runtime, _)| *runtime))?;
        Ok(FunctionSpec {
            name: self.name.to_owned(),
            handler: self.handler(&runtime, guess)?,
            runtime,
            code: absolute(&code),
            timeout: Duration::from_secs(
                self.number("timeout_seconds", TIMEOUT_SECONDS_DEFAULT, &TIMEOUT_SECONDS)?.into(),
            ),
            memory_megabytes: self.number("memory_megabytes", 128, &MEMORY_MEGABYTES)?,
            environment: self.environment()?,
            concurrency: self.concurrency()?,
            interpreter: self.text("interpreter")?.map(PathBuf::from),
        })
    }

    fn fault(&self, key: &str, what: impl AsRef<str>) -> ConfigError {
        ConfigError::new(self.file, format!("`functions.{}.{key}` {}", self.name, what.as_ref()))
    }

    fn check_keys(&self) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().find(|key| !KEYS.contains(&key.as_str())) else { return Ok(()) };
        let meant = KEYS.iter().find(|known| similar(known, key));
        let hint =
            meant.map_or_else(|| format!("it can be {}", KEYS.join(", ")), |known| format!("did you mean `{known}`?"));
        Err(self.fault(key, format!("is not a key of a function; {hint}")))
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.table.get(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.fault(key, "has to be a text in quotes")),
        }
    }

    fn code(&self) -> Result<PathBuf, ConfigError> {
        let base = self.file.parent().unwrap_or(Path::new("."));
        let relative = self.text("code")?.map_or_else(|| Path::new("functions").join(self.name), PathBuf::from);
        let folder = base.join(&relative);
        if folder.is_dir() {
            return Ok(folder);
        }
        Err(self.fault(
            "code",
            format!(
                "names `{}`, which is not a folder ({}); give the folder of the code, relative to this file",
                relative.display(),
                folder.display()
            ),
        ))
    }

    fn runtime(&self, guess: Option<&str>) -> Result<Runtime, ConfigError> {
        let known = "python3.12, nodejs22.x, provided.al2023";
        let name = self
            .text("runtime")?
            .or(guess)
            .ok_or_else(|| self.fault("runtime", format!("is missing; for example {known}")))?;
        Runtime::parse(name).ok_or_else(|| self.fault("runtime", format!("is `{name}`, which does not run here; it can be python3.x, nodejsNN.x or provided.*, for example {known}")))
    }

    fn handler(&self, runtime: &Runtime, guess: Option<(&str, String)>) -> Result<String, ConfigError> {
        if let Some(handler) = self.text("handler")? {
            let needs_dot = !matches!(runtime, Runtime::Provided(_));
            return match handler.contains('.') || !needs_dot {
                true => Ok(handler.to_owned()),
                false => {
                    Err(self.fault("handler", format!("is `{handler}`; write FILE.FUNCTION, for example app.handler")))
                }
            };
        }
        guess
            .map(|(_, handler)| handler)
            .ok_or_else(|| self.fault("handler", "is missing; write FILE.FUNCTION, for example app.handler"))
    }

    fn number(&self, key: &str, default: i64, range: &std::ops::RangeInclusive<i64>) -> Result<u32, ConfigError> {
        let value =
            self.table.get(key).map_or(Some(default), toml::Value::as_integer).filter(|number| range.contains(number));
        let number = value.and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| {
            self.fault(key, format!("has to be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    fn concurrency(&self) -> Result<Option<NonZeroU32>, ConfigError> {
        if !self.table.contains_key("concurrency") {
            return Ok(None);
        }
        self.number("concurrency", 1, &(1..=10_000)).map(NonZeroU32::new)
    }

    fn environment(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        let Some(value) = self.table.get("environment") else { return Ok(BTreeMap::new()) };
        let table = value
            .as_table()
            .ok_or_else(|| self.fault("environment", "has to be a table: environment = { NAME = \"value\" }"))?;
        let text = |(key, value): (&String, &toml::Value)| match value.as_str() {
            Some(text) if !key.is_empty() && !key.contains('=') => Ok((key.clone(), text.to_owned())),
            _ => Err(self.fault(&format!("environment.{key}"), "has to be a text in quotes")),
        };
        table.iter().map(text).collect()
    }
}

/// Says whether a word is probably a slip for a known one: same letters but for one or two, or the beginning of it.
fn similar(known: &str, word: &str) -> bool {
    if known.starts_with(word) || word.starts_with(known) {
        return true;
    }
    let count = |text: &str, letter: char| text.chars().filter(|own| *own == letter).count();
    let all: String = format!("{known}{word}");
    let differing: usize =
        ('a'..='z').chain(['_']).filter(|c| all.contains(*c)).map(|c| count(known, c).abs_diff(count(word, c))).sum();
    differing <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for one test, removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir().join(format!("stepwell-config-{}", crate::ids::unique()));
            for (name, text) in files {
                let file = folder.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let folder = Folder::with(&[("f/app.py", "def handler(event, context): pass")]);
        let error = declared(text, &folder.0.join("stepwell.toml")).unwrap_err().to_string();
        assert!(error.contains("stepwell.toml: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_declared_function() {
        let text = r#"
            [server]
            anything = true
            [functions.order]
            runtime = "python3.11"
            handler = "app.main"
            code = "f"
            timeout_seconds = 3
            memory_megabytes = 256
            concurrency = 2
            interpreter = "/opt/python"
            environment = { TABLE = "orders" }
        "#;
        let folder = Folder::with(&[("f/app.py", "")]);
        let spec = declared(text, &folder.0.join("stepwell.toml")).unwrap().remove(0);
        assert_eq!(
            (spec.name.as_str(), spec.runtime.name(), spec.handler.as_str()),
            ("order", "python3.11", "app.main")
        );
        assert_eq!(
            (spec.timeout, spec.memory_megabytes, spec.concurrency),
            (Duration::from_secs(3), 256, NonZeroU32::new(2))
        );
        assert_eq!(spec.environment["TABLE"], "orders");
        assert_eq!(spec.interpreter, Some("/opt/python".into()));
        assert_eq!(spec.code, folder.0.join("f").canonicalize().unwrap());
    }

    #[test]
    fn what_is_left_out_is_guessed_from_the_files() {
        let folder =
            Folder::with(&[("functions/pay/index.mjs", ""), ("stepwell.toml", "[functions.pay]\ntimeout_seconds = 5")]);
        let spec = discover(&folder.0).unwrap().remove(0);
        assert_eq!(
            (spec.runtime.name(), spec.handler.as_str(), spec.timeout.as_secs()),
            ("nodejs22.x", "index.handler", 5)
        );
    }

    #[test]
    fn faults_name_the_file_the_key_and_what_to_do() {
        refused("functions = 1", "`functions` has to be a table: write `[functions.NAME]`");
        refused("[functions]\nf = 1", "`functions.f` has to be a table");
        refused("[functions.\"a b\"]", "`functions.a b`: a function's name has 1 to 64");
        refused("[functions.f]\nruntime = ", "TOML parse error at line 2");
        refused(
            "[functions.f]\ncode = \"f\"\ntimeout = 3",
            "`functions.f.timeout` is not a key of a function; did you mean `timeout_seconds`?",
        );
        refused("[functions.f]\ncode = \"f\"\nruntme = \"x\"", "did you mean `runtime`?");
        refused("[functions.f]\ncode = \"f\"\nlayers = []", "it can be runtime, handler, code");
        refused("[functions.f]\ncode = \"nowhere\"", "`functions.f.code` names `nowhere`, which is not a folder");
        refused(
            "[functions.f]\ncode = \"f\"\nruntime = \"java21\"",
            "`functions.f.runtime` is `java21`, which does not run here",
        );
        refused("[functions.f]\ncode = \"f\"\nhandler = \"main\"", "write FILE.FUNCTION");
        refused(
            "[functions.f]\ncode = \"f\"\ntimeout_seconds = 901",
            "`functions.f.timeout_seconds` has to be a whole number from 1 to 900",
        );
        refused("[functions.f]\ncode = \"f\"\ntimeout_seconds = \"3\"", "whole number");
        refused("[functions.f]\ncode = \"f\"\nconcurrency = 0", "`functions.f.concurrency` has to be");
        refused(
            "[functions.f]\ncode = \"f\"\nenvironment = { A = 1 }",
            "`functions.f.environment.A` has to be a text in quotes",
        );
    }

    #[test]
    fn functions_are_found_by_convention() {
        let folder = Folder::with(&[
            ("functions/a/app.py", "def lambda_handler(event, context):\n  return 1"),
            ("functions/b/index.js", ""),
            ("sub/functions/c/bootstrap", ""),
            ("sub/functions/d/handler.py", "handler = print"),
            ("sub/functions/nothing/README.md", ""),
            ("node_modules/functions/e/app.py", ""),
            ("stepwell.toml", "[functions.z]\ncode = \"functions/b\""),
        ]);
        let all = discover(&folder.0).unwrap();
        let all: Vec<(&str, &str)> = all.iter().map(|spec| (spec.name.as_str(), spec.handler.as_str())).collect();
        assert_eq!(
            all,
            [("a", "app.lambda_handler"), ("c", "bootstrap"), ("d", "handler.handler"), ("z", "index.handler")]
        );
    }

    #[test]
    fn one_name_twice_is_refused() {
        let folder = Folder::with(&[("x/functions/a/app.py", ""), ("y/functions/a/app.py", "")]);
        let error = found(&folder.0).unwrap_err().to_string();
        assert!(error.contains("function `a` is also in") && error.contains("rename one folder"), "{error}");
    }
}
