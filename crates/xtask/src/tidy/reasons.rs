//! Every third-party dependency of the workspace says why it is here.

use super::Offence;

/// Finds lines of `[workspace.dependencies]` that name a third-party crate and no reason.
pub fn check(manifest: &str) -> Vec<Offence> {
    let table = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    let entries = table.take_while(|line| !line.starts_with('['));
    let third_party = entries.filter(|line| line.contains('=') && !line.starts_with('#') && !line.contains("path ="));
    let silent = third_party.filter(|line| !line.contains('#'));
    silent.filter_map(|line| line.split([' ', '=']).next()).map(offence).collect()
}

fn offence(name: &str) -> Offence {
    Offence::new("Cargo.toml", format!("`{name}` stands there without a reason; add `# why` behind it"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn planted_silence_is_found() {
        let manifest = "[workspace.dependencies]\nroom = { path = \"crates/room\" }\nregex = \"=1\" # patterns\n\
            rand = \"=1\"\n\n# comment\n[profile.dev]\ndebug = 1\n";
        let found = check(manifest);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("`rand` stands there"));
    }
}
