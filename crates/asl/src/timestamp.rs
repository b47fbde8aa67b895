//! Timestamps written out in a definition.

/// What AWS says to a text that is none.
pub(crate) const NO_MATCH: &str = "String does not match RFC3339 timestamp";

/// Whether a text is a timestamp of RFC 3339 as ASL restricts it: an upper case `T`, and an upper case `Z` or an offset.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let digits = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(digits);
    is_date(date) && is_clock(clock) && is_zone(zone)
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (year, month, day) = (number(parts.next(), 4), number(parts.next(), 2), number(parts.next(), 2));
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_clock(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut parts = whole.split(':');
    let (hour, minute, second) = (number(parts.next(), 2), number(parts.next(), 2), number(parts.next(), 2));
    let in_range = matches!((hour, minute, second, parts.next()), (Some(0..=23), Some(0..=59), Some(0..=59), None));
    in_range && fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_zone(text: &str) -> bool {
    let offset = text.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    match offset {
        Some((hours, minutes)) => {
            matches!((number(Some(hours), 2), number(Some(minutes), 2)), (Some(0..=23), Some(0..=59)))
        }
        None => text == "Z",
    }
}

/// A number of exactly so many digits.
fn number(text: Option<&str>, digits: usize) -> Option<u32> {
    let text = text.filter(|text| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::is_rfc3339;

    #[test]
    fn timestamps() {
        for good in ["2016-03-14T01:59:00Z", "2024-02-29T23:59:59.123Z", "2016-03-14T01:59:00+05:30"] {
            assert!(is_rfc3339(good), "{good}");
        }
        // The first two are recorded: test_wait_timestamp_invalid.
        for bad in [
            "2016-13-05T21:29:29Z",
            "05-12-2016T21:29:29Z",
            "2023-02-29T00:00:00Z",
            "2016-03-14 01:59:00Z",
            "2016-03-14t01:59:00Z",
            "2016-03-14T01:59:00z",
            "2016-03-14T01:59:00",
            "2016-03-14T24:00:00Z",
            "2016-03-14T01:59Z",
            "2016-03-14T01:59:00.Z",
            "2016-03-14",
            "",
            "T",
        ] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }
}
