//! The probe: what a test gives the step beyond an execution, and what the step tells it.

use std::cell::RefCell;
use std::sync::Arc;

use stepwell_asl::definition::Distributed;
use stepwell_value::json::{Node, Spanned, parse_spanned};
use stepwell_value::{Payload, Value};

use super::inspection::{ErrorDetails, Inspection};
use super::reader;
use crate::problem::Problem;

/// A stage of the data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// After `InputPath`.
    InputPath,
    /// After `Parameters` or `Arguments`.
    Parameters,
    /// After `ItemSelector`: the inputs of all iterations.
    ItemSelector,
    /// The result.
    Result,
    /// After `ResultSelector`.
    ResultSelector,
    /// After `ResultPath`.
    ResultPath,
}

/// What a test gives the step, and what the step has told.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// The context object that stands for the execution's.
    pub context: Option<Payload>,
    /// What the item reader reads.
    reader_data: Option<Arc<str>>,
    told: RefCell<Told>,
}

/// What the step has told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The data after each stage.
    pub inspection: Inspection,
    /// How many items there are.
    items: usize,
}

impl Probe {
    /// A probe that nothing was told yet.
    pub fn new(context: Option<Payload>, reader_data: Option<Arc<str>>) -> Probe {
        Probe { context, reader_data, told: RefCell::default() }
    }

    /// What was told.
    pub fn into_told(self) -> Told {
        self.told.into_inner()
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        if let Ok(mut told) = self.told.try_borrow_mut() {
            change(&mut told);
        }
    }

    fn ask<T>(&self, question: impl FnOnce(&Told) -> T, otherwise: T) -> T {
        self.told.try_borrow().map_or(otherwise, |told| question(&told))
    }

    /// The data after a stage.
    pub fn report(&self, stage: Stage, data: &Payload) {
        self.tell(|told| {
            let shown = &mut told.inspection;
            let place = match stage {
                Stage::InputPath => &mut shown.after_input_path,
                Stage::Parameters => &mut shown.after_parameters,
                Stage::ItemSelector => &mut shown.after_item_selector,
                Stage::Result => &mut shown.result,
                Stage::ResultSelector => &mut shown.after_result_selector,
                Stage::ResultPath => &mut shown.after_result_path,
            };
            *place = Some(data.clone());
        });
    }

    /// The items of a Map, in the spelling they have where they were found: AWS shows them so (recorded:
    /// test_state_map_context_object).
    pub fn report_items(&self, items: &Value, input: &Payload) {
        let texts = self.context.iter().chain([input]).map(|payload| Arc::clone(payload.text()));
        let spelled = texts.into_iter().find_map(|text| spelling(&text, items));
        let shown = spelled.map_or_else(|| Payload::from_value(items.clone()), Payload::from_checked_text);
        self.tell(|told| {
            told.items = items.as_array().map_or(0, |items| items.len());
            told.inspection.after_items_path = Some(shown);
        });
    }

    /// `MaxConcurrency`, as the state asks for it.
    pub fn report_max_concurrency(&self, asked: u64) {
        self.tell(|told| told.inspection.max_concurrency = Some(asked));
    }

    /// `ToleratedFailureCount` and `ToleratedFailurePercentage`, where the state has them.
    pub fn report_tolerated(&self, count: Option<u64>, percentage: Option<f64>) {
        self.tell(|told| {
            told.inspection.tolerated_failure_count = count;
            told.inspection.tolerated_failure_percentage = percentage;
        });
    }

    /// What Retry and Catch make of an error.
    pub fn report_error(&self, details: ErrorDetails) {
        self.tell(|told| told.inspection.error_details = Some(details).filter(|details| !details.is_empty()));
    }

    /// How many failures the Map tolerates: their count, and their share in percent.
    pub fn tolerated(&self) -> (Option<u64>, Option<f64>) {
        let tolerated =
            |told: &Told| (told.inspection.tolerated_failure_count, told.inspection.tolerated_failure_percentage);
        self.ask(tolerated, (None, None))
    }

    /// How many items the Map has.
    pub fn items(&self) -> usize {
        self.ask(|told| told.items, 0)
    }

    /// The items that the item reader of a Map finds in what it was given to read.
    ///
    /// # Errors
    /// `States.ItemReaderFailed` when that is not of the form the reader expects.
    pub fn read_items(&self, distributed: &Distributed) -> Result<Value, Problem> {
        let read = reader::items(self.reader_data.as_deref(), distributed.reader.as_deref())?;
        self.tell(|told| {
            told.items = read.items.as_array().map_or(0, |items| items.len());
            told.inspection.after_items_pointer = read.pointed.map(Payload::from_value);
        });
        Ok(read.items)
    }
}

/// How an array inside a JSON text is spelled there.
fn spelling(text: &str, value: &Value) -> Option<String> {
    let root = parse_spanned(text).ok()?;
    let found = find(&root, value)?;
    text.get(found.span.start..found.span.end).map(str::to_owned)
}

fn find<'n>(node: &'n Spanned, value: &Value) -> Option<&'n Spanned> {
    match &node.node {
        Node::Object(members) => members.iter().find_map(|(_, _, inner)| find(inner, value)),
        Node::Array(_) if node.to_value() == *value => Some(node),
        Node::Array(items) => items.iter().find_map(|inner| find(inner, value)),
        Node::Scalar(_) => None,
    }
}
