//! Makes one test of every `*.case` file, so that each is run, named and reported by itself.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=cases");
    let mut tests = String::new();
    for topic in sorted(Path::new("cases"))? {
        for file in sorted(Path::new(&topic))? {
            let Some(name) = file.strip_suffix(".case") else { continue };
            let function = name.trim_start_matches("cases/").replace(['/', '-'], "_");
            let _ = writeln!(tests, "#[test]\nfn {function}() {{\n    check({file:?});\n}}\n");
        }
    }
    let folder = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&folder).join("cases.rs"), tests)
}

fn sorted(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<String> = entries.iter().map(|entry| entry.path().to_string_lossy().into_owned()).collect();
    paths.sort();
    Ok(paths)
}
