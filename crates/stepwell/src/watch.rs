//! `stepwell dev` and the files: deploys every definition below a folder, and again when it changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use stepwell_engine::Scope;
use stepwell_integrations::lambda::LocalFunctions;
use tokio::sync::mpsc;

use crate::config::{Config, Type};
use crate::definition_file::{self, DefinitionFile};
use crate::deploy::{self, Done, Machine};
use crate::terminal::{Ink, Style, say};
use crate::wiring::{self, InProcess};

/// After a change, so long nothing else must change before it is acted upon: editors write in several steps.
const QUIET: Duration = Duration::from_millis(120);

/// Keeps a server in step with a folder.
pub struct Deployer {
    folder: PathBuf,
    caller: InProcess,
    functions: Arc<LocalFunctions>,
    scope: Scope,
    style: Style,
    /// What was last seen of each definition, deployed or refused.
    seen: BTreeMap<PathBuf, (String, Type)>,
    /// The configuration, as it last was without fault.
    config: Config,
    /// The fault of the configuration that was last shown.
    fault: Option<String>,
}

impl Deployer {
    /// Makes one for a folder; nothing is deployed yet.
    pub fn new(folder: &Path, caller: InProcess, functions: Arc<LocalFunctions>, scope: Scope) -> Deployer {
        Deployer {
            folder: folder.to_owned(),
            caller,
            functions,
            scope,
            style: Style::of_stderr(),
            seen: BTreeMap::new(),
            config: Config::default(),
            fault: None,
        }
    }

    /// Whether no definition was seen.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Deploys what is new or changed; what is broken is shown, and what was deployed before stays. Gives all folders.
    pub async fn sweep(&mut self) -> Vec<PathBuf> {
        let found = definition_file::find(&self.folder);
        self.take_config();
        let mut names: BTreeMap<String, &Path> = BTreeMap::new();
        for path in &found.definitions {
            let Ok(file) = DefinitionFile::read(path) else { continue }; // it went away meanwhile, or is being written
            let name = file.machine_name();
            if let Some(other) = names.get(&name) {
                self.refuse_twice(&file, other);
                continue;
            }
            let machine = self.config.state_machines.get(&name);
            let machine_type = machine.map(|machine| machine.machine_type).unwrap_or_default();
            names.insert(name, path);
            self.deploy_changed(file, machine_type).await;
        }
        self.tell_of_removed(&found.definitions);
        found.folders
    }

    /// Takes functions and types from the configuration; a broken one is shown once, and changes nothing.
    fn take_config(&mut self) {
        let read = Config::of_folder(&self.folder).and_then(|config| Ok((config, wiring::functions_of(&self.folder)?)));
        match read {
            Ok((config, functions)) => {
                self.functions.replace(functions);
                self.fault = None;
                self.config = config;
            }
            Err(problem) => {
                let text = problem.to_string();
                if self.fault.as_ref() != Some(&text) {
                    say(&format!("{} {text}", self.style.paint(Ink::Bad, "error:")));
                    self.fault = Some(text);
                }
            }
        }
    }

    async fn deploy_changed(&mut self, file: DefinitionFile, machine_type: Type) {
        let now = (file.text.clone(), machine_type);
        if self.seen.get(&file.path) == Some(&now) {
            return;
        }
        self.seen.insert(file.path.clone(), now);
        let name = file.machine_name();
        let outcome = match file.json_text(machine_type.for_validation()) {
            Ok(definition) => {
                let role_arn = deploy::default_role(&self.scope.account);
                let machine = Machine { name: name.clone(), definition, machine_type, role_arn };
                deploy::deploy(&self.caller, &machine, &self.arn(&name)).await
            }
            Err(problem) => Err(problem),
        };
        let word = match outcome {
            Ok(Done::Created) => self.style.paint(Ink::Good, "deployed "),
            Ok(Done::Updated) => self.style.paint(Ink::Good, "updated  "),
            Ok(Done::Unchanged) => self.style.paint(Ink::Dim, "unchanged"),
            Err(problem) => {
                let refused = self.style.paint(Ink::Bad, "refused  ");
                return say(&format!("  {refused} {name}: {problem}"));
            }
        };
        say(&format!("  {word} {name}"));
    }

    fn arn(&self, name: &str) -> String {
        format!("arn:aws:states:{}:{}:stateMachine:{name}", self.scope.region, self.scope.account)
    }

    fn refuse_twice(&mut self, file: &DefinitionFile, other: &Path) {
        let now = (file.text.clone(), Type::Standard);
        if self.seen.insert(file.path.clone(), now.clone()) != Some(now) {
            let (refused, path) = (self.style.paint(Ink::Bad, "refused  "), file.path.display());
            say(&format!("  {refused} {path}: {} has the same name; rename one of them", other.display()));
        }
    }

    fn tell_of_removed(&mut self, present: &[PathBuf]) {
        let removed: Vec<PathBuf> = self.seen.keys().filter(|path| !present.contains(path)).cloned().collect();
        for path in removed {
            self.seen.remove(&path);
            let name = DefinitionFile { path, text: String::new() }.machine_name();
            say(&format!("  {name} has no file any more and stays deployed; remove it: stepwell sm delete {name}"));
        }
    }
}

/// Sweeps whenever something below the folder changes; ends with the server.
pub async fn follow(mut deployer: Deployer, folders: Vec<PathBuf>) {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too; only what changes counts.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = sender.send(()); // nobody listens any more: the server ends
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => return cannot_watch(&error),
    };
    let mut watched = Vec::new();
    watch(&mut watcher, &mut watched, folders);
    while changes.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(QUIET, changes.recv()).await {}
        let folders = deployer.sweep().await;
        watch(&mut watcher, &mut watched, folders);
    }
}

/// Watches folders one by one, so that data folders and packages below them cost nothing.
fn watch(watcher: &mut RecommendedWatcher, watched: &mut Vec<PathBuf>, folders: Vec<PathBuf>) {
    for gone in watched.iter().filter(|folder| !folders.contains(folder)) {
        let _ = watcher.unwatch(gone); // it went away, and its watch with it
    }
    for folder in folders.iter().filter(|folder| !watched.contains(folder)) {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            cannot_watch(&error);
        }
    }
    *watched = folders;
}

fn cannot_watch(error: &notify::Error) {
    let warning = Style::of_stderr().paint(Ink::Warn, "warning:");
    say(&format!("{warning} changes of files are not followed: {error}; start `stepwell dev` again to deploy them"));
}
