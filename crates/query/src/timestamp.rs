//! Timestamps in workflow data: the operands of `Timestamp…` comparisons, `IsTimestamp`, `Wait.Timestamp`.

use stepwell_value::{Timestamp, days_from_civil};

/// A moment as exact as its text: seconds since 1970-01-01T00:00:00Z, and nanoseconds from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    /// Whole seconds since 1970, rounded down.
    pub seconds: i64,
    /// Nanoseconds after them, 0 to 999,999,999.
    pub nanos: u32,
}

impl Instant {
    /// The moment in milliseconds, rounded down.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp(self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1_000_000)))
    }
}

/// Reads a timestamp of RFC 3339 in the profile of ASL: capital `T` and `Z`, an offset always (recorded:
/// test_wait_timestamppath), up to nine digits of fraction. `None` for anything else, also for dates that do not exist.
pub fn parse_rfc3339(text: &str) -> Option<Instant> {
    let mut rest = Reader(text.as_bytes());
    let (year, month, day) = (rest.digits(4)?, rest.after(b'-')?, rest.after(b'-')?);
    rest.byte(b'T')?;
    let (hour, minute, second) = (rest.digits(2)?, rest.after(b':')?, rest.after(b':')?);
    let nanos = rest.fraction()?;
    let offset_seconds = rest.offset_seconds()?;
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !rest.0.is_empty() || !in_range || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds;
    Some(Instant { seconds, nanos })
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[expected])?;
        Some(())
    }

    fn digit(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first()?;
        let digit = first.is_ascii_digit().then(|| i64::from(first - b'0'))?;
        self.0 = rest;
        Some(digit)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        (0..count).try_fold(0, |number, _| Some(number * 10 + self.digit()?))
    }

    /// Two digits behind a separator.
    fn after(&mut self, separator: u8) -> Option<i64> {
        self.byte(separator)?;
        self.digits(2)
    }

    /// The nanoseconds of `.123`; 0 without a fraction.
    fn fraction(&mut self) -> Option<u32> {
        if self.byte(b'.').is_none() {
            return Some(0);
        }
        let (mut nanos, mut scale) = (0, 1_000_000_000);
        while let Some(digit) = self.digit() {
            if scale == 1 {
                return None; // a tenth digit
            }
            scale /= 10;
            nanos += digit * scale;
        }
        if scale == 1_000_000_000 {
            return None; // no digit behind the point
        }
        u32::try_from(nanos).ok()
    }

    fn offset_seconds(&mut self) -> Option<i64> {
        if self.byte(b'Z').is_some() {
            return Some(0);
        }
        let sign = if self.byte(b'+').is_some() { 1 } else { self.byte(b'-').map(|()| -1)? };
        let (hours, minutes) = (self.digits(2)?, self.after(b':')?);
        (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, parse_rfc3339};

    #[track_caller]
    fn check(text: &str, expected: Option<(i64, u32)>) {
        assert_eq!(parse_rfc3339(text), expected.map(|(seconds, nanos)| Instant { seconds, nanos }), "{text}");
    }

    #[test]
    fn what_aws_accepts() {
        check("1970-01-01T00:00:00Z", Some((0, 0)));
        check("2012-10-09T19:00:55Z", Some((1_349_809_255, 0))); // recorded: test_timestamp_equals
        check("2012-10-09T19:00:55.00Z", Some((1_349_809_255, 0))); // recorded: test_wait_timestamppath[.00Z]
        check("2012-10-09T21:00:55.000000001+02:00", Some((1_349_809_255, 1)));
        check("1969-12-31T23:59:59.5-00:00", Some((-1, 500_000_000)));
        check("2000-02-29T00:00:00Z", Some((951_782_400, 0)));
        check("0000-03-01T00:00:00Z", Some((-62_162_035_200, 0)));
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "2012-10-09",
            "2012-10-09T19:00:55", // recorded: test_wait_timestamppath[]
            "2012-10-09t19:00:55Z",
            "2012-10-09T19:00:55z",
            "2012-10-09 19:00:55Z",
            "2012-10-09T19:00Z",
            "2012-10-09T19:00:60Z",
            "2012-10-09T24:00:00Z",
            "2012-13-09T19:00:55Z",
            "2012-02-30T19:00:55Z",
            "1900-02-29T00:00:00Z",
            "2012-10-09T19:00:55.Z",
            "2012-10-09T19:00:55.1234567890Z",
            "2012-10-09T19:00:55+0200",
            "2012-10-09T19:00:55+02:00 ",
            "２012-10-09T19:00:55Z",
            "-012-10-09T19:00:55Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn milliseconds_round_down() {
        let millis = |text| parse_rfc3339(text).map(|instant| instant.to_timestamp().0);
        assert_eq!(millis("1970-01-01T00:00:01.9999Z"), Some(1999));
        assert_eq!(millis("1969-12-31T23:59:59.5Z"), Some(-500));
    }
}
