//! Which fields an object of a definition may have: one line per field.
//!
//! Source of the state table: the ASL specification, and which of 50 fields AWS accepts on which of the 8 types
//! (`Field 'X' is not supported` otherwise). A new state field is one line here and its meaning in the file of its type.

use crate::StateType;
use crate::definition::QueryLanguage;

/// The languages in which a field exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Both.
    Any,
    /// JSONPath only.
    JsonPath,
    /// JSONata only.
    Jsonata,
}

impl Language {
    /// Whether a state of this language may have the field.
    pub(crate) fn allows(self, language: QueryLanguage) -> bool {
        match self {
            Language::Any => true,
            Language::JsonPath => language == QueryLanguage::JsonPath,
            Language::Jsonata => language == QueryLanguage::Jsonata,
        }
    }
}

/// A field of a state: its name, its languages, the types that have it.
pub(crate) struct StateField {
    pub(crate) name: &'static str,
    pub(crate) language: Language,
    pub(crate) types: u16,
}

const PASS: u16 = 1;
const TASK: u16 = 1 << 1;
const CHOICE: u16 = 1 << 2;
const WAIT: u16 = 1 << 3;
const SUCCEED: u16 = 1 << 4;
const FAIL: u16 = 1 << 5;
const PARALLEL: u16 = 1 << 6;
const MAP: u16 = 1 << 7;
const ALL: u16 = 0xFF;
/// The types that go on to another state by `Next`.
const MOVING: u16 = PASS | TASK | WAIT | PARALLEL | MAP;
/// The types that may fail and try again.
const WORKING: u16 = TASK | PARALLEL | MAP;

/// The bit of a type in [`StateField::types`].
pub(crate) fn bit(state_type: StateType) -> u16 {
    match state_type {
        StateType::Pass => PASS,
        StateType::Task => TASK,
        StateType::Choice => CHOICE,
        StateType::Wait => WAIT,
        StateType::Succeed => SUCCEED,
        StateType::Fail => FAIL,
        StateType::Parallel => PARALLEL,
        StateType::Map => MAP,
    }
}

/// The types of states in the order AWS lists them.
pub(crate) const TYPES: [(&str, StateType); 8] = [
    ("Task", StateType::Task),
    ("Wait", StateType::Wait),
    ("Pass", StateType::Pass),
    ("Succeed", StateType::Succeed),
    ("Fail", StateType::Fail),
    ("Choice", StateType::Choice),
    ("Parallel", StateType::Parallel),
    ("Map", StateType::Map),
];

const fn any(name: &'static str, types: u16) -> StateField {
    StateField { name, language: Language::Any, types }
}

const fn path(name: &'static str, types: u16) -> StateField {
    StateField { name, language: Language::JsonPath, types }
}

const fn jsonata(name: &'static str, types: u16) -> StateField {
    StateField { name, language: Language::Jsonata, types }
}

/// All fields of all state types.
#[rustfmt::skip]
pub(crate) const STATE: &[StateField] = &[
    any("Type", ALL),
    any("Comment", ALL),
    any("QueryLanguage", ALL),
    any("Next", MOVING),
    any("End", MOVING),
    any("Assign", MOVING | CHOICE),
    path("InputPath", ALL & !FAIL),
    path("OutputPath", ALL & !FAIL),
    path("Parameters", PASS | WORKING),
    path("ResultSelector", WORKING),
    path("ResultPath", PASS | WORKING),
    jsonata("Arguments", TASK | PARALLEL),
    jsonata("Output", ALL & !FAIL),
    any("Retry", WORKING),
    any("Catch", WORKING),
    // Pass
    path("Result", PASS),
    // Task
    any("Resource", TASK),
    any("Credentials", TASK),
    any("TimeoutSeconds", TASK),
    path("TimeoutSecondsPath", TASK),
    any("HeartbeatSeconds", TASK),
    path("HeartbeatSecondsPath", TASK),
    // Choice
    any("Choices", CHOICE),
    any("Default", CHOICE),
    // Wait
    any("Seconds", WAIT),
    path("SecondsPath", WAIT),
    any("Timestamp", WAIT),
    path("TimestampPath", WAIT),
    // Fail
    any("Error", FAIL),
    path("ErrorPath", FAIL),
    any("Cause", FAIL),
    path("CausePath", FAIL),
    // Parallel
    any("Branches", PARALLEL),
    // Map
    any("ItemProcessor", MAP),
    any("Iterator", MAP),
    path("ItemsPath", MAP),
    jsonata("Items", MAP),
    any("ItemSelector", MAP),
    any("MaxConcurrency", MAP),
    path("MaxConcurrencyPath", MAP),
    any("ItemReader", MAP),
    any("ItemBatcher", MAP),
    any("ResultWriter", MAP),
    any("ToleratedFailureCount", MAP),
    path("ToleratedFailureCountPath", MAP),
    any("ToleratedFailurePercentage", MAP),
    path("ToleratedFailurePercentagePath", MAP),
    any("Label", MAP),
];

/// A field of any other object.
pub(crate) type Field = (&'static str, Language);

/// The top level.
pub(crate) const MACHINE: &[Field] = &[
    ("Comment", Language::Any),
    ("QueryLanguage", Language::Any),
    ("StartAt", Language::Any),
    ("States", Language::Any),
    ("TimeoutSeconds", Language::Any),
    ("Version", Language::Any),
];
/// One of a Parallel's `Branches`.
pub(crate) const BRANCH: &[Field] =
    &[("Comment", Language::Any), ("StartAt", Language::Any), ("States", Language::Any)];
/// A Map's `ItemProcessor` or `Iterator`.
pub(crate) const PROCESSOR: &[Field] = &[
    ("Comment", Language::Any),
    ("ProcessorConfig", Language::Any),
    ("StartAt", Language::Any),
    ("States", Language::Any),
];
/// `ProcessorConfig` in mode INLINE.
pub(crate) const PROCESSOR_CONFIG_INLINE: &[Field] = &[("Mode", Language::Any)];
/// `ProcessorConfig` in mode DISTRIBUTED.
pub(crate) const PROCESSOR_CONFIG: &[Field] = &[("Mode", Language::Any), ("ExecutionType", Language::Any)];
/// An entry of `Retry`.
pub(crate) const RETRIER: &[Field] = &[
    ("Comment", Language::Any),
    ("ErrorEquals", Language::Any),
    ("IntervalSeconds", Language::Any),
    ("MaxAttempts", Language::Any),
    ("BackoffRate", Language::Any),
    ("MaxDelaySeconds", Language::Any),
    ("JitterStrategy", Language::Any),
];
/// An entry of `Catch`.
pub(crate) const CATCHER: &[Field] = &[
    ("Comment", Language::Any),
    ("ErrorEquals", Language::Any),
    ("Next", Language::Any),
    ("ResultPath", Language::JsonPath),
    ("Output", Language::Jsonata),
    ("Assign", Language::Any),
];
/// `ItemReader`.
pub(crate) const ITEM_READER: &[Field] = &[
    ("Resource", Language::Any),
    ("Parameters", Language::JsonPath),
    ("Arguments", Language::Jsonata),
    ("ReaderConfig", Language::Any),
];
/// `ReaderConfig`.
pub(crate) const READER_CONFIG: &[Field] = &[
    ("InputType", Language::Any),
    ("ManifestType", Language::Any),
    ("Transformation", Language::Any),
    ("CSVDelimiter", Language::Any),
    ("CSVHeaderLocation", Language::Any),
    ("CSVHeaders", Language::Any),
    ("ItemsPointer", Language::Any),
    ("MaxItems", Language::Any),
    ("MaxItemsPath", Language::JsonPath),
];
/// `ItemBatcher`.
pub(crate) const ITEM_BATCHER: &[Field] = &[
    ("MaxItemsPerBatch", Language::Any),
    ("MaxItemsPerBatchPath", Language::JsonPath),
    ("MaxInputBytesPerBatch", Language::Any),
    ("MaxInputBytesPerBatchPath", Language::JsonPath),
    ("BatchInput", Language::Any),
];
/// `ResultWriter`.
pub(crate) const RESULT_WRITER: &[Field] = &[
    ("Resource", Language::Any),
    ("Parameters", Language::JsonPath),
    ("Arguments", Language::Jsonata),
    ("WriterConfig", Language::Any),
];
/// `WriterConfig`.
pub(crate) const WRITER_CONFIG: &[Field] = &[("Transformation", Language::Any), ("OutputType", Language::Any)];

/// The state types that have a field, for advice: `Task, Parallel, Map`.
pub(crate) fn owners(name: &str) -> Vec<&'static str> {
    let types = STATE.iter().find(|field| field.name == name).map_or(0, |field| field.types);
    TYPES.iter().filter(|(_, state_type)| types & bit(*state_type) != 0).map(|(name, _)| *name).collect()
}
