//! Names of state machines, executions and activities.

use crate::ApiError;

/// Characters that a name must not have, besides white space and control characters (API reference, CreateStateMachine).
const FORBIDDEN: &[char] =
    &['<', '>', '{', '}', '[', ']', '?', '*', '"', '#', '%', '\\', '^', '|', '~', '`', '$', '&', ',', ';', ':', '/'];

/// How long a name may be, in characters.
const LENGTH_MAX: usize = 80;

/// Whether a text can be the name of a state machine, an execution or an activity: 1–80 characters, no white space, no
/// wildcard, bracket or special character, no control character, none of U+FFFE, U+FFFF and U+10FFFF.
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=LENGTH_MAX).contains(&length) && text.chars().all(is_allowed)
}

fn is_allowed(character: char) -> bool {
    let noncharacter = matches!(character, '\u{FFFE}' | '\u{FFFF}' | '\u{10FFFF}');
    !(character.is_whitespace() || character.is_control() || noncharacter || FORBIDDEN.contains(&character))
}

/// Refuses what [`is_name`] refuses. AWS checks lengths earlier, with the other constraints of the model, and this only
/// after the state machine has been found.
///
/// # Errors
/// InvalidName.
pub fn check_name(text: &str) -> Result<(), ApiError> {
    if is_name(text) { Ok(()) } else { Err(ApiError::invalid_name(text)) }
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names() {
        for name in ["a", "activity-name_1.2", "übung", "a+b=c@d!e'f(g)", &"a".repeat(80)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        // recorded: test_create_activity_invalid_name
        for bad in "\0\u{7f}\u{85} \t\n<>{}[]?*\"#%\\^|~`$&,;:/\u{FFFE}\u{FFFF}\u{10FFFF}".chars() {
            let name = format!("activity{bad}name");
            let error = check_name(&name).unwrap_err();
            assert_eq!((error.code, error.message), ("InvalidName", format!("Invalid Name: '{name}'")));
        }
        assert!(check_name("").is_err());
        assert!(check_name(&"a".repeat(81)).is_err());
    }
}
