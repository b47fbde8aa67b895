//! Variables that may be unset where they are read: some path from `StartAt` to the state assigns them, another does not.
//!
//! A forward analysis: what is certainly assigned when a state is entered is what all ways into it have assigned. It runs
//! for warnings only, on a definition that is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::{Node, Spanned};

use crate::definition::{Assign, Block, BlockId, Next, State, StateId, StateKind};

/// Names looked at by one analysis; one that would need more says nothing.
const WORK_MAX: usize = 5_000_000;

/// The variables that are certainly assigned, by number.
type Set = BTreeSet<u32>;

/// For each state, what is certainly assigned when it is entered; none for a state nothing leads to, or when there is too
/// much to look at.
pub(crate) fn certainly_assigned(blocks: &[Block], states: &[State], all: &BTreeSet<Arc<str>>) -> Vec<Option<Names>> {
    let numbers: BTreeMap<&str, u32> = all.iter().map(|name| &**name).zip(0..).collect();
    let entered = vec![None; states.len()];
    let mut analysis = Analysis { blocks, states, numbers: &numbers, entered, work_left: WORK_MAX };
    analysis.block(BlockId(0), &Set::new());
    if analysis.work_left == 0 {
        return vec![None; states.len()];
    }
    let names: Vec<&Arc<str>> = all.iter().collect();
    let name_of = |number: u32| names.get(number as usize).map(|name| Arc::clone(name));
    let named = |set: Set| set.into_iter().filter_map(name_of).collect();
    analysis.entered.into_iter().map(|set| set.map(named)).collect()
}

/// Names of variables.
pub(crate) type Names = BTreeSet<Arc<str>>;

struct Analysis<'d> {
    blocks: &'d [Block],
    states: &'d [State],
    numbers: &'d BTreeMap<&'d str, u32>,
    entered: Vec<Option<Set>>,
    work_left: usize,
}

impl Analysis<'_> {
    /// Settles the states of a block that is begun with these, and then the blocks inside it.
    fn block(&mut self, id: BlockId, begun_with: &Set) {
        let Some(block) = self.blocks.get(id.0 as usize) else { return };
        let mut todo = vec![block.start_at];
        self.meet(block.start_at, begun_with);
        while let Some(id) = todo.pop() {
            let Some(state) = self.states.get(id.0 as usize) else { continue };
            let Some(Some(entered)) = self.entered.get(id.0 as usize).cloned() else { continue };
            self.work_left = self.work_left.saturating_sub(1 + entered.len());
            if self.work_left == 0 {
                return;
            }
            for (target, assign) in ways_out(state) {
                let mut left = entered.clone();
                left.extend(assign.iter().filter_map(|(name, _)| self.numbers.get(&**name).copied()));
                if self.meet(target, &left) {
                    todo.push(target);
                }
            }
        }
        for id in &block.states {
            self.blocks_inside(*id);
        }
    }

    fn blocks_inside(&mut self, id: StateId) {
        let Some(state) = self.states.get(id.0 as usize) else { return };
        let Some(Some(entered)) = self.entered.get(id.0 as usize).cloned() else { return };
        match &state.kind {
            StateKind::Parallel(parallel) => parallel.branches.iter().for_each(|branch| self.block(*branch, &entered)),
            // The children of a Map Run see none of the variables outside.
            StateKind::Map(map) if map.distributed.is_some() => self.block(map.processor, &Set::new()),
            StateKind::Map(map) => self.block(map.processor, &entered),
            _ => {}
        }
    }

    /// One more way into a state; tells whether that changed anything.
    fn meet(&mut self, id: StateId, certain: &Set) -> bool {
        let Some(slot) = self.entered.get_mut(id.0 as usize) else { return false };
        let met = match slot {
            None => certain.clone(),
            Some(before) => before.intersection(certain).copied().collect(),
        };
        let changes = slot.as_ref() != Some(&met);
        *slot = Some(met);
        changes
    }
}

/// The states a state may go to, and what is assigned on the way.
fn ways_out(state: &State) -> Vec<(StateId, &Assign)> {
    let mut ways = Vec::new();
    if let Some(Next::State(next)) = &state.next {
        ways.push((*next, &state.flow.assign));
    }
    ways.extend(state.catch.iter().map(|catcher| (catcher.next, &catcher.assign)));
    if let StateKind::Choice(choice) = &state.kind {
        ways.extend(choice.rules.iter().map(|rule| (rule.next, &rule.assign)));
        ways.extend(choice.default.map(|next| (next, &state.flow.assign)));
    }
    ways
}

/// Whether a state asks itself whether a variable is there: `$exists($name)`, or `IsPresent` on it.
pub(crate) fn is_asked_for(node: &Spanned, name: &str) -> bool {
    match &node.node {
        Node::Scalar(Value::String(text)) => {
            let rest = text.split("$exists(").skip(1).map(|rest| rest.trim_start().trim_start_matches('$'));
            rest.filter_map(|rest| rest.strip_prefix(name)).any(|rest| rest.trim_start().starts_with(')'))
        }
        Node::Scalar(_) => false,
        Node::Array(items) => items.iter().any(|item| is_asked_for(item, name)),
        Node::Object(members) => {
            let variable = node.get("Variable").and_then(Spanned::as_str).map(|text| text.trim_start_matches('$'));
            let is_present = node.get("IsPresent").is_some() && variable == Some(name);
            is_present || members.iter().any(|(_, _, member)| is_asked_for(member, name))
        }
    }
}
