//! In which order the members of a definition's objects stand in the canonical layout.
//!
//! Only the order of the language's own objects is settled here. What a workflow passes on (`Parameters`, `Result`,
//! `Assign` …) and the states themselves keep the order their author gave them: it shows in outputs.

use std::sync::Arc;

use stepwell_value::json::{Node, Span, Spanned};

/// A member of an object: key, place of the key, value.
pub(super) type Member = (Arc<str>, Span, Spanned);

/// What an object is in a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A machine, a branch, a processor.
    Machine,
    /// The `States` of one.
    States,
    /// A state.
    State,
    /// An entry of `Retry`.
    Retrier,
    /// An entry of `Catch`.
    Catcher,
    /// An entry of `Choices`.
    Rule,
    /// Data, and the small objects whose order says nothing.
    Plain,
}

/// Members that stand first, and members that stand last; the rest keeps its order between them.
type Order = (&'static [&'static str], &'static [&'static str]);

const MACHINE: Order = (&["ProcessorConfig", "Comment", "QueryLanguage", "StartAt", "States"], &[]);

#[rustfmt::skip]
const STATE: Order = (
    &[
        "Type", "Comment", "QueryLanguage", "Resource", "Credentials",
        "InputPath", "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Error", "ErrorPath", "Cause", "CausePath",
        "ItemsPath", "Items", "ItemReader", "ItemSelector", "ItemBatcher",
        "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailureCount", "ToleratedFailureCountPath",
        "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label",
        "Parameters", "Arguments",
        "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath",
        "Branches", "ItemProcessor", "Iterator", "ResultWriter", "Choices",
        "Result", "ResultSelector", "ResultPath", "Assign", "Output", "OutputPath",
        "Retry", "Catch",
    ],
    &["Default", "Next", "End"],
);

const RETRIER: Order = (&["Comment", "ErrorEquals"], &[]);
const CATCHER: Order = (&["Comment", "ErrorEquals"], &["Next"]);
const RULE: Order = (&["Comment"], &["Next"]);
const PLAIN: Order = (&[], &[]);

impl Role {
    /// The role of a whole text: a machine, or a single state.
    pub(super) fn of_root(root: &Spanned) -> Role {
        match (root.get("States"), root.get("Type")) {
            (None, Some(_)) => Role::State,
            _ => Role::Machine,
        }
    }

    /// The role of the value of a member, and of the items when that is an array.
    pub(super) fn of_member(self, key: &str) -> Role {
        match (self, key) {
            (Role::Machine, "States") => Role::States,
            (Role::States, _) => Role::State,
            (Role::State, "Branches" | "ItemProcessor" | "Iterator") => Role::Machine,
            (Role::State, "Retry") => Role::Retrier,
            (Role::State, "Catch") => Role::Catcher,
            (Role::State, "Choices") => Role::Rule,
            _ => Role::Plain,
        }
    }

    /// Whether an object of this role always has a line for each member.
    pub(super) fn is_tall(self) -> bool {
        matches!(self, Role::Machine | Role::States | Role::State)
    }

    /// Where a member stands in canonical order; those of equal rank stay in theirs.
    pub(super) fn rank(self, key: &str) -> (u8, usize) {
        let (first, last) = match self {
            Role::Machine => MACHINE,
            Role::State => STATE,
            Role::Retrier => RETRIER,
            Role::Catcher => CATCHER,
            Role::Rule => RULE,
            Role::States | Role::Plain => PLAIN,
        };
        let place = |names: &[&str]| names.iter().position(|name| *name == key);
        match (place(first), place(last)) {
            (Some(place), _) => (0, place),
            (None, None) => (1, 0),
            (None, Some(place)) => (2, place),
        }
    }

    /// The members in canonical order. Of equal keys the last stays the last.
    pub(super) fn sorted(self, members: &[Member]) -> Vec<&Member> {
        let mut sorted: Vec<&Member> = members.iter().collect();
        sorted.sort_by_key(|(key, _, _)| self.rank(key));
        sorted
    }
}

/// Whether two trees hold the same data, whatever the order of their members.
pub(super) fn is_same(one: &Spanned, two: &Spanned) -> bool {
    match (&one.node, &two.node) {
        (Node::Scalar(one), Node::Scalar(two)) => one == two && one.to_json() == two.to_json(),
        (Node::Array(one), Node::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_same(one, two))
        }
        (Node::Object(members), Node::Object(others)) => {
            let of = |members: &[Member], key: &str| members.iter().filter(|(name, _, _)| &**name == key).count();
            members.len() == others.len()
                && members.iter().all(|(key, _, value)| {
                    (of(members, key) > 1 && of(members, key) == of(others, key))
                        || two.get(key).is_some_and(|other| is_same(value, other))
                })
        }
        _ => false,
    }
}
