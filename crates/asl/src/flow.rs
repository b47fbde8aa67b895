//! The fields by which data flows through a state: paths, `Output`, `Assign`.

use std::sync::Arc;

use stepwell_query::Template;
use stepwell_value::Value;
use stepwell_value::json::{Node, Spanned};

use crate::definition::{Assign, Filter, Flow, ResultPath};
use crate::expression::Sees;
use crate::location::At;
use crate::site::Site;
use crate::variables;

/// How long a variable's name may be, in characters (ASL § Variables).
const VARIABLE_NAME_LENGTH_MAX: usize = 80;

impl Site<'_, '_, '_> {
    /// All flow fields of a state; those its type or language does not have are reported elsewhere and left at their
    /// defaults. `parameters` says whether `Parameters` means the state's own (a legacy Map's is its item selector).
    pub(crate) fn flow(&mut self, node: &Spanned, at: &At, sees: Sees, parameters: bool) -> Flow {
        let mut flow = Flow { assign: self.assign(node, at, sees), ..Flow::default() };
        if self.is_jsonata() {
            flow.parameters = self.template(node, at, "Arguments", Sees::INPUT);
            flow.output = self.template(node, at, "Output", sees);
            return flow;
        }
        flow.input_path = self.filter(node, at, "InputPath");
        if parameters {
            flow.parameters = self.template(node, at, "Parameters", Sees::INPUT);
        }
        flow.result_selector = self.template(node, at, "ResultSelector", Sees::INPUT);
        flow.result_path = self.result_path(node, at);
        flow.output_path = self.filter(node, at, "OutputPath");
        flow
    }

    /// `InputPath` or `OutputPath`.
    fn filter(&mut self, node: &Spanned, at: &At, name: &str) -> Filter {
        let Some(member) = node.get(name) else { return Filter::Whole };
        if matches!(member.node, Node::Scalar(Value::Null)) {
            return Filter::Discard;
        }
        match self.text_field(node, at, name) {
            None | Some("$") => Filter::Whole,
            Some(text) => self.path(text, &at.field(name), member.span).map_or(Filter::Whole, Filter::Path),
        }
    }

    /// `ResultPath` of a state or a catcher.
    pub(crate) fn result_path(&mut self, node: &Spanned, at: &At) -> ResultPath {
        let Some(member) = node.get("ResultPath").filter(|_| !self.is_jsonata()) else { return ResultPath::Replace };
        if matches!(member.node, Node::Scalar(Value::Null)) {
            return ResultPath::Discard;
        }
        match self.text_field(node, at, "ResultPath") {
            None | Some("$") => ResultPath::Replace,
            Some(text) => {
                self.place(text, &at.field("ResultPath"), member.span).map_or(ResultPath::Replace, ResultPath::At)
            }
        }
    }

    /// `Output` of a rule or a catcher.
    pub(crate) fn output(&mut self, node: &Spanned, at: &At, sees: Sees) -> Option<Template> {
        if self.is_jsonata() { self.template(node, at, "Output", sees) } else { None }
    }

    /// `Assign`: all members are evaluated on the values at entry.
    pub(crate) fn assign(&mut self, node: &Spanned, at: &At, sees: Sees) -> Assign {
        let Some(members) = self.object_field(node, at, "Assign") else { return Vec::new() };
        let assign_at = at.field("Assign");
        for (name, key, _) in members.members() {
            let plain = if self.is_jsonata() { &**name } else { name.strip_suffix(".$").unwrap_or(name) };
            if let Some((code, message)) = name_fault(plain) {
                self.compiler.error(code, message, &assign_at.field(name), *key);
            }
            if self.compiler.options.warnings {
                self.compiler.assigned.insert(Arc::from(plain));
            }
        }
        match self.template(node, at, "Assign", sees) {
            Some(Template::Object(members)) => members,
            Some(Template::Literal(Value::Object(members))) => {
                members.iter().map(|(name, value)| (Arc::clone(name), Template::Literal(value.clone()))).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Why a variable may not have this name.
fn name_fault(name: &str) -> Option<(&'static str, String)> {
    if name == "states" {
        return Some(("RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.".to_owned()));
    }
    let reason = if !variables::is_name(name) {
        "the variable name contains invalid characters.".to_owned()
    } else if name.chars().count() > VARIABLE_NAME_LENGTH_MAX {
        format!("the variable name is longer than {VARIABLE_NAME_LENGTH_MAX} characters.")
    } else {
        return None;
    };
    Some(("INVALID_VARIABLE_NAME", format!("Invalid variable name '{name}': {reason}")))
}
