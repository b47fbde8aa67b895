//! Payloads given on the command line: JSON, `@FILE`, or `-` for standard input.

use std::io::Read;

use stepwell_value::{Position, Value};

use crate::problem::Problem;

/// Reads a payload and checks that it is JSON; the text is kept as it was written.
///
/// # Errors
/// When the file cannot be read or the text is no JSON.
pub fn read(argument: &str) -> Result<String, Problem> {
    let (place, text) = match argument.strip_prefix('@') {
        Some(path) => (format!("`{path}`"), from_file(path)?),
        None if argument == "-" => ("standard input".to_owned(), from_stdin()?),
        None => ("the JSON given".to_owned(), argument.to_owned()),
    };
    match Value::parse(&text) {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) => {
            let Position { line, column } = Position::of(&text, error.offset);
            let help = "give JSON in quotes ('{\"name\": \"value\"}'), @FILE, or - for standard input";
            Err(Problem::usage(format!("{place} is no JSON: {line}:{column}: {error}")).help(help))
        }
    }
}

fn from_file(path: &str) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| Problem::usage(format!("cannot read `{path}`: {error}")))
}

fn from_stdin() -> Result<String, Problem> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Problem::usage(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn payloads() {
        assert_eq!(read(" {\"a\":  1}\n").unwrap(), "{\"a\":  1}");
        let error = read("{a: 1}").unwrap_err().to_string();
        assert!(error.starts_with("the JSON given is no JSON: 1:2: "), "{error}");
        let error = read("@/no/such/file").unwrap_err().to_string();
        assert!(error.starts_with("cannot read `/no/such/file`: "), "{error}");
    }
}
