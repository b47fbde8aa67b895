//! From a document to the nodes a path selects.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write as _;

use stepwell_value::{Map, Value};

use super::{Step, Steps};
use crate::java;

/// How many nodes one evaluation may visit, filters and deep scans included.
const VISITS_MAX: usize = 4_000_000;

/// One evaluation over one document.
pub(super) struct Walk<'v> {
    root: &'v Value,
    visits: Cell<usize>,
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Miss {
    /// A member or item does not exist. A path that is not definite then selects nothing, which is no failure (recorded:
    /// test_json_path_array_wildcard_or_slice_with_no_input).
    Absent(String),
    /// The data does not allow the operation.
    Invalid(String),
    /// The path visits too many nodes.
    Exhausted,
}

impl Miss {
    pub(super) fn into_reason(self) -> String {
        match self {
            Miss::Absent(reason) | Miss::Invalid(reason) => reason,
            Miss::Exhausted => {
                format!("The path visits more than {VISITS_MAX} nodes; name the place more exactly")
            }
        }
    }
}

/// A step in its path, for its neighbours and for messages.
struct Place<'s> {
    steps: &'s [Step],
    index: usize,
    /// Whether all steps before are definite, so that a value of the wrong kind is a failure and not just no match.
    upstream_definite: bool,
    /// Whether the step before is `..`.
    scanning: bool,
}

impl<'v> Walk<'v> {
    pub(super) fn new(root: &'v Value) -> Walk<'v> {
        Walk { root, visits: Cell::new(0) }
    }

    pub(super) fn root(&self) -> &'v Value {
        self.root
    }

    /// What the steps select from a node: the value, or the array of all matches.
    pub(super) fn select<'n>(&self, steps: &Steps, start: &'n Value) -> Result<Cow<'n, Value>, Miss> {
        let found = self.select_steps(steps, start)?;
        match &steps.call {
            Some(call) => call.run(self, start, found).map(Cow::Owned),
            None => Ok(found),
        }
    }

    fn select_steps<'n>(&self, steps: &Steps, start: &'n Value) -> Result<Cow<'n, Value>, Miss> {
        if steps.steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_))) {
            return single(&steps.steps, start).map(Cow::Borrowed);
        }
        let definite = steps.steps_are_definite();
        let matches = match self.matches(&steps.steps, start) {
            Err(Miss::Absent(_)) if !definite => return Ok(Cow::Owned(Value::array([]))),
            matches => matches?,
        };
        if !definite {
            return Ok(Cow::Owned(Value::array(matches.into_iter().map(Cow::into_owned))));
        }
        matches.into_iter().next().ok_or_else(|| no_results(&steps.steps))
    }

    /// All matches, in the order of the document.
    fn matches<'n>(&self, steps: &[Step], start: &'n Value) -> Result<Vec<Cow<'n, Value>>, Miss> {
        let mut nodes = vec![start];
        let mut place = Place { steps, index: 0, upstream_definite: true, scanning: false };
        for (index, step) in steps.iter().enumerate() {
            place.index = index;
            if let (Step::Names(names), true) = (step, index + 1 == steps.len()) {
                return nodes.into_iter().filter_map(|node| merged(&place, names, node).transpose()).collect();
            }
            let mut next = Vec::new();
            for node in nodes {
                self.visit()?;
                self.apply(&place, step, node, &mut next)?;
            }
            nodes = next;
            place.upstream_definite &= matches!(step, Step::Name(_) | Step::Index(_));
            place.scanning = matches!(step, Step::Descend);
        }
        Ok(nodes.into_iter().map(Cow::Borrowed).collect())
    }

    pub(super) fn visit(&self) -> Result<(), Miss> {
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > VISITS_MAX { Err(Miss::Exhausted) } else { Ok(()) }
    }

    fn apply<'n>(&self, place: &Place<'_>, step: &Step, node: &'n Value, out: &mut Vec<&'n Value>) -> Result<(), Miss> {
        match step {
            Step::Name(name) => out.extend(place.member(node, name)?),
            Step::Names(names) => {
                for name in names {
                    out.extend(place.member(node, name)?);
                }
            }
            Step::Index(index) => out.extend(place.items(node)?.and_then(|items| item(items, *index))),
            Step::Indexes(indexes) => {
                let items = place.items(node)?.unwrap_or(&[]);
                out.extend(indexes.iter().filter_map(|index| item(items, *index)));
            }
            Step::Slice(from, to) => slice(place.items(node)?.unwrap_or(&[]), *from, *to, out),
            Step::Wildcard => children(node, out),
            Step::Descend => self.descendants(node, out)?,
            Step::Filter(filter) if place.scanning || matches!(node, Value::Object(_)) => {
                // An object is tested itself, not its members; behind `..` every object and array below is.
                let is_tested = matches!(node, Value::Object(_) | Value::Array(_));
                if is_tested && filter.accepts(self, node)? {
                    out.push(node);
                }
            }
            Step::Filter(filter) => {
                for item in place.filtered_items(node)? {
                    if filter.accepts(self, item)? {
                        out.push(item);
                    }
                }
            }
        }
        Ok(())
    }

    /// The node and all below it, parents first. Without recursion: values may be deep.
    fn descendants<'n>(&self, node: &'n Value, out: &mut Vec<&'n Value>) -> Result<(), Miss> {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            self.visit()?;
            out.push(node);
            let first_child = open.len();
            children(node, &mut open);
            if let Some(new) = open.get_mut(first_child..) {
                new.reverse();
            }
        }
        Ok(())
    }
}

impl Place<'_> {
    /// The member of an object. Behind an indefinite step an absent one is no match; else it is a miss.
    fn member<'n>(&self, node: &'n Value, name: &str) -> Result<Option<&'n Value>, Miss> {
        match node {
            Value::Object(members) => match members.get(name) {
                None if self.upstream_definite => Err(Miss::Absent(self.absent(name))),
                found => Ok(found),
            },
            _ if self.upstream_definite => Err(Miss::Absent(self.no_object(node))),
            _ => Ok(None),
        }
    }

    fn absent(&self, name: &str) -> String {
        let is_last = self.index + 1 == self.steps.len();
        let words = if is_last { "No results for path:" } else { "Missing property in path" };
        format!("{words} {}['{name}']", self.upstream())
    }

    fn no_object(&self, node: &Value) -> String {
        format!(
            "Expected to find an object with property {} in path {} but found '{}'. This is not a json object according \
             to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
            self.step(),
            self.upstream(),
            java::class_name(node)
        )
    }

    /// The items of an array; `None` when there is none and that is no failure.
    fn items<'n>(&self, node: &'n Value) -> Result<Option<&'n [Value]>, Miss> {
        match node {
            Value::Array(items) => Ok(Some(items)),
            _ if !self.upstream_definite => Ok(None),
            Value::Null => Err(Miss::Absent(format!("The path {} is null", self.upstream()))),
            _ => Err(Miss::Invalid(format!(
                "Filter: {} can only be applied to arrays. Current context is: {}",
                self.step(),
                java::to_text(node)
            ))),
        }
    }

    fn filtered_items<'n>(&self, node: &'n Value) -> Result<&'n [Value], Miss> {
        match node {
            Value::Array(items) => Ok(items),
            _ if !self.upstream_definite => Ok(&[]),
            _ => Err(Miss::Invalid(format!(
                "Filter: [?] can not be applied to primitives. Current context is: {}",
                java::to_text(node)
            ))),
        }
    }

    fn step(&self) -> String {
        self.steps.get(self.index).map(Step::to_string).unwrap_or_default()
    }

    fn upstream(&self) -> String {
        print(self.steps.get(..self.index).unwrap_or(&[]))
    }
}

/// The one place that names and indexes lead to; most paths are such, and this one allocates nothing.
fn single<'n>(steps: &[Step], start: &'n Value) -> Result<&'n Value, Miss> {
    let mut node = start;
    let mut place = Place { steps, index: 0, upstream_definite: true, scanning: false };
    for (index, step) in steps.iter().enumerate() {
        place.index = index;
        let found = match step {
            Step::Name(name) => place.member(node, name)?,
            Step::Index(index) => place.items(node)?.and_then(|items| item(items, *index)),
            _ => None,
        };
        node = found.ok_or_else(|| no_results(steps))?;
    }
    Ok(node)
}

fn no_results(steps: &[Step]) -> Miss {
    Miss::Absent(format!("No results for path: {}", print(steps)))
}

/// The path as Jayway prints it: `$['a'][0]`.
fn print(steps: &[Step]) -> String {
    let mut out = "$".to_owned();
    for step in steps {
        let _ = write!(out, "{step}"); // writing to a String cannot fail
    }
    out
}

/// One object of the members with these names; absent ones are left out, behind `..` all must be there.
fn merged<'n>(
    place: &Place<'_>,
    names: &[std::sync::Arc<str>],
    node: &'n Value,
) -> Result<Option<Cow<'n, Value>>, Miss> {
    let Value::Object(members) = node else {
        return if place.upstream_definite { Err(Miss::Absent(place.no_object(node))) } else { Ok(None) };
    };
    let found: Map =
        names.iter().filter_map(|name| members.get(name).map(|value| (name.clone(), value.clone()))).collect();
    let is_complete = names.iter().all(|name| members.contains_key(name));
    let is_match = is_complete || !place.scanning;
    Ok(is_match.then(|| Cow::Owned(Value::Object(found.into()))))
}

/// The item at an index; a negative one counts from the end.
fn item(items: &[Value], index: i64) -> Option<&Value> {
    let index = if index < 0 { index + i64::try_from(items.len()).ok()? } else { index };
    items.get(usize::try_from(index).ok()?)
}

/// A slice in Jayway's reading: a lone negative bound counts from the end; with two bounds every index between them is
/// looked up, so that `[-3:-1]` is the third and second last, and `[1:-1]` is empty.
fn slice<'n>(items: &'n [Value], from: Option<i64>, to: Option<i64>, out: &mut Vec<&'n Value>) {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let from_end = |bound: i64| if bound < 0 { length + bound } else { bound };
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from.max(-length), to),
        (from, to) => (from.map_or(0, from_end).max(0), to.map_or(length, from_end)),
    };
    out.extend((from..to.min(length)).filter_map(|index| item(items, index)));
}

fn children<'n>(node: &'n Value, out: &mut Vec<&'n Value>) {
    match node {
        Value::Array(items) => out.extend(items.iter()),
        Value::Object(members) => out.extend(members.values()),
        _ => {}
    }
}
