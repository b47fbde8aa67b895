//! The walk over a definition: the machine, its blocks, their states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::{Node, Span, Spanned};

use crate::definition::{Block, BlockId, Definition, Flow, Next, QueryLanguage, State, StateId, StateKind};
use crate::fields::{self, Field};
use crate::graph;
use crate::location::At;
use crate::site::Site;
use crate::{Compiled, Diagnostic, MachineType, Options, Severity, states, suggest, unset};

/// The code of nearly every error.
pub(crate) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";
/// The code of a transition that leads nowhere, and of a state that no transition leads to.
pub(crate) const MISSING_TARGET: &str = "MISSING_TRANSITION_TARGET";

/// The code of a definition that goes too deep.
pub(crate) const TOO_DEEP: &str = "TOO_DEEPLY_NESTED";
/// How deep Maps and Parallels may stand in one another, so that no text makes the walk run out of stack. AWS has a limit
/// too (the code is AWS's) but does not say which.
const BLOCK_DEPTH_MAX: usize = 50;
/// How long a state's name may be, in characters (AWS quota).
const STATE_NAME_LENGTH_MAX: usize = 80;
/// How many misspelled names get a suggestion: each costs a look at all names, so a hostile text could buy much time.
const SUGGESTIONS_MAX: u32 = 50;

/// What the walk has found so far.
pub(crate) struct Compiler<'o> {
    pub(crate) options: &'o Options,
    /// Whether names of states that do not exist stand for Succeed states (TestState).
    lenient_targets: bool,
    diagnostics: Vec<Diagnostic>,
    /// Transitions that lead nowhere; AWS reports them behind all else.
    missing_targets: Vec<Diagnostic>,
    /// States that no transition leads to; behind those.
    unreachable: Vec<Diagnostic>,
    blocks: Vec<Option<Block>>,
    states: Vec<Option<State>>,
    references: Vec<(Arc<str>, Vec<Arc<str>>)>,
    names: BTreeSet<Arc<str>>,
    pub(crate) labels: BTreeSet<Arc<str>>,
    /// The workflow variables that some `Assign` sets.
    pub(crate) assigned: BTreeSet<Arc<str>>,
    /// Who reads which variables; kept for warnings only.
    readers: Vec<Reader>,
    pub(crate) language: QueryLanguage,
    /// How many blocks the walk is in.
    depth: usize,
    suggestions_left: u32,
}

/// A state that reads variables.
struct Reader {
    state: StateId,
    location: String,
    /// The place of the state's name.
    span: Span,
    names: Vec<Arc<str>>,
    /// Those of them that the state itself asks for before it reads them.
    asked_for: Vec<Arc<str>>,
}

impl Reader {
    fn warning(&self, code: &'static str, message: String, help: Option<String>) -> Diagnostic {
        let (location, span) = (self.location.clone(), Some(self.span));
        Diagnostic { severity: Severity::Warning, code, message, location, span, help }
    }
}

/// What the states of one block share.
#[derive(Clone, Copy)]
pub(crate) struct BlockScope<'b> {
    pub(crate) id: BlockId,
    /// The states of the block by name.
    pub(crate) targets: &'b BTreeMap<Arc<str>, StateId>,
    /// The machine's type, or that of a Distributed Map's children.
    pub(crate) machine_type: MachineType,
}

impl<'o> Compiler<'o> {
    pub(crate) fn new(options: &'o Options, lenient_targets: bool) -> Compiler<'o> {
        Compiler {
            options,
            lenient_targets,
            diagnostics: Vec::new(),
            missing_targets: Vec::new(),
            unreachable: Vec::new(),
            blocks: Vec::new(),
            states: Vec::new(),
            references: Vec::new(),
            names: BTreeSet::new(),
            labels: BTreeSet::new(),
            assigned: BTreeSet::new(),
            readers: Vec::new(),
            language: QueryLanguage::JsonPath,
            depth: 0,
            suggestions_left: SUGGESTIONS_MAX,
        }
    }

    /// Compiles the top level and everything below it.
    pub(crate) fn machine(mut self, root: &Spanned, text: &str) -> Compiled {
        let at = At::ROOT;
        let targets = BTreeMap::new();
        let scope = BlockScope { id: BlockId(0), targets: &targets, machine_type: self.options.machine_type };
        let mut top = Site::new(&mut self, scope, QueryLanguage::JsonPath);
        let (mut comment, mut timeout_seconds) = (None, None);
        if top.object(root, &at) {
            top.compiler.language = top.query_language(root, &at).unwrap_or_default();
            top.check_fields(root, &at, fields::MACHINE);
            comment = top.string(root, &at, "Comment");
            timeout_seconds = top.integer(root, &at, "TimeoutSeconds", 0, Some(99_999_999));
            top.one_of(root, &at, "Version", &["1.0"]);
            let machine_type = self.options.machine_type;
            self.block(root, &at, None, machine_type);
        }
        self.warn_unassigned();
        self.check_graph(root);
        self.finish(text, comment, timeout_seconds)
    }

    /// Judges the machine as a whole: that it can end, and if it can, that every state is reached (AWS says the one or the
    /// other). A misspelled field changes what the transitions are, so a faulty schema is left to be repaired first.
    fn check_graph(&mut self, root: &Spanned) {
        let faulty = self.diagnostics.iter().any(|found| found.severity == Severity::Error);
        if faulty || self.lenient_targets {
            self.unreachable.clear();
        } else if !graph::has_terminal_state(root) {
            self.missing_targets.push(missing_end_state(root.get("States").map(|states| states.span)));
            self.unreachable.clear();
        }
    }

    /// Warns of variables that no state assigns.
    fn warn_unassigned(&mut self) {
        for reader in &self.readers {
            for name in reader.names.iter().filter(|name| !self.assigned.contains(*name)) {
                let close = suggest::closest(name, self.assigned.iter().map(|name| &**name));
                let message = format!("the variable `${name}` is read here, but no state assigns it");
                let help = close.map(|close| format!("did you mean `${close}`?"));
                self.diagnostics.push(reader.warning("UNASSIGNED_VARIABLE", message, help));
            }
        }
    }

    /// Warnings of variables that only some of the ways to a state assign.
    fn maybe_unset(&self, definition: &Definition) -> Vec<Diagnostic> {
        if self.readers.is_empty() {
            return Vec::new();
        }
        let certain = unset::certainly_assigned(&definition.blocks, &definition.states, &self.assigned);
        let mut found = Vec::new();
        for reader in &self.readers {
            let Some(Some(certain)) = certain.get(reader.state.0 as usize) else { continue };
            let is_doubtful = |name: &&Arc<str>| {
                self.assigned.contains(*name) && !certain.contains(*name) && !reader.asked_for.contains(name)
            };
            for name in reader.names.iter().filter(is_doubtful) {
                let message =
                    format!("the variable `${name}` may be unset here: not every way to this state assigns it");
                let help = format!("assign `${name}` a default value before the ways part");
                found.push(reader.warning("MAYBE_UNSET_VARIABLE", message, Some(help)));
            }
        }
        found
    }

    fn finish(mut self, text: &str, comment: Option<Arc<str>>, timeout_seconds: Option<u64>) -> Compiled {
        let (mut diagnostics, warnings): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.diagnostics).into_iter().partition(|found| found.severity == Severity::Error);
        diagnostics.append(&mut self.missing_targets);
        diagnostics.append(&mut self.unreachable);
        let sound = diagnostics.is_empty();
        diagnostics.extend(warnings);
        let blocks: Option<Vec<Block>> = std::mem::take(&mut self.blocks).into_iter().collect();
        let states: Option<Vec<State>> = std::mem::take(&mut self.states).into_iter().collect();
        let definition = match (sound, blocks, states) {
            (true, Some(blocks), Some(states)) => Some(Definition {
                text: Arc::from(text),
                comment,
                query_language: self.language,
                uses_jsonata: states.iter().any(|state| state.query_language == QueryLanguage::Jsonata),
                timeout_seconds,
                blocks,
                states,
                variable_references: std::mem::take(&mut self.references)
                    .into_iter()
                    .filter(|(_, names)| !names.is_empty())
                    .collect(),
            }),
            _ => None,
        };
        if let Some(definition) = &definition {
            diagnostics.extend(self.maybe_unset(definition));
        }
        Compiled { definition, diagnostics }
    }

    /// Compiles one `States` map and all states in it. The object's own fields have been checked by the caller.
    pub(crate) fn block(
        &mut self,
        node: &Spanned,
        at: &At,
        parent: Option<StateId>,
        machine_type: MachineType,
    ) -> BlockId {
        let id = BlockId(index(self.blocks.len()));
        self.blocks.push(None);
        if self.depth >= BLOCK_DEPTH_MAX {
            self.error(TOO_DEEP, "The states are too deeply nested".to_owned(), at, node.span);
            return id;
        }
        self.depth += 1;
        let mut targets = BTreeMap::new();
        let members = self.block_states(node, at, &mut targets);
        if self.lenient_targets {
            self.stand_ins(node, id, &mut targets);
        }
        let scope = BlockScope { id, targets: &targets, machine_type };
        let mut site = Site::new(self, scope, QueryLanguage::JsonPath);
        // Without states no name can be right, and the states are what is missing (recorded: test_create_delete_invalid_sm).
        let start_at = if members.is_empty() { None } else { site.target(node, at, "StartAt") };
        let states_at = at.field("States");
        for (name, key, state, state_id) in &members {
            self.state(scope, name, *key, state, &states_at.field(name), *state_id);
        }
        if !self.lenient_targets {
            let unreached = graph::unreachable(node);
            self.unreachable.extend(unreached.into_iter().map(|(name, span)| not_reachable(name, span, &states_at)));
        }
        if let (Some(start_at), Some(slot)) = (start_at, self.blocks.get_mut(id.0 as usize)) {
            let comment = node.get("Comment").and_then(Spanned::as_str).map(Arc::from);
            let states = members.iter().map(|(_, _, _, state_id)| *state_id).collect();
            *slot = Some(Block { start_at, parent, states, comment });
        }
        self.depth -= 1;
        id
    }

    /// The members of `States`, each with an id of its own; reports what is wrong with the map and its names.
    fn block_states<'n>(
        &mut self,
        node: &'n Spanned,
        at: &At,
        targets: &mut BTreeMap<Arc<str>, StateId>,
    ) -> Vec<(&'n Arc<str>, Span, &'n Spanned, StateId)> {
        let missing: Vec<&str> = ["StartAt", "States"].into_iter().filter(|name| node.get(name).is_none()).collect();
        if !missing.is_empty() {
            self.error(SCHEMA, format!("These fields are required: [{}]", missing.join(", ")), at, node.span);
        }
        let Some(states) = node.get("States") else { return Vec::new() };
        let states_at = at.field("States");
        let Node::Object(members) = &states.node else {
            self.error(SCHEMA, "Expected value of type Object".to_owned(), &states_at, states.span);
            return Vec::new();
        };
        if members.is_empty() {
            self.error(SCHEMA, "Value cannot be empty".to_owned(), &states_at, states.span);
        }
        let mut found = Vec::with_capacity(members.len());
        for (name, key, state) in members {
            self.check_state_name(name, *key, &states_at);
            let id = StateId(index(self.states.len()));
            self.states.push(None);
            self.references.push((Arc::clone(name), Vec::new()));
            targets.insert(Arc::clone(name), id);
            found.push((name, *key, state, id));
        }
        found
    }

    fn check_state_name(&mut self, name: &Arc<str>, key: Span, states_at: &At) {
        let at = states_at.field(name);
        if !self.names.insert(Arc::clone(name)) {
            self.error("DUPLICATE_STATE_NAME", format!("Duplicate State name: {name}"), &at, key);
        }
        if name.is_empty() {
            self.error("INVALID_STATE_NAME", "Invalid State name: a name cannot be empty".to_owned(), &at, key);
        }
        if name.chars().count() > STATE_NAME_LENGTH_MAX {
            let message = format!(
                "Invalid State name: '{name}' exceeds the {STATE_NAME_LENGTH_MAX}-character limit allowed by the service"
            );
            self.error("INVALID_STATE_NAME", message, &at, key);
        }
    }

    /// Makes a Succeed state for every name that a transition of the block gives and no state bears.
    fn stand_ins(&mut self, node: &Spanned, block: BlockId, targets: &mut BTreeMap<Arc<str>, StateId>) {
        let states = node.get("States").map_or(&[][..], Spanned::members);
        for name in states.iter().flat_map(|(_, _, state)| graph::targets(state)) {
            if targets.contains_key(name) {
                continue;
            }
            let id = StateId(index(self.states.len()));
            let name: Arc<str> = Arc::from(name);
            targets.insert(Arc::clone(&name), id);
            self.references.push((Arc::clone(&name), Vec::new()));
            self.states.push(Some(State {
                id,
                name,
                block,
                comment: None,
                query_language: self.language,
                flow: Flow::default(),
                next: None,
                retry: Vec::new(),
                catch: Vec::new(),
                kind: StateKind::Succeed,
            }));
        }
    }

    /// Compiles one state into its slot.
    fn state(&mut self, scope: BlockScope, name: &Arc<str>, key: Span, node: &Spanned, at: &At, id: StateId) {
        let mut site = Site::new(self, scope, QueryLanguage::JsonPath);
        site.state_id = id;
        let compiled = states::compile(&mut site, name, key, node, at);
        let variables = std::mem::take(&mut site.variables);
        if self.options.warnings && !variables.is_empty() {
            let asked_for = variables.iter().filter(|name| unset::is_asked_for(node, name)).cloned().collect();
            let (location, names) = (at.to_string(), variables.clone());
            self.readers.push(Reader { state: id, location, span: key, names, asked_for });
        }
        if let Some((_, slot)) = self.references.get_mut(id.0 as usize) {
            *slot = variables;
        }
        if let (Some(state), Some(slot)) = (compiled, self.states.get_mut(id.0 as usize)) {
            *slot = Some(state);
        }
    }

    pub(crate) fn error(&mut self, code: &'static str, message: String, at: &At, span: Span) {
        self.report(Severity::Error, code, message, at, span, None);
    }

    pub(crate) fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        message: String,
        at: &At,
        span: Span,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic { severity, code, message, location: at.to_string(), span: Some(span), help });
    }

    /// Notes a transition to a state that does not exist. AWS writes `Next` wherever the name stands.
    pub(crate) fn missing_target(&mut self, name: &str, targets: &BTreeMap<Arc<str>, StateId>, at: &At, span: Span) {
        let suggestion = self.suggestion(name, targets.keys().map(|target| &**target));
        let help = match suggestion {
            Some(close) => Some(format!("did you mean `{close}`?")),
            None if self.names.contains(name) => {
                Some(format!("`{name}` stands in another `States` map; a transition cannot leave its own"))
            }
            None => None,
        };
        self.missing_targets.push(Diagnostic {
            severity: Severity::Error,
            code: MISSING_TARGET,
            message: format!("Missing 'Next' target: {name}"),
            location: at.to_string(),
            span: Some(span),
            help,
        });
    }

    /// The closest of some names, as long as the budget for looking lasts.
    pub(crate) fn suggestion<'c>(&mut self, name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        self.suggestions_left = self.suggestions_left.checked_sub(1)?;
        suggest::closest(name, candidates)
    }
}

/// The names of some fields.
pub(crate) fn names_of(fields: &[Field]) -> impl Iterator<Item = &'static str> {
    fields.iter().map(|(name, _)| *name)
}

/// The state a transition ends at, for [`Next`].
pub(crate) fn next_of(target: Option<StateId>) -> Option<Next> {
    target.map(Next::State)
}

/// Whether a value is `true`.
pub(crate) fn is_true(node: &Spanned) -> bool {
    matches!(&node.node, Node::Scalar(Value::Bool(true)))
}

/// An index; a definition of 1 MB has far fewer than 2^32 of anything.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn missing_end_state(span: Option<Span>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "MISSING_END_STATE",
        message: "Workflow has no terminal state".to_owned(),
        location: String::new(),
        span,
        help: Some("give the last state `\"End\": true`, or end with a Succeed or Fail state".to_owned()),
    }
}

fn not_reachable(name: &str, span: Span, states_at: &At) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: MISSING_TARGET,
        message: format!("State \"{name}\" is not reachable."),
        location: states_at.field(name).to_string(),
        span: Some(span),
        help: Some("no transition that starts at `StartAt` leads here; name it in a `Next` or remove it".to_owned()),
    }
}
