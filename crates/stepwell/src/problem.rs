//! What ends a command: exit codes, and errors that say what to do.

use std::fmt;

/// How a command ends. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything went well.
    Ok = 0,
    /// The execution failed, or what was asked could not be done.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A definition is not valid.
    Invalid = 3,
    /// No server answers.
    Unreachable = 4,
}

/// An error for the user: what is wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    /// The code the process exits with.
    pub exit: Exit,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// What to do, in one or more lines.
    pub help: Option<String>,
    /// The API's error code (`StateMachineDoesNotExist`), when the API refused a call.
    pub code: Option<String>,
}

impl Problem {
    /// What was asked could not be done.
    pub fn failed(message: impl Into<String>) -> Problem {
        Problem { exit: Exit::Failed, message: message.into(), help: None, code: None }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Problem {
        Problem { exit: Exit::Usage, ..Problem::failed(message) }
    }

    /// No server answers.
    pub fn unreachable(message: impl Into<String>) -> Problem {
        Problem { exit: Exit::Unreachable, ..Problem::failed(message) }
    }

    /// The API refused a call.
    pub fn refused(code: impl Into<String>, message: &str) -> Problem {
        let code = code.into();
        let text = if message.is_empty() { code.clone() } else { format!("{code}: {message}") };
        Problem { code: Some(code), ..Problem::failed(text) }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// Whether the API refused a call with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        let help = self.help.iter().flat_map(|help| help.lines());
        help.enumerate().try_for_each(|(index, line)| {
            let lead = if index == 0 { "help: " } else { "      " };
            write!(out, "\n  {lead}{line}")
        })
    }
}
