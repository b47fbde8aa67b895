//! Parallel.

use stepwell_value::json::Spanned;

use crate::definition::{BlockId, ParallelState};
use crate::fields;
use crate::location::At;
use crate::site::Site;

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<ParallelState> {
    site.require(node, at, &["Branches"]);
    let items = site.array_field(node, at, "Branches")?;
    let list_at = at.field("Branches");
    if items.is_empty() {
        let span = node.get("Branches").map_or(node.span, |member| member.span);
        site.error("Value cannot be empty", &list_at, span); // recorded: test_parallel_state_empty_branches
    }
    let machine_type = site.scope.machine_type;
    let mut branches: Vec<BlockId> = Vec::with_capacity(items.len());
    for (index, branch) in items.iter().enumerate() {
        let at = list_at.index(index);
        if site.object(branch, &at) {
            site.check_fields(branch, &at, fields::BRANCH);
            site.text_field(branch, &at, "Comment");
            branches.push(site.block(branch, &at, machine_type));
        }
    }
    Some(ParallelState { branches })
}
