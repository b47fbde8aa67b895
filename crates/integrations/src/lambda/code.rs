//! Noticing that a function's code has changed on disk.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::SystemTime,
};

/// How many entries of a function's folder are looked at; what lies beyond does not restart a function.
const ENTRIES_MAX: usize = 4_096;

/// Folders whose inside is not looked at: only that they themselves change (a package is added) counts.
const OPAQUE: &[&str] = &["node_modules", "__pycache__", ".git", ".venv", "venv", "site-packages", ".pytest_cache"];

/// What a folder of code looked like: names, sizes and times of its files, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodeStamp(u64);

impl CodeStamp {
    /// Looks at a folder. One that cannot be read has a stamp as well: the start of the function will say what is wrong.
    pub(super) fn of(folder: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        let mut left = ENTRIES_MAX;
        walk(folder, &mut hasher, &mut left);
        Self(hasher.finish())
    }
}

fn walk(folder: &Path, hasher: &mut DefaultHasher, left: &mut usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<fs::DirEntry> = entries.flatten().take(*left).collect();
    *left -= entries.len();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let Ok(about) = fs::metadata(entry.path()) else { continue };
        let opaque = OPAQUE.iter().any(|folder| name == *folder);
        if name == "__pycache__" || (about.is_dir() && name == ".pytest_cache") {
            continue;
        }
        name.hash(hasher);
        if about.is_dir() && !opaque {
            walk(&entry.path(), hasher, left);
        } else {
            (about.len(), since_epoch(&about)).hash(hasher);
        }
    }
}

fn since_epoch(about: &fs::Metadata) -> Option<u128> {
    let modified = about.modified().ok()?;
    modified.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_nanos())
}
