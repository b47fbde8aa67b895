//! Dates as signatures write them: `20150830T123600Z`.

use stepwell_value::{Timestamp, days_from_civil};

/// The moment in the form of `X-Amz-Date`.
pub(crate) fn amz_date(moment: Timestamp) -> String {
    let rfc3339 = moment.to_rfc3339(); // 2015-08-30T12:36:00.000Z
    let seconds = rfc3339.split('.').next().unwrap_or_default();
    let digits: String = seconds.chars().filter(|character| !matches!(character, '-' | ':')).collect();
    format!("{digits}Z")
}

/// The moment that an `X-Amz-Date` names; `None` when it is not of the form.
pub(crate) fn parse_amz_date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 16 && bytes.get(8) == Some(&b'T') && bytes.get(15) == Some(&b'Z');
    if !is_form {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        let valid = digits.iter().all(u8::is_ascii_digit);
        valid.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * 1000))
}

#[cfg(test)]
mod tests {
    use super::{amz_date, parse_amz_date};

    #[test]
    fn dates() {
        for text in ["20150830T123600Z", "20261120T224626Z", "20000229T235959Z", "19700101T000000Z", "20240301T000000Z"]
        {
            assert_eq!(amz_date(parse_amz_date(text).unwrap()), text);
        }
        for text in ["", "20150830", "20150830T123600", "20151330T123600Z", "2015083XT123600Z", "20150830T243600Z"] {
            assert_eq!(parse_amz_date(text), None, "{text}");
        }
    }
}
