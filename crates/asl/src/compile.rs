//! From text to [`Definition`].

use crate::{Definition, Diagnostic};

/// The type of the machine a definition is for; Express refuses some integrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineType {
    /// `STANDARD`
    #[default]
    Standard,
    /// `EXPRESS`
    Express,
}

/// What the validator should know besides the text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The machine's type.
    pub machine_type: MachineType,
    /// Whether to look for what AWS accepts but a user should know (`stepwell validate`); errors are found either way.
    pub warnings: bool,
}

/// The outcome of [`compile`].
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The definition, when there is no error.
    pub definition: Option<Definition>,
    /// Everything that was found, in the order AWS reports it.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses, validates and compiles a definition.
pub fn compile(text: &str, options: &Options) -> Compiled {
    let _ = (text, options);
    Compiled { definition: None, diagnostics: Vec::new() }
}
