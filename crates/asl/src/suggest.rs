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

/// How many letters must be put in, left out or replaced (Levenshtein), two rows at a time.
fn edit_distance(one: &[char], two: &str) -> usize {
    let mut previous: Vec<usize> = (0..=one.len()).collect();
    for (row, letter) in two.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (other, pair) in one.iter().zip(previous.windows(2)) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(*other != letter)).min(above + 1).min(left + 1);
            current.push(left);
        }
        previous = current;
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
