//! Wait.

use stepwell_query::timestamp::parse_rfc3339;
use stepwell_value::json::Spanned;

use crate::definition::{Text, WaitState};
use crate::expression::Range;
use crate::location::At;
use crate::site::{NO_TIMESTAMP, Site};

/// The longest wait that is written out, in seconds (AWS is reported to say `Maximum value is 99999999`).
const SECONDS: Range = Range { min: 0, max: Some(99_999_999), context: true };

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<WaitState> {
    let all = ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];
    let jsonata = ["Seconds", "Timestamp"];
    // A path in a JSONata state has been reported already.
    let fields: &[&str] =
        if site.is_jsonata() && all.iter().all(|name| node.get(name).is_none()) { &jsonata } else { &all };
    if !site.exactly_one(node, at, fields) {
        return None;
    }
    if node.get("Seconds").is_some() || node.get("SecondsPath").is_some() {
        return site.amount(node, at, "Seconds", "SecondsPath", SECONDS).map(WaitState::Seconds);
    }
    let text = site.text(node, at, "Timestamp", "TimestampPath")?;
    if let Text::Fixed(written) = &text
        && parse_rfc3339(written).is_none()
    {
        let span = node.get("Timestamp").map_or(node.span, |member| member.span);
        let help = "write it as 2030-01-31T12:00:00Z".to_owned();
        site.error_with_help(NO_TIMESTAMP, &at.field("Timestamp"), span, Some(help));
        return None;
    }
    Some(WaitState::Timestamp(text))
}
