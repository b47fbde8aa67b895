//! Pass.

use stepwell_value::json::Spanned;

use crate::definition::PassState;
use crate::site::Site;

/// `Result` is taken literally, members that end in `.$` included (recorded: test_state_pass_result_jsonpaths).
pub(super) fn compile(site: &Site, node: &Spanned) -> PassState {
    let result = if site.is_jsonata() { None } else { node.get("Result") };
    PassState { result: result.map(Spanned::to_value) }
}
