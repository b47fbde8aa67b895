//! "Did you mean …?"

/// The candidate closest to a misspelled name, when one is close enough: at most a third of its letters wrong.
pub(crate) fn closest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let letters: Vec<char> = name.chars().collect();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let allowed = (letters.len().max(candidate.len()) / 3).max(1);
        let limit = best.map_or(allowed, |(distance, _)| allowed.min(distance.saturating_sub(1)));
        if letters.len().abs_diff(candidate.chars().count()) > limit {
            continue;
        }
        let distance = if candidate.eq_ignore_ascii_case(name) { 0 } else { edit_distance(&letters, candidate) };
        if distance <= limit && candidate != name {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour; three rows at a time.
fn edit_distance(one: &[char], two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=one.len()).collect();
    for (row, letter) in two.iter().enumerate() {
        let last = row.checked_sub(1).and_then(|row| two.get(row));
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (column, other) in one.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&previous, column) + usize::from(other != letter);
            left = replaced.min(at(&previous, column + 1) + 1).min(left + 1);
            let neighbour = column.checked_sub(1).and_then(|column| one.get(column));
            if last == Some(other) && neighbour == Some(letter) {
                left = left.min(at(&before, column - 1) + 1);
            }
            current.push(left);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(closest(name, ["Retry", "Result", "Resource", "Next"].into_iter()), expected, "{name}");
    }

    #[test]
    fn the_closest_name_wins() {
        check("Retyr", Some("Retry"));
        check("Resorce", Some("Resource"));
        check("next", Some("Next"));
        check("RETRY", Some("Retry"));
        check("Branches", None);
        check("", None);
    }
}
