//! Where the walk stands: the readers of single fields, which report what is wrong and return what is right.
//!
//! A reader takes the object that holds the field, the object's place and the field's name. It returns `None` both for a
//! field that is absent and for one that is wrong (and reported).

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::{Node, Span, Spanned};

use crate::Severity;
use crate::compile::MachineType;
use crate::definition::Next;
use crate::definition::{BlockId, QueryLanguage, StateId};
use crate::fields::Field;
use crate::location::At;
use crate::machine::{BlockScope, Compiler, SCHEMA, is_true, names_of, next_of};

/// What AWS says to a text that should be a timestamp (recorded: test_wait_timestamp_invalid).
pub(crate) const NO_TIMESTAMP: &str = "String does not match RFC3339 timestamp";

/// The state (or the top level) that is being compiled.
pub(crate) struct Site<'c, 'o, 'b> {
    pub(crate) compiler: &'c mut Compiler<'o>,
    pub(crate) scope: BlockScope<'b>,
    /// The language of the state.
    pub(crate) language: QueryLanguage,
    pub(crate) state_id: StateId,
    /// The workflow variables the state reads, each once.
    pub(crate) variables: Vec<Arc<str>>,
    known_variables: BTreeSet<Arc<str>>,
}

impl<'c, 'o, 'b> Site<'c, 'o, 'b> {
    pub(crate) fn new(
        compiler: &'c mut Compiler<'o>,
        scope: BlockScope<'b>,
        language: QueryLanguage,
    ) -> Site<'c, 'o, 'b> {
        Site {
            compiler,
            scope,
            language,
            state_id: StateId(0),
            variables: Vec::new(),
            known_variables: BTreeSet::new(),
        }
    }

    /// Whether the state is written in JSONata.
    pub(crate) fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }

    /// Reports an error of the schema.
    pub(crate) fn error(&mut self, message: impl Into<String>, at: &At, span: Span) {
        self.compiler.error(SCHEMA, message.into(), at, span);
    }

    /// Reports an error of the schema and says what to do about it.
    pub(crate) fn error_with_help(&mut self, message: impl Into<String>, at: &At, span: Span, help: Option<String>) {
        self.compiler.report(Severity::Error, SCHEMA, message.into(), at, span, help);
    }

    /// Reports something AWS accepts, when the caller wants to hear of it.
    pub(crate) fn warn(&mut self, code: &'static str, message: String, at: &At, span: Span, help: &str) {
        if self.compiler.options.warnings {
            self.compiler.report(Severity::Warning, code, message, at, span, Some(help.to_owned()));
        }
    }

    fn wrong_type(&mut self, expected: &str, at: &At, span: Span) {
        self.error(format!("Expected value of type {expected}"), at, span);
    }

    /// Whether a value is an object; reports it when not.
    pub(crate) fn object(&mut self, node: &Spanned, at: &At) -> bool {
        let is_object = matches!(node.node, Node::Object(_));
        if !is_object {
            self.wrong_type("Object", at, node.span);
        }
        is_object
    }

    /// The member of this name, when it is an object.
    pub(crate) fn object_field<'n>(&mut self, node: &'n Spanned, at: &At, name: &str) -> Option<&'n Spanned> {
        let member = node.get(name)?;
        self.object(member, &at.field(name)).then_some(member)
    }

    /// The items of the member of this name, when it is an array.
    pub(crate) fn array_field<'n>(&mut self, node: &'n Spanned, at: &At, name: &str) -> Option<&'n [Spanned]> {
        let member = node.get(name)?;
        match &member.node {
            Node::Array(items) => Some(items),
            _ => {
                self.wrong_type("Array", &at.field(name), member.span);
                None
            }
        }
    }

    /// A member that is a string.
    pub(crate) fn text_field<'n>(&mut self, node: &'n Spanned, at: &At, name: &str) -> Option<&'n str> {
        let member = node.get(name)?;
        let text = member.as_str();
        if text.is_none() {
            self.wrong_type("String", &at.field(name), member.span);
        }
        text
    }

    /// A member that is a string, to keep.
    pub(crate) fn string(&mut self, node: &Spanned, at: &At, name: &str) -> Option<Arc<str>> {
        self.text_field(node, at, name).map(Arc::from)
    }

    /// A member that is one of a few strings.
    pub(crate) fn one_of<'n>(&mut self, node: &'n Spanned, at: &At, name: &str, allowed: &[&str]) -> Option<&'n str> {
        let member = node.get(name)?;
        match member.as_str() {
            Some(text) if allowed.contains(&text) => Some(text),
            Some(text) => {
                let message = format!("Value should be one of the following: [{}]", allowed.join(", "));
                let close = self.compiler.suggestion(text, allowed.iter().copied());
                let help = close.map(|close| format!("did you mean `{close}`?"));
                self.error_with_help(message, &at.field(name), member.span, help);
                None
            }
            None => {
                self.wrong_type("[STRING]", &at.field(name), member.span);
                None
            }
        }
    }

    /// The language an object declares: JSONPath only when spelled exactly so, any other value resolves to JSONata (and
    /// is reported by itself). As reported of AWS.
    pub(crate) fn query_language(&mut self, node: &Spanned, at: &At) -> Option<QueryLanguage> {
        let member = node.get("QueryLanguage")?;
        self.one_of(node, at, "QueryLanguage", &["JSONPath", "JSONata"]);
        Some(if member.as_str() == Some("JSONPath") { QueryLanguage::JsonPath } else { QueryLanguage::Jsonata })
    }

    /// A member that is a whole number in a range.
    pub(crate) fn integer(&mut self, node: &Spanned, at: &At, name: &str, min: u64, max: Option<u64>) -> Option<u64> {
        let member = node.get(name)?;
        let at = at.field(name);
        let Some(int) = plain(member).and_then(Value::as_i64) else {
            self.wrong_type("Integer", &at, member.span);
            return None;
        };
        match u64::try_from(int) {
            Ok(int) if int >= min && max.is_none_or(|max| int <= max) => Some(int),
            Ok(int) if int >= min => {
                self.error(format!("Maximum value is {}", max.unwrap_or(int)), &at, member.span);
                None
            }
            _ => {
                self.error(format!("Minimum value is {min}"), &at, member.span);
                None
            }
        }
    }

    /// A member that is a number, not below a minimum and not above a maximum.
    pub(crate) fn decimal(&mut self, node: &Spanned, at: &At, name: &str, min: f64, max: Option<f64>) -> Option<f64> {
        let member = node.get(name)?;
        let at = at.field(name);
        let Some(number) = plain(member).and_then(Value::as_number).map(stepwell_value::Number::as_f64) else {
            self.wrong_type("Double", &at, member.span);
            return None;
        };
        if number < min {
            self.error(format!("Minimum value is {min:.1}"), &at, member.span);
            return None;
        }
        if let Some(max) = max.filter(|max| number > *max) {
            self.error(format!("Maximum value is {max:.1}"), &at, member.span);
            return None;
        }
        Some(number)
    }

    /// Reports the fields that an object of this kind does not have: those of the other language first, as AWS does.
    pub(crate) fn check_fields(&mut self, node: &Spanned, at: &At, fields: &[Field]) {
        for (name, key, _) in node.members() {
            let field = fields.iter().find(|(known, _)| *known == &**name);
            if field.is_some_and(|(_, language)| !language.allows(self.language)) {
                self.wrong_language(name, *key, at);
            }
        }
        for (name, key, _) in node.members() {
            if !fields.iter().any(|(known, _)| *known == &**name) {
                let close = self.compiler.suggestion(name, names_of(fields));
                let help = close.map(|close| format!("did you mean `{close}`?"));
                self.error_with_help(format!("Field '{name}' is not supported"), at, *key, help);
            }
        }
        self.check_duplicates(node, at);
    }

    /// Reports a field of the other query language; AWS names the object, not the field, as the place.
    pub(crate) fn wrong_language(&mut self, name: &str, key: Span, at: &At) {
        let (is, other) = if self.is_jsonata() { ("JSONata", "JSONPath") } else { ("JSONPath", "JSONata") };
        let message = format!(
            "The QueryLanguage is set to '{is}', but field '{name}' is only supported for the '{other}' QueryLanguage"
        );
        self.error_with_help(message, at, key, instead(name, self.is_jsonata()));
    }

    /// Warns of fields that stand twice in an object: the last one counts.
    pub(crate) fn check_duplicates(&mut self, node: &Spanned, at: &At) {
        if !self.compiler.options.warnings {
            return;
        }
        let mut seen = BTreeSet::new();
        for (name, key, _) in node.members() {
            if !seen.insert(name) {
                let message = format!("the field '{name}' stands here more than once");
                self.warn("DUPLICATE_FIELD", message, at, *key, "the last one counts; remove the others");
            }
        }
    }

    /// Reports the required fields that an object lacks.
    pub(crate) fn require(&mut self, node: &Spanned, at: &At, names: &[&str]) -> bool {
        let missing: Vec<&str> = names.iter().copied().filter(|name| node.get(name).is_none()).collect();
        if !missing.is_empty() {
            self.error(format!("These fields are required: [{}]", missing.join(", ")), at, node.span);
        }
        missing.is_empty()
    }

    /// Reports when more than one of some fields is there.
    pub(crate) fn at_most_one(&mut self, node: &Spanned, at: &At, names: &[&str]) -> bool {
        let present = node.members().iter().filter(|(name, _, _)| names.contains(&&**name));
        let many = present.count() > 1 && names.iter().filter(|name| node.get(name).is_some()).count() > 1;
        if many {
            let message = format!("There should only be one of the following fields: [{}]", names.join(", "));
            self.error(message, at, node.span);
        }
        !many
    }

    /// Reports when none, or more than one, of some fields is there.
    pub(crate) fn exactly_one(&mut self, node: &Spanned, at: &At, names: &[&str]) -> bool {
        if names.iter().all(|name| node.get(name).is_none()) {
            let message = format!("This object should have only one of the following fields: [{}]", names.join(", "));
            self.error(message, at, node.span);
            return false;
        }
        self.at_most_one(node, at, names)
    }

    /// The state that a member names; a name that no state of the block bears is noted for later.
    pub(crate) fn target(&mut self, node: &Spanned, at: &At, name: &str) -> Option<StateId> {
        let text = self.text_field(node, at, name)?;
        let found = self.scope.targets.get(text).copied();
        if let (None, Some(member)) = (found, node.get(name)) {
            self.compiler.missing_target(text, self.scope.targets, &at.field(name), member.span);
        }
        found
    }

    /// `Next` or `End` of a state that has them.
    pub(crate) fn next(&mut self, node: &Spanned, at: &At) -> Option<Next> {
        let ends = match node.get("End") {
            None => false,
            Some(end) if matches!(end.node, Node::Scalar(Value::Bool(_))) => is_true(end),
            Some(end) => {
                self.wrong_type("Boolean", &at.field("End"), end.span);
                return None;
            }
        };
        match (ends, node.get("Next").is_some()) {
            (true, true) => {
                self.at_most_one(node, at, &["Next", "End"]);
                None
            }
            (true, false) => Some(Next::End),
            (false, true) => next_of(self.target(node, at, "Next")),
            (false, false) => {
                let message = "This object should have only one of the following fields: [Next, End]";
                let help = "name the state that follows in `Next`, or end with `\"End\": true`";
                self.error_with_help(message, at, node.span, Some(help.to_owned()));
                None
            }
        }
    }

    /// Compiles a block below this state.
    pub(crate) fn block(&mut self, node: &Spanned, at: &At, machine_type: MachineType) -> BlockId {
        self.compiler.block(node, at, Some(self.state_id), machine_type)
    }

    /// Notes that the state reads a workflow variable.
    pub(crate) fn reads(&mut self, name: &Arc<str>) {
        if &**name != "states" && self.known_variables.insert(Arc::clone(name)) {
            self.variables.push(Arc::clone(name));
        }
    }
}

/// The scalar, when a value is one.
pub(crate) fn plain(node: &Spanned) -> Option<&Value> {
    match &node.node {
        Node::Scalar(value) => Some(value),
        _ => None,
    }
}

/// What the other language has for a field.
fn instead(name: &str, is_jsonata: bool) -> Option<String> {
    let other = match name {
        "Parameters" => "use `Arguments` or `Output` with `{% … %}` expressions",
        "Arguments" => "use `Parameters` with `name.$` members, or set `QueryLanguage` to `JSONata`",
        "ItemsPath" => "use `Items`",
        "Items" => "use `ItemsPath`, or set `QueryLanguage` to `JSONata`",
        "ResultSelector" | "ResultPath" | "OutputPath" => "use `Output`",
        "InputPath" => "read `$states.input` where the data is needed",
        "Output" => "use `ResultSelector`, `ResultPath` or `OutputPath`, or set `QueryLanguage` to `JSONata`",
        "Result" => "use `Output`",
        "Variable" => "use `Condition` with a `{% … %}` expression",
        "Condition" => "use `Variable` with a comparison, or set `QueryLanguage` to `JSONata`",
        _ if is_jsonata => return name.strip_suffix("Path").map(|plain| format!("use `{plain}` with `{{% … %}}`")),
        _ => return None,
    };
    Some(other.to_owned())
}
