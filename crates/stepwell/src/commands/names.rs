//! Names on the command line where the API wants ARNs.

use stepwell_value::Value;

use crate::call::{self, Caller};
use crate::problem::Problem;

/// The ARN of a state machine (or of a version or alias of it) that is named by ARN, `NAME` or `NAME:QUALIFIER`; a
/// `#TestCase` of the mock configuration behind it stays there.
///
/// # Errors
/// When there is none of that name, or see [`Caller::call`].
pub async fn state_machine(caller: &dyn Caller, name: &str) -> Result<String, Problem> {
    if name.starts_with("arn:") {
        return Ok(name.to_owned());
    }
    let (name, test_case) = name.split_at(name.find('#').unwrap_or(name.len()));
    let (name, qualifier) = name.split_once(':').map_or((name, None), |(name, qualifier)| (name, Some(qualifier)));
    let all = call::list(caller, "ListStateMachines", &[], "stateMachines", 0).await?;
    let arn =
        named(&all, name, "stateMachineArn").ok_or_else(|| unknown("state machine", name, &all, "stepwell sm list"))?;
    let qualifier = qualifier.map_or_else(String::new, |qualifier| format!(":{qualifier}"));
    Ok(format!("{arn}{qualifier}{test_case}"))
}

/// The ARN of an execution that is named by ARN or `MACHINE:NAME`.
///
/// # Errors
/// When there is no such state machine, or see [`Caller::call`].
pub async fn execution(caller: &dyn Caller, name: &str) -> Result<String, Problem> {
    if name.starts_with("arn:") {
        return Ok(name.to_owned());
    }
    let Some((machine, execution)) = name.split_once(':') else {
        return Err(Problem::usage(format!("`{name}` does not name an execution"))
            .help("give its ARN, or MACHINE:EXECUTION; stepwell exec list MACHINE shows them"));
    };
    let arn = state_machine(caller, machine).await?;
    Ok(format!("{}:{execution}", arn.replacen(":stateMachine:", ":execution:", 1)))
}

/// The ARN of an activity that is named by ARN or name.
///
/// # Errors
/// When there is none of that name, or see [`Caller::call`].
pub async fn activity(caller: &dyn Caller, name: &str) -> Result<String, Problem> {
    if name.starts_with("arn:") {
        return Ok(name.to_owned());
    }
    let all = call::list(caller, "ListActivities", &[], "activities", 0).await?;
    let arn = named(&all, name, "activityArn").map(str::to_owned);
    arn.ok_or_else(|| unknown("activity", name, &all, "stepwell activity list"))
}

fn named<'a>(all: &'a [Value], name: &str, member: &str) -> Option<&'a str> {
    all.iter().find(|one| call::text(one, "name") == name).map(|one| call::text(one, member))
}

fn unknown(kind: &str, name: &str, all: &[Value], command: &str) -> Problem {
    let nearest = all.iter().map(|one| call::text(one, "name")).filter(|other| is_near(other, name)).min();
    let help = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("{command} shows what there is"),
    };
    Problem::failed(format!("there is no {kind} `{name}`")).help(help)
}

/// Whether one is the beginning or a part of the other, or differs in one or two letters.
fn is_near(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    if other.len() >= 3 && (one.contains(&other) || other.contains(&one)) {
        return true;
    }
    distance(&one, &other) <= 2
}

/// Letters to change, add or remove (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = *cell;
            *cell = changed.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{distance, is_near};

    #[test]
    fn nearness() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("a", "a")], [3, 3, 0]);
        assert!(is_near("order-processing", "order") && is_near("order", "ordre"));
        assert!(!is_near("order", "payment"));
    }
}
