//! What cargo says about the crates of this workspace.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// The room: the crate's name without `stepwell-`.
    pub room: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// One dependency of a crate.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The crate depended on.
    pub name: String,
    /// Whether only tests need it.
    pub dev: bool,
}

impl Dependency {
    /// The room, when the dependency is a crate of this workspace.
    pub fn room(&self) -> Option<&str> {
        room(&self.name)
    }
}

fn room(crate_name: &str) -> Option<&str> {
    if crate_name == "stepwell" { Some(crate_name) } else { crate_name.strip_prefix("stepwell-") }
}

/// Asks `cargo metadata`, offline: nothing is fetched or built.
///
/// # Errors
/// When cargo cannot be run or its answer cannot be read.
pub fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = answer.get("packages").and_then(Value::as_array);
    Ok(packages.into_iter().flatten().filter_map(package).collect())
}

fn package(package: &Value) -> Option<Package> {
    let room = room(package.get("name")?.as_str()?)?.to_owned();
    let dependencies = package.get("dependencies")?.as_array()?.iter().filter_map(dependency).collect();
    Some(Package { room, dependencies })
}

fn dependency(dependency: &Value) -> Option<Dependency> {
    let name = dependency.get("name")?.as_str()?.to_owned();
    let dev = dependency.get("kind").and_then(Value::as_str) == Some("dev");
    Some(Dependency { name, dev })
}
