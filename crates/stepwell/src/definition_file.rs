//! Definitions in files: JSON or YAML, found, read, checked, and shown when they are wrong.

use std::path::{Path, PathBuf};

use stepwell_asl::{Compiled, MachineType, Options, Severity, Source};

use crate::problem::{Exit, Problem};

/// The endings that make a file a definition for `stepwell dev`.
const ENDINGS: [&str; 3] = [".asl.json", ".asl.yaml", ".asl.yml"];
/// How deep below the folder definitions are looked for.
const DEPTH_MAX: usize = 12;

/// A file with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl DefinitionFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no UTF-8.
    pub fn read(path: &Path) -> Result<DefinitionFile, Problem> {
        let told = |error: std::io::Error| Problem::usage(format!("cannot read `{}`: {error}", path.display()));
        let bytes = std::fs::read(path).map_err(told)?;
        let not_utf8 =
            |_| Problem { exit: Exit::Invalid, ..Problem::failed(format!("`{}` is no UTF-8 text", path.display())) };
        Ok(DefinitionFile { path: path.to_owned(), text: String::from_utf8(bytes).map_err(not_utf8)? })
    }

    /// Whether it is YAML, by its ending.
    pub fn is_yaml(&self) -> bool {
        self.path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
    }

    /// Checks and compiles it.
    pub fn compile(&self, machine_type: MachineType, warnings: bool) -> Compiled {
        let options = Options { machine_type, warnings };
        if self.is_yaml() {
            stepwell_asl::yaml::compile(&self.text, &options)
        } else {
            stepwell_asl::compile(&self.text, &options)
        }
    }

    /// The definition as JSON text, or what is wrong with it.
    ///
    /// # Errors
    /// With exit code 3, and all errors rendered with their places.
    pub fn json_text(&self, machine_type: MachineType) -> Result<String, Problem> {
        let compiled = self.compile(machine_type, false);
        match compiled.definition {
            Some(definition) => Ok(definition.text.to_string()),
            None => {
                let errors = compiled.diagnostics.iter().filter(|one| one.severity == Severity::Error);
                let source = self.source();
                let rendered: String = errors.map(|one| source.render(one)).collect();
                let message = format!("`{}` is not valid\n{}", self.path.display(), rendered.trim_end());
                Err(Problem { exit: Exit::Invalid, ..Problem::failed(message) })
            }
        }
    }

    /// Its text, for showing diagnostics with their places.
    pub fn source(&self) -> Source<'_> {
        Source::new(self.path.display().to_string(), &self.text)
    }

    /// The name of the state machine: the file's name without its ending.
    pub fn machine_name(&self) -> String {
        machine_name(&self.path)
    }
}

/// The file's name up to its ending.
fn machine_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    let stem = stem.or_else(|| name.rsplit_once('.').map(|(stem, _)| stem)).unwrap_or(&name);
    stem.to_owned()
}

/// Whether `stepwell dev` takes this file for a definition.
fn is_definition(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

/// What was found below a folder.
#[derive(Debug, Default)]
pub struct Found {
    /// The definitions, sorted.
    pub definitions: Vec<PathBuf>,
    /// All folders, the topmost first: a watch looks at each.
    pub folders: Vec<PathBuf>,
}

/// Walks through a folder. Hidden folders, `node_modules`, `target` and the like are not entered, and no link is followed.
pub fn find(folder: &Path) -> Found {
    let mut found = Found::default();
    walk(folder, DEPTH_MAX, &mut found);
    found.definitions.sort();
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Found) {
    found.folders.push(folder.to_owned());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 && !is_left_out(&path) {
            walk(&path, depth - 1, found);
        } else if !is_folder && is_definition(&path) {
            found.definitions.push(path);
        }
    }
}

fn is_left_out(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || ["node_modules", "target", "__pycache__", "venv"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{find, is_definition, machine_name};

    #[track_caller]
    fn check(path: &str, definition: bool, name: &str) {
        assert_eq!(is_definition(Path::new(path)), definition, "{path}");
        assert_eq!(machine_name(Path::new(path)), name, "{path}");
    }

    #[test]
    fn names() {
        check("a/order.asl.json", true, "order");
        check("order.v2.asl.yaml", true, "order.v2");
        check("order.asl.yml", true, "order");
        check("order.json", false, "order");
        check(".asl.json", false, "");
        check("order", false, "order");
    }

    #[test]
    fn folders_that_are_not_ours_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.asl.json", "a/c.asl.yml", "node_modules/d.asl.json", ".stepwell/e.asl.json", "a/f.json"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        let found = find(folder.path());
        assert_eq!(found.definitions, [folder.path().join("a/c.asl.yml"), folder.path().join("b.asl.json")]);
        assert_eq!(found.folders, [folder.path().to_owned(), folder.path().join("a")]);
    }
}
