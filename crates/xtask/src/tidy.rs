//! The tidy check: what the compiler does not guard.
//!
//! - `directions`: who may import whom;
//! - `purity`: what pure rooms may neither depend on nor name;
//! - `sizes`: how long files and functions may be;
//! - `reasons`: every third-party dependency says why it is here;
//! - [`crate::compatibility`]: the table of operations is what the tests say.
//!
//! Each check is a function from data to offences, so that its test can plant one.

use std::path::{Path, PathBuf};

mod allowed;
mod directions;
mod metadata;
mod purity;
mod reasons;
mod sizes;
mod source;

/// One breach of the rules: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// A path or a crate, as the allow list names it.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl Offence {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Offence {
        Offence { place: place.into(), message: message.into() }
    }
}

/// Runs every check over this workspace.
///
/// # Errors
/// The offences, one per line, or why the workspace could not be read.
pub fn run() -> Result<String, String> {
    let offences = check(&workspace_root())?;
    if offences.is_empty() {
        return Ok("tidy: nothing to complain about".to_owned());
    }
    let lines: Vec<String> = offences.iter().map(|offence| format!("{}: {}", offence.place, offence.message)).collect();
    Err(format!("{}\ntidy: {} offences", lines.join("\n"), lines.len()))
}

pub fn workspace_root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).unwrap_or(crate_dir).to_owned()
}

fn check(root: &Path) -> Result<Vec<Offence>, String> {
    let packages = metadata::packages(root)?;
    let sources = source::all(root)?;
    let manifest_path = root.join("Cargo.toml");
    let manifest =
        std::fs::read_to_string(&manifest_path).map_err(|error| format!("{}: {error}", manifest_path.display()))?;
    let mut offences = directions::check(&packages);
    offences.extend(purity::check_dependencies(&packages));
    offences.extend(sources.iter().flat_map(purity::check_source));
    offences.extend(sources.iter().flat_map(sizes::check));
    offences.extend(reasons::check(&manifest));
    let stale = crate::compatibility::check(root)?;
    offences.extend(stale.map(|message| Offence::new("COMPATIBILITY.md", message)));
    offences.retain(|offence| !allowed::is_allowed(offence));
    Ok(offences)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        if let Err(offences) = super::run() {
            panic!("{offences}");
        }
    }
}
