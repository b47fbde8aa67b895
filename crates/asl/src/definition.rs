//! The compiled form of a definition: immutable, with every name resolved and every expression parsed.

use std::sync::Arc;

use stepwell_query::{Expression, JsonPath, Jsonata, ReferencePath, Template};
use stepwell_value::Value;

/// Index of a [`Block`] in its [`Definition`]; 0 is the top level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

/// Index of a [`State`] in its [`Definition`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u32);

/// One compiled, validated, immutable revision of an ASL text.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The text it was compiled from, byte for byte.
    pub text: Arc<str>,
    /// The machine's `Comment`.
    pub comment: Option<Arc<str>>,
    /// The machine's `QueryLanguage`.
    pub query_language: QueryLanguage,
    /// Whether any state has JSONata for its query language.
    pub uses_jsonata: bool,
    /// The machine's `TimeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// All `States` maps; the first is the top level.
    pub blocks: Vec<Block>,
    /// All states of all blocks.
    pub states: Vec<State>,
    /// State name → the workflow variables it reads, for `variableReferences`; in source order.
    pub variable_references: Vec<(Arc<str>, Vec<Arc<str>>)>,
}

impl Definition {
    /// The block with this id. Ids come from this definition only, so it exists.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    /// The state with this id. Ids come from this definition only, so it exists.
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }

    /// The state of this name, in any block (names are unique in a machine).
    pub fn state_named(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| &*state.name == name)
    }
}

/// One `States` map: the top level, a Parallel branch, a Map's processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The state that `StartAt` names.
    pub start_at: StateId,
    /// The Parallel or Map this block belongs to; none at the top level.
    pub parent: Option<StateId>,
    /// The states of the block, in source order.
    pub states: Vec<StateId>,
    /// The block's own definition text (canonical), for Map Run child executions.
    pub comment: Option<Arc<str>>,
}

/// Which language a machine or state is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryLanguage {
    /// Paths, intrinsic functions, `.$` templates.
    #[default]
    JsonPath,
    /// `{% … %}` expressions.
    Jsonata,
}

/// The `Type` of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateType {
    /// `Pass`
    Pass,
    /// `Task`
    Task,
    /// `Choice`
    Choice,
    /// `Wait`
    Wait,
    /// `Succeed`
    Succeed,
    /// `Fail`
    Fail,
    /// `Parallel`
    Parallel,
    /// `Map`
    Map,
}

/// A state: what all types share, and what is its type's own in `kind`.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Its own index.
    pub id: StateId,
    /// Its name.
    pub name: Arc<str>,
    /// The block it stands in.
    pub block: BlockId,
    /// `Comment`
    pub comment: Option<Arc<str>>,
    /// The language in force: the state's own, or the machine's.
    pub query_language: QueryLanguage,
    /// How data flows through it; fields a type does not have are at their defaults.
    pub flow: Flow,
    /// `Next` or `End`; `None` for Choice, Succeed and Fail.
    pub next: Option<Next>,
    /// `Retry`
    pub retry: Vec<Retrier>,
    /// `Catch`
    pub catch: Vec<Catcher>,
    /// What is its type's own.
    pub kind: StateKind,
}

impl State {
    /// The type.
    pub fn state_type(&self) -> StateType {
        match self.kind {
            StateKind::Pass(_) => StateType::Pass,
            StateKind::Task(_) => StateType::Task,
            StateKind::Choice(_) => StateType::Choice,
            StateKind::Wait(_) => StateType::Wait,
            StateKind::Succeed => StateType::Succeed,
            StateKind::Fail(_) => StateType::Fail,
            StateKind::Parallel(_) => StateType::Parallel,
            StateKind::Map(_) => StateType::Map,
        }
    }
}

/// Where a state goes when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// `Next`
    State(StateId),
    /// `End: true`
    End,
}

/// The fields by which data flows through a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// `InputPath` (JSONPath).
    pub input_path: Filter,
    /// `Parameters` (JSONPath) or `Arguments` (JSONata). A legacy Map's `Parameters` is its [`MapState::item_selector`].
    pub parameters: Option<Template>,
    /// `ResultSelector` (JSONPath).
    pub result_selector: Option<Template>,
    /// `ResultPath` (JSONPath).
    pub result_path: ResultPath,
    /// `OutputPath` (JSONPath).
    pub output_path: Filter,
    /// `Output` (JSONata).
    pub output: Option<Template>,
    /// `Assign`
    pub assign: Assign,
}

/// `InputPath`, `OutputPath`: which part of the data goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Filter {
    /// Absent or `$`: everything, untouched.
    #[default]
    Whole,
    /// `null`: an empty object instead.
    Discard,
    /// The part a path selects.
    Path(JsonPath),
}

/// `ResultPath`: where a result goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResultPath {
    /// Absent or `$`: the result replaces the input.
    #[default]
    Replace,
    /// `null`: the result is dropped, the input goes on.
    Discard,
    /// The result is written into the input here.
    At(ReferencePath),
}

/// `Assign`: variable name → value; all evaluated on the values at entry.
pub type Assign = Vec<(Arc<str>, Template)>;

/// A whole number that may be computed: `TimeoutSeconds`, `Seconds`, `MaxConcurrency`, ….
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// Written as a number.
    Fixed(u64),
    /// The `…Path` form.
    Path(JsonPath),
    /// A JSONata string.
    Jsonata(Jsonata),
}

/// A string that may be computed: `Timestamp`, `Error`, `Cause`.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// Written as a string.
    Fixed(Arc<str>),
    /// The `…Path` form: a path or a call of an intrinsic function.
    Expression(Expression),
    /// A JSONata string.
    Jsonata(Jsonata),
}

/// What is its type's own of a state.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "states are made once and lie in one vector; a box would cost every step a jump"
)]
pub enum StateKind {
    /// `Pass`
    Pass(PassState),
    /// `Task`
    Task(TaskState),
    /// `Choice`
    Choice(ChoiceState),
    /// `Wait`
    Wait(WaitState),
    /// `Succeed`
    Succeed,
    /// `Fail`
    Fail(FailState),
    /// `Parallel`
    Parallel(ParallelState),
    /// `Map`
    Map(MapState),
}

/// A Pass state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PassState {
    /// `Result`: literal, even where it holds `.$` members.
    pub result: Option<Value>,
}

/// A Task state.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    /// `Resource`
    pub resource: Resource,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`; none: 99,999,999 s.
    pub timeout: Option<Amount>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Amount>,
    /// `Credentials`
    pub credentials: Option<Template>,
}

/// What a Task calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The ARN as written.
    pub arn: Arc<str>,
    /// What it names.
    pub target: Target,
}

/// What a Task's `Resource` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `arn:aws:lambda:…:function:NAME[:QUALIFIER]`
    LambdaFunction,
    /// `arn:aws:states:…:activity:NAME`
    Activity,
    /// `arn:aws:states:::SERVICE:ACTION[.sync|.sync:2|.waitForTaskToken]`
    Integration {
        /// `lambda`, `states`, `aws-sdk:s3`: the `resourceType` of task events.
        service: Arc<str>,
        /// `invoke`: the action without suffix.
        action: Arc<str>,
        /// The `resource` of task events: `invoke.waitForTaskToken`.
        resource: Arc<str>,
        /// How the state waits for the outcome.
        pattern: Pattern,
    },
}

/// How a state waits for the outcome of a service integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The answer of the call.
    RequestResponse,
    /// `.sync`: the end of the job that the call starts.
    Sync,
    /// `.sync:2`: the same, the job's output parsed.
    Sync2,
    /// `.waitForTaskToken`: a callback with the task token.
    WaitForTaskToken,
}

/// A Choice state.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceState {
    /// `Choices`
    pub rules: Vec<ChoiceRule>,
    /// `Default`
    pub default: Option<StateId>,
}

/// One of the `Choices`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceRule {
    /// When it is taken.
    pub condition: Condition,
    /// `Next`
    pub next: StateId,
    /// `Assign`
    pub assign: Assign,
    /// `Output` (JSONata).
    pub output: Option<Template>,
}

/// A condition of a Choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `And`
    And(Vec<Condition>),
    /// `Or`
    Or(Vec<Condition>),
    /// `Not`
    Not(Box<Condition>),
    /// `Variable` with an operator.
    Test {
        /// `Variable`
        variable: JsonPath,
        /// `StringEquals` …
        operator: Operator,
        /// What it is compared with; for `Is…` operators a literal boolean.
        operand: Operand,
    },
    /// `Condition` (JSONata).
    Jsonata(Jsonata),
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Written in the definition.
    Literal(Value),
    /// The `…Path` form.
    Path(JsonPath),
}

/// A comparison operator; the `…Path` forms are the same operator with [`Operand::Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Two strings compared.
    String(Ordering),
    /// `StringMatches` with `*`; `\*` and `\\` are literal.
    StringMatches,
    /// Two numbers compared.
    Numeric(Ordering),
    /// `BooleanEquals`
    BooleanEquals,
    /// Two RFC 3339 timestamps compared.
    Timestamp(Ordering),
    /// `IsNull`
    IsNull,
    /// `IsPresent`
    IsPresent,
    /// `IsNumeric`
    IsNumeric,
    /// `IsString`
    IsString,
    /// `IsBoolean`
    IsBoolean,
    /// `IsTimestamp`
    IsTimestamp,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// `…Equals`
    Equals,
    /// `…LessThan`
    LessThan,
    /// `…GreaterThan`
    GreaterThan,
    /// `…LessThanEquals`
    LessThanEquals,
    /// `…GreaterThanEquals`
    GreaterThanEquals,
}

/// A Wait state.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitState {
    /// `Seconds` or `SecondsPath`.
    Seconds(Amount),
    /// `Timestamp` or `TimestampPath`.
    Timestamp(Text),
}

/// A Fail state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailState {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

/// A Parallel state.
#[derive(Clone, Debug, PartialEq)]
pub struct ParallelState {
    /// `Branches`
    pub branches: Vec<BlockId>,
}

/// A Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct MapState {
    /// `ItemProcessor`, or the legacy `Iterator`.
    pub processor: BlockId,
    /// Where the items come from.
    pub items: Items,
    /// `ItemSelector`, or a legacy Map's `Parameters`.
    pub item_selector: Option<Template>,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; none and 0: no limit of the state's own.
    pub max_concurrency: Option<Amount>,
    /// Set when `ProcessorConfig.Mode` is `DISTRIBUTED`.
    pub distributed: Option<Distributed>,
}

/// Where a Map's items come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// The effective input itself.
    Input,
    /// `ItemsPath`
    Path(JsonPath),
    /// `Items` (JSONata): a template; a literal array, or one expression.
    Template(Template),
}

/// What a Map in mode DISTRIBUTED has besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Distributed {
    /// Whether `ExecutionType` is `EXPRESS`.
    pub express_children: bool,
    /// The definition that the child executions run: the processor as a machine of its own, as JSON text.
    pub child_definition: Arc<str>,
    /// `Label`
    pub label: Option<Arc<str>>,
    /// `ToleratedFailureCount` or its path.
    pub tolerated_failure_count: Option<Amount>,
    /// `ToleratedFailurePercentage` or its path (whole percent).
    pub tolerated_failure_percentage: Option<Amount>,
    /// `ItemReader`, as written.
    pub item_reader: Option<Value>,
    /// `ItemBatcher`, as written.
    pub item_batcher: Option<Value>,
    /// `ResultWriter`, as written.
    pub result_writer: Option<Value>,
    /// `ItemReader`, compiled.
    pub reader: Option<Box<ItemReader>>,
    /// `ItemBatcher`, compiled.
    pub batcher: Option<Box<ItemBatcher>>,
    /// `ResultWriter`, compiled.
    pub writer: Option<Box<ResultWriter>>,
}

/// Where a Distributed Map reads its items from.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemReader {
    /// The action behind `arn:…:states:::s3:`: `getObject` or `listObjectsV2`.
    pub action: Arc<str>,
    /// `Parameters` or `Arguments`: `Bucket`, `Key`, `Prefix`, ….
    pub parameters: Option<Template>,
    /// `ReaderConfig.InputType`: `CSV`, `JSON`, `JSONL`, `PARQUET` or `MANIFEST`.
    pub input_type: Option<Arc<str>>,
    /// `ReaderConfig.MaxItems` or its path.
    pub max_items: Option<Amount>,
    /// `ReaderConfig` as written, for the fields that are always constants (`CSVDelimiter`, `CSVHeaders`, `ItemsPointer`, …).
    pub config: Option<Value>,
}

/// How a Distributed Map groups its items.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemBatcher {
    /// `MaxItemsPerBatch` or its path.
    pub max_items_per_batch: Option<Amount>,
    /// `MaxInputBytesPerBatch` or its path.
    pub max_input_bytes_per_batch: Option<Amount>,
    /// `BatchInput`: what every batch gets besides its items.
    pub batch_input: Option<Template>,
}

/// Where and how a Distributed Map writes its results.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultWriter {
    /// `Parameters` or `Arguments` (`Bucket`, `Prefix`); none: the results are the state's result.
    pub parameters: Option<Template>,
    /// `WriterConfig.Transformation`: `NONE`, `COMPACT` or `FLATTEN`.
    pub transformation: Option<Arc<str>>,
    /// `WriterConfig.OutputType`: `JSON` or `JSONL`.
    pub output_type: Option<Arc<str>>,
}

/// One entry of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`
    pub error_equals: Vec<Arc<str>>,
    /// `IntervalSeconds`, default 1.
    pub interval_seconds: u64,
    /// `MaxAttempts`, default 3; 0: never.
    pub max_attempts: u64,
    /// `BackoffRate`, default 2.0, at least 1.0.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`
    pub max_delay_seconds: Option<u64>,
    /// Whether `JitterStrategy` is `FULL`.
    pub full_jitter: bool,
}

/// One entry of `Catch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    /// `ErrorEquals`
    pub error_equals: Vec<Arc<str>>,
    /// `Next`
    pub next: StateId,
    /// `ResultPath` (JSONPath).
    pub result_path: ResultPath,
    /// `Output` (JSONata).
    pub output: Option<Template>,
    /// `Assign`
    pub assign: Assign,
}
