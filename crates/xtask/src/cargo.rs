//! Calling cargo, and finding what it has built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs cargo; what it prints is shown.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn run(words: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(words).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {}: {status}", words.join(" "))),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// Where cargo puts what it builds with a profile (`release`); this program is in the folder of its own profile beside.
///
/// # Errors
/// When the place of this program is not known.
pub fn folder(profile: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let all = own.ancestors().nth(2).map(Path::to_owned);
    all.map(|folder| folder.join(profile)).ok_or_else(|| "this program is in no target folder".to_owned())
}
