//! The file of the mock configuration, read anew whenever it is asked for and has changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::config::MockConfig;

/// The file and what it said when it was last read.
///
/// It is compared as a whole, not by its time: a test may write it several times within the resolution of a clock.
#[derive(Debug)]
pub struct MockFile {
    path: PathBuf,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    text: Option<String>,
    good: Option<Arc<MockConfig>>,
    fault: Option<String>,
}

impl MockFile {
    /// A file that need not exist yet.
    pub fn new(path: PathBuf) -> MockFile {
        MockFile { path, last: Mutex::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration in force: what the file says, or what it said when it was last free of faults.
    ///
    /// # Errors
    /// What is wrong with the file, when it never was free of faults.
    pub fn current(&self) -> Result<Arc<MockConfig>, String> {
        let read = std::fs::read_to_string(&self.path);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(text) if last.text.as_ref() == Some(&text) => {}
            Ok(text) => last.take(text, &self.path.display().to_string()),
            Err(error) => last.is_faulty(format!("cannot read `{}`: {error}", self.path.display())),
        }
        match (&last.good, &last.fault) {
            (Some(config), _) => Ok(Arc::clone(config)),
            (None, fault) => Err(fault.clone().unwrap_or_default()),
        }
    }
}

impl Last {
    fn take(&mut self, text: String, file: &str) {
        match MockConfig::parse(&text, file) {
            Ok(config) => {
                tracing::info!(file, "took up the mock configuration");
                self.good = Some(Arc::new(config));
                self.fault = None;
            }
            Err(error) => self.is_faulty(error.to_string()),
        }
        self.text = Some(text);
    }

    /// Says so once.
    fn is_faulty(&mut self, fault: String) {
        if self.fault.as_ref() != Some(&fault) {
            let kept = if self.good.is_some() { "; the one before stays in force" } else { "" };
            tracing::warn!("the mock configuration cannot be used: {fault}{kept}");
        }
        self.text = None;
        self.fault = Some(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::MockFile;

    #[test]
    fn changes_are_noticed_and_faults_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mock.json");
        let file = MockFile::new(path.clone());
        assert!(file.current().unwrap_err().contains("cannot read `"));
        let has = |case: &str| file.current().unwrap().test_case("M", case).is_ok();
        let write = |case: &str| {
            let text = format!(r#"{{"StateMachines":{{"M":{{"TestCases":{{"{case}":{{}}}}}}}}}}"#);
            std::fs::write(&path, text).unwrap();
        };
        std::fs::write(&path, "{").unwrap();
        assert!(file.current().unwrap_err().contains("mock.json:1:2: no JSON"));
        write("A");
        assert!(has("A"));
        write("B");
        assert!(has("B") && !has("A"));
        std::fs::write(&path, "{").unwrap();
        assert!(has("B"));
        std::fs::remove_file(&path).unwrap();
        assert!(has("B"));
        write("C");
        assert!(has("C"));
    }
}
