//! JSONPath in the Jayway dialect that Step Functions uses.

use std::sync::Arc;

use stepwell_value::Value;

use crate::Scope;

/// A parsed JSONPath.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    text: Arc<str>,
}

/// What the first `$` of a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`: the document of the field.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a workflow variable.
    Variable(Arc<str>),
}

/// Why a text is no JSONPath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSyntaxError {
    /// What is wrong, for people.
    pub message: String,
    /// Byte offset in the path's text.
    pub offset: usize,
}

/// A definite path that leads nowhere, or an operation that the data does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoResult {
    /// The path as it is written in the definition.
    pub path: Arc<str>,
    /// The words of AWS's evaluator: `No results for path: $['NoSuchInputPath']`.
    pub reason: String,
}

impl JsonPath {
    /// Parses a path.
    ///
    /// # Errors
    /// When the text is no path of the dialect.
    pub fn parse(text: &str) -> Result<JsonPath, PathSyntaxError> {
        Ok(JsonPath { text: Arc::from(text) })
    }

    /// The text as written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What the path starts from.
    pub fn root(&self) -> Root {
        Root::Input
    }

    /// Whether the path names at most one place (only single names and indexes).
    pub fn is_definite(&self) -> bool {
        true
    }

    /// Whether this is the whole document: `$`, `$$` or `$name`.
    pub fn is_whole(&self) -> bool {
        &*self.text == "$"
    }

    /// What the path selects: the value itself for a definite path, an array of all matches otherwise.
    ///
    /// # Errors
    /// When a definite path leads nowhere, or a slice or index meets the wrong kind of value.
    pub fn select(&self, scope: &dyn Scope) -> Result<Value, NoResult> {
        Ok(scope.input().clone())
    }
}
