//! The operations and shapes of the service model, read once from the embedded facts.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use stepwell_value::Value;

use crate::pattern::Pattern;

/// What stands before the dot of `X-Amz-Target`: `AWSStepFunctions.StartExecution`.
pub const TARGET_PREFIX: &str = "AWSStepFunctions";
/// The same of Stepwell's own operations: `Stepwell.ForkExecution`.
pub const OWN_TARGET_PREFIX: &str = "Stepwell";

/// AWS's facts, made by `cargo xtask model`, and Stepwell's own, of the same form.
const TEXT: &str = include_str!("../facts/states.json");
const OWN_TEXT: &str = include_str!("../facts/stepwell.json");

static FACTS: LazyLock<Facts> = LazyLock::new(|| Facts::read(TEXT, OWN_TEXT).unwrap_or_default()); // a test reads them strictly

/// The order in which AWS lists the values of an enum, where it is recorded and is not the model's
/// (recorded: test_state_machine_status_filter).
const ENUM_ORDERS: &[(&str, &[&str])] =
    &[("ExecutionStatus", &["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"])];

/// An operation of the API.
#[derive(Debug)]
pub struct Operation {
    name: Arc<str>,
    pub(crate) input: Option<ShapeId>,
    pub(crate) output: Option<ShapeId>,
    errors: Vec<Arc<str>>,
    idempotent: bool,
    host_prefix: Option<Arc<str>>,
    own: bool,
}

impl Operation {
    /// The operation of this name, such as `StartExecution`.
    pub fn find(name: &str) -> Option<&'static Operation> {
        FACTS.operations.get(name)
    }

    /// Stepwell's own operation of this name, such as `ForkExecution`.
    pub fn find_own(name: &str) -> Option<&'static Operation> {
        FACTS.own.get(name)
    }

    /// The operation that `X-Amz-Target` names, such as `AWSStepFunctions.StartExecution` or `Stepwell.ForkExecution`.
    pub fn of_target(target: &str) -> Option<&'static Operation> {
        match target.split_once('.')? {
            (TARGET_PREFIX, name) => Operation::find(name),
            (OWN_TARGET_PREFIX, name) => Operation::find_own(name),
            _ => None,
        }
    }

    /// Every operation of AWS's, by name.
    pub fn all() -> impl Iterator<Item = &'static Operation> {
        FACTS.operations.values()
    }

    /// Every operation of Stepwell's own, by name.
    pub fn all_own() -> impl Iterator<Item = &'static Operation> {
        FACTS.own.values()
    }

    /// The name: `StartExecution`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is Stepwell's own.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// The IAM action: `states:StartExecution`, `stepwell:ForkExecution`.
    pub fn action(&self) -> String {
        format!("{}:{}", if self.own { "stepwell" } else { "states" }, self.name)
    }

    /// Whether the model declares the operation idempotent.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// What SDKs put before the host: `sync-` for StartSyncExecution and TestState.
    pub fn host_prefix(&self) -> Option<&str> {
        self.host_prefix.as_deref()
    }

    /// The codes of the errors that the model lists for the operation.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(|code| &**code)
    }

    /// The members of the request, in the order of the model.
    pub fn input_members(&self) -> impl Iterator<Item = &'static str> + use<> {
        members(self.input)
    }

    /// The members of the response, in the order of the model.
    pub fn output_members(&self) -> impl Iterator<Item = &'static str> + use<> {
        members(self.output)
    }
}

fn members(shape: Option<ShapeId>) -> impl Iterator<Item = &'static str> {
    let members: &'static [Member] = match shape.and_then(shape_of).map(|shape| &shape.kind) {
        Some(Kind::Structure(members)) => members,
        _ => &[],
    };
    members.iter().map(|member| &*member.name)
}

/// Where a shape stands among the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

/// The shape, which exists for every id of the facts.
pub(crate) fn shape_of(id: ShapeId) -> Option<&'static Shape> {
    FACTS.shapes.get(id.0)
}

/// A type with its constraints.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The model's name: `RoutingConfigurationListItem`.
    pub name: Arc<str>,
    /// Whether values must not be shown.
    pub is_sensitive: bool,
    /// Smallest length or value.
    pub min: Option<i64>,
    /// Greatest length or value.
    pub max: Option<i64>,
    /// What the shape holds.
    pub kind: Kind,
}

/// What a shape holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Structure(Vec<Member>),
    List(ShapeId),
    /// Keys are strings; no key of a request is constrained.
    Map(ShapeId),
    Text(Option<Pattern>, Vec<Arc<str>>),
    Integer,
    Long,
    Float,
    Boolean,
    Timestamp,
}

/// A member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    pub name: Arc<str>,
    pub shape: ShapeId,
    pub is_required: bool,
}

#[derive(Debug, Default)]
struct Facts {
    operations: BTreeMap<Arc<str>, Operation>,
    own: BTreeMap<Arc<str>, Operation>,
    shapes: Vec<Shape>,
}

type Ids = BTreeMap<Arc<str>, ShapeId>;

impl Facts {
    /// Reads the facts.
    ///
    /// # Errors
    /// When a text is not of the form that `cargo xtask model` writes.
    fn read(text: &str, own_text: &str) -> Result<Facts, String> {
        let mut facts = Facts::default();
        facts.operations = facts.add(text, false)?;
        facts.own = facts.add(own_text, true)?;
        Ok(facts)
    }

    /// Takes the shapes of a text, whose names are its own; gives its operations.
    fn add(&mut self, text: &str, own: bool) -> Result<BTreeMap<Arc<str>, Operation>, String> {
        let facts = Value::parse(text).map_err(|error| error.to_string())?;
        let (shapes, first) = (object(&facts, "shapes")?, self.shapes.len());
        let ids: Ids = shapes.keys().zip(first..).map(|(name, index)| (Arc::clone(name), ShapeId(index))).collect();
        for (name, shape) in shapes.iter() {
            self.shapes.push(read_shape(name, shape, &ids)?);
        }
        let operations = object(&facts, "operations")?;
        operations
            .iter()
            .map(|(name, operation)| Ok((Arc::clone(name), read_operation(name, operation, &ids, own)?)))
            .collect()
    }
}

fn read_operation(name: &Arc<str>, operation: &Value, ids: &Ids, own: bool) -> Result<Operation, String> {
    Ok(Operation {
        own,
        name: Arc::clone(name),
        input: operation.get("input").map(|input| id(input, ids)).transpose()?,
        output: operation.get("output").map(|output| id(output, ids)).transpose()?,
        errors: texts(operation.get("errors")),
        idempotent: is_true(operation, "idempotent"),
        host_prefix: operation.get("hostPrefix").and_then(Value::as_str).map(Arc::from),
    })
}

fn read_shape(name: &Arc<str>, shape: &Value, ids: &Ids) -> Result<Shape, String> {
    Ok(Shape {
        name: Arc::clone(name),
        is_sensitive: is_true(shape, "sensitive"),
        min: shape.get("min").and_then(Value::as_i64),
        max: shape.get("max").and_then(Value::as_i64),
        kind: read_kind(name, shape, ids)?,
    })
}

fn read_kind(name: &str, shape: &Value, ids: &Ids) -> Result<Kind, String> {
    let named = |member: &str| match shape.get(member) {
        Some(target) => id(target, ids),
        None => Err(format!("shape {name} has no {member}")),
    };
    Ok(match shape.get("type").and_then(Value::as_str) {
        Some("structure") => Kind::Structure(read_members(shape, ids)?),
        Some("list") => Kind::List(named("member")?),
        Some("map") => Kind::Map(named("value")?),
        Some("string") => {
            let pattern = shape.get("pattern").and_then(Value::as_str).map(Pattern::compile).transpose()?;
            Kind::Text(pattern, enum_values(name, shape))
        }
        Some("integer") => Kind::Integer,
        Some("long") => Kind::Long,
        Some("float") => Kind::Float,
        Some("boolean") => Kind::Boolean,
        Some("timestamp") => Kind::Timestamp,
        other => return Err(format!("shape {name} is of an unknown type {other:?}")),
    })
}

fn read_members(shape: &Value, ids: &Ids) -> Result<Vec<Member>, String> {
    let required = texts(shape.get("required"));
    let members = object(shape, "members")?;
    let member = |(name, target): (&Arc<str>, &Value)| {
        let is_required = required.contains(name);
        Ok(Member { name: Arc::clone(name), shape: id(target, ids)?, is_required })
    };
    members.iter().map(member).collect()
}

fn enum_values(name: &str, shape: &Value) -> Vec<Arc<str>> {
    match ENUM_ORDERS.iter().find(|(recorded, _)| *recorded == name) {
        Some((_, order)) => order.iter().map(|value| Arc::from(*value)).collect(),
        None => texts(shape.get("enum")),
    }
}

fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Arc<stepwell_value::Map>, String> {
    value.get(name).and_then(Value::as_object).ok_or_else(|| format!("the facts have no object `{name}`"))
}

fn id(name: &Value, ids: &Ids) -> Result<ShapeId, String> {
    let found = name.as_str().and_then(|name| ids.get(name));
    found.copied().ok_or_else(|| format!("the facts have no shape {name}"))
}

fn texts(list: Option<&Value>) -> Vec<Arc<str>> {
    let items = list.and_then(Value::as_array).map(|items| items.iter()).into_iter().flatten();
    items.filter_map(Value::as_str).map(Arc::from).collect()
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::{Facts, OWN_TEXT, Operation, TEXT};

    #[test]
    fn the_facts_are_read() {
        let facts = Facts::read(TEXT, OWN_TEXT).unwrap();
        assert_eq!(facts.operations.len(), 37);
        assert!(facts.shapes.len() > 250);
        assert_eq!(facts.own.len(), 2);
        let fork = Operation::of_target("Stepwell.ForkExecution").unwrap();
        assert_eq!((fork.action(), fork.is_own()), ("stepwell:ForkExecution".to_owned(), true));
        let members: Vec<&str> = fork.input_members().collect();
        assert_eq!(members, ["executionArn", "eventId", "input", "definition", "name"]);
        assert!(Operation::of_target("AWSStepFunctions.ForkExecution").is_none());
        assert!(Operation::of_target("Stepwell.StartExecution").is_none());
    }

    #[test]
    fn operations_know_themselves() {
        let start = Operation::of_target("AWSStepFunctions.StartExecution").unwrap();
        assert_eq!(start.name(), "StartExecution");
        assert_eq!(start.action(), "states:StartExecution");
        assert!(start.is_idempotent());
        assert_eq!(start.host_prefix(), None);
        assert!(start.errors().any(|code| code == "ExecutionAlreadyExists"));
        let members: Vec<&str> = start.input_members().collect();
        assert_eq!(members, ["stateMachineArn", "name", "input", "traceHeader"]);
        assert_eq!(start.output_members().collect::<Vec<_>>(), ["executionArn", "startDate"]);
        assert_eq!(Operation::find("TestState").and_then(Operation::host_prefix), Some("sync-"));
        assert!(Operation::of_target("DynamoDB_20120810.GetItem").is_none());
        assert!(Operation::find("Nothing").is_none());
        assert_eq!(Operation::all().count(), 37);
    }
}
