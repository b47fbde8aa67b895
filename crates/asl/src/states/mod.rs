//! The eight types of states, one file each; here is what they share.

mod choice;
mod distributed;
mod fail;
mod map;
mod parallel;
mod pass;
mod task;
mod wait;

use std::sync::Arc;

use stepwell_value::json::{Span, Spanned};

use crate::definition::{QueryLanguage, State, StateKind, StateType};
use crate::expression::Sees;
use crate::fields;
use crate::location::At;
use crate::site::Site;
use crate::warnings;

/// Compiles a state. `None` when something is wrong with it; all of it has been reported then.
pub(crate) fn compile(site: &mut Site, name: &Arc<str>, key: Span, node: &Spanned, at: &At) -> Option<State> {
    if !site.object(node, at) {
        return None;
    }
    let state_type = state_type(site, node, at);
    language(site, node, at, key, state_type);
    site.query_language(node, at);
    let state_type = state_type?;
    let comment = site.string(node, at, "Comment");
    let moves = fields::STATE.iter().any(|field| field.name == "Next" && field.types & fields::bit(state_type) != 0);
    let next = if moves { site.next(node, at) } else { None };
    let works = matches!(state_type, StateType::Task | StateType::Parallel | StateType::Map);
    let sees = if works { Sees::RESULT } else { Sees::INPUT };
    let flow = match state_type {
        StateType::Fail => crate::definition::Flow::default(),
        StateType::Map => site.flow(node, at, sees, false),
        _ => site.flow(node, at, sees, true),
    };
    let (retry, catch) = if works { (site.retry(node, at), site.catch(node, at)) } else { (Vec::new(), Vec::new()) };
    let kind = kind(site, node, at, state_type);
    if site.compiler.options.warnings {
        warnings::state(site, node, at, state_type);
    }
    if moves && next.is_none() {
        return None;
    }
    Some(State {
        id: site.state_id,
        name: Arc::clone(name),
        block: site.scope.id,
        comment,
        query_language: site.language,
        flow,
        next,
        retry,
        catch,
        kind: kind?,
    })
}

/// `Type`
fn state_type(site: &mut Site, node: &Spanned, at: &At) -> Option<StateType> {
    if !site.require(node, at, &["Type"]) {
        return None;
    }
    let text = site.text_field(node, at, "Type")?;
    let found = fields::TYPES.iter().find(|(name, _)| *name == text).map(|(_, state_type)| *state_type);
    if found.is_none() {
        let names: Vec<&str> = fields::TYPES.iter().map(|(name, _)| *name).collect();
        let message = format!("The field 'Type' should have one of these values: [{}]", names.join(", "));
        let close = site.compiler.suggestion(text, names.iter().copied());
        let help = close.map(|close| format!("did you mean `{close}`?"));
        let span = node.get("Type").map_or(node.span, |member| member.span);
        site.error_with_help(message, &at.field("Type"), span, help);
    }
    found
}

/// Settles the state's language, and reports the fields it may not have: those of the other language first.
fn language(site: &mut Site, node: &Spanned, at: &At, key: Span, state_type: Option<StateType>) {
    let machine = site.compiler.language;
    let own = node.get("QueryLanguage").map(Spanned::as_str);
    site.language = match own {
        None => machine,
        Some(Some("JSONPath")) => QueryLanguage::JsonPath,
        Some(_) => QueryLanguage::Jsonata,
    };
    let downgraded = machine == QueryLanguage::Jsonata && site.language == QueryLanguage::JsonPath;
    if downgraded {
        let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
        let span = node.get("QueryLanguage").map_or(key, |member| member.span);
        site.error(message, at, span);
    }
    let Some(state_type) = state_type else { return };
    let mine = |name: &str| {
        fields::STATE.iter().find(|field| field.name == name && field.types & fields::bit(state_type) != 0)
    };
    for (name, key, _) in node.members() {
        if !downgraded && mine(name).is_some_and(|field| !field.language.allows(site.language)) {
            site.wrong_language(name, *key, at);
        }
    }
    for (name, key, _) in node.members() {
        if mine(name).is_none() {
            let help = unsupported_help(site, name, state_type);
            site.error_with_help(format!("Field '{name}' is not supported"), at, *key, help);
        }
    }
    site.check_duplicates(node, at);
}

/// What to do about a field that a type does not have.
fn unsupported_help(site: &mut Site, name: &str, state_type: StateType) -> Option<String> {
    let owners = fields::owners(name);
    if !owners.is_empty() {
        return Some(format!("`{name}` is a field of {} states", owners.join(", ")));
    }
    let candidates = fields::STATE.iter().filter(|field| field.types & fields::bit(state_type) != 0);
    let close = site.compiler.suggestion(name, candidates.map(|field| field.name));
    close.map(|close| format!("did you mean `{close}`?"))
}

/// What is the type's own of a state.
fn kind(site: &mut Site, node: &Spanned, at: &At, state_type: StateType) -> Option<StateKind> {
    match state_type {
        StateType::Pass => Some(StateKind::Pass(pass::compile(site, node))),
        StateType::Task => task::compile(site, node, at).map(StateKind::Task),
        StateType::Choice => choice::compile(site, node, at).map(StateKind::Choice),
        StateType::Wait => wait::compile(site, node, at).map(StateKind::Wait),
        StateType::Succeed => Some(StateKind::Succeed),
        StateType::Fail => Some(StateKind::Fail(fail::compile(site, node, at))),
        StateType::Parallel => parallel::compile(site, node, at).map(StateKind::Parallel),
        StateType::Map => map::compile(site, node, at).map(StateKind::Map),
    }
}
