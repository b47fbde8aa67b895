//! Fail.

use stepwell_value::json::Spanned;

use crate::definition::FailState;
use crate::location::At;
use crate::site::Site;

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> FailState {
    FailState { error: site.text(node, at, "Error", "ErrorPath"), cause: site.text(node, at, "Cause", "CausePath") }
}
