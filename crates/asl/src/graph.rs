//! Which states a block's transitions lead to. Looks at the text as written, so that a fault in one state does not make
//! its successors look unreachable. Linear in the number of transitions.

use std::collections::BTreeMap;

use stepwell_value::json::{Node, Span, Spanned};

use crate::machine::is_true;

/// The names of all states that a state may go to: `Next`, `Default`, and the `Next` of its rules and catchers.
pub(crate) fn targets(state: &Spanned) -> Vec<&str> {
    let mut found = Vec::new();
    found.extend(["Next", "Default"].iter().filter_map(|field| state.get(field)?.as_str()));
    for field in ["Choices", "Catch"] {
        if let Some(Spanned { node: Node::Array(entries), .. }) = state.get(field) {
            found.extend(entries.iter().filter_map(|entry| entry.get("Next")?.as_str()));
        }
    }
    found
}

/// Whether the machine can end: some state of the top level ends it. AWS asks this of the top level only.
pub(crate) fn has_terminal_state(machine: &Spanned) -> bool {
    let states = machine.get("States").map_or(&[][..], Spanned::members);
    states.iter().any(|(_, _, state)| {
        let state_type = state.get("Type").and_then(Spanned::as_str);
        let moves = matches!(state_type, Some("Task" | "Wait" | "Pass" | "Choice" | "Parallel" | "Map"));
        // A state of an unknown type gets its own error; what it would do is anybody's guess.
        !moves || state.get("End").is_some_and(is_true)
    })
}

/// The states of a block that no path from `StartAt` leads to, with the places of their names.
pub(crate) fn unreachable(block: &Spanned) -> Vec<(&str, Span)> {
    let states = block.get("States").map_or(&[][..], Spanned::members);
    let by_name: BTreeMap<&str, usize> = states.iter().enumerate().map(|(at, (name, _, _))| (&**name, at)).collect();
    let mut seen = vec![false; states.len()];
    let mut todo: Vec<&str> = block.get("StartAt").and_then(Spanned::as_str).into_iter().collect();
    while let Some(name) = todo.pop() {
        let Some(&index) = by_name.get(name) else { continue };
        let (Some(mark), Some((_, _, state))) = (seen.get_mut(index), states.get(index)) else { continue };
        if !std::mem::replace(mark, true) {
            todo.extend(targets(state));
        }
    }
    let left = states.iter().zip(seen).enumerate().filter(|(at, ((name, _, _), seen))| {
        // Of several states of one name (an error by itself) the last one counts.
        !seen && by_name.get(&**name) == Some(at)
    });
    left.map(|(_, ((name, key, _), _))| (&**name, *key)).collect()
}
