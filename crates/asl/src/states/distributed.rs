//! Map in mode DISTRIBUTED: where items come from, how they are grouped, where results go.

use std::sync::Arc;

use stepwell_query::{Jsonata, Template};
use stepwell_value::Value;
use stepwell_value::json::Spanned;

use crate::definition::{Amount, Distributed, ItemBatcher, ItemReader, ResultWriter};
use crate::expression::{Range, Sees, is_delimited};
use crate::fields;
use crate::location::At;
use crate::site::Site;

/// How long a `Label` may be, in characters.
const LABEL_LENGTH_MAX: usize = 40;
/// What a `Label` may not contain, besides white space and control characters.
const LABEL_FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

const COUNT: Range = Range { min: 0, max: None, context: false };
const MAX_ITEMS: Range = Range { min: 0, max: Some(100_000_000), context: false };

/// The fields of the mode; that they have no effect in mode INLINE is the caller's to say.
pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Distributed {
    Distributed {
        express_children: false,
        child_definition: Arc::from(""),
        label: label(site, node, at),
        tolerated_failure_count: site.amount(node, at, "ToleratedFailureCount", "ToleratedFailureCountPath", COUNT),
        tolerated_failure_percentage: percentage(site, node, at),
        item_reader: node.get("ItemReader").map(Spanned::to_value),
        item_batcher: node.get("ItemBatcher").map(Spanned::to_value),
        result_writer: node.get("ResultWriter").map(Spanned::to_value),
        reader: reader(site, node, at).map(Box::new),
        batcher: batcher(site, node, at).map(Box::new),
        writer: writer(site, node, at).map(Box::new),
    }
}

/// The processor as a machine of its own, in the machine's query language.
pub(super) fn child_definition(processor: &Spanned, is_jsonata: bool) -> Arc<str> {
    let members = processor.members().iter().filter(|(key, _, _)| &**key != "ProcessorConfig");
    let members = members.map(|(key, _, member)| (Arc::clone(key), member.to_value()));
    let language = is_jsonata.then(|| (Arc::from("QueryLanguage"), Value::from("JSONata")));
    Arc::from(Value::object(language.into_iter().chain(members)).to_json())
}

/// `Label`: the end of the map run's name, unique in the machine.
fn label(site: &mut Site, node: &Spanned, at: &At) -> Option<Arc<str>> {
    let text = site.string(node, at, "Label")?;
    let span = node.get("Label").map_or(node.span, |member| member.span);
    let forbidden = |letter: char| letter.is_whitespace() || letter.is_control() || LABEL_FORBIDDEN.contains(letter);
    let fault = if text.is_empty() {
        Some("Label cannot be empty".to_owned())
    } else if text.chars().count() > LABEL_LENGTH_MAX {
        Some(format!("Label '{text}' exceeds the {LABEL_LENGTH_MAX}-character limit allowed by the service"))
    } else {
        text.chars().find(|letter| forbidden(*letter)).map(|letter| {
            format!("Label '{text}' contains the character '{}', which is not allowed", letter.escape_debug())
        })
    };
    let at = at.field("Label");
    if let Some(message) = fault {
        site.compiler.error("INVALID_LABEL_NAME", message, &at, span);
        return None;
    }
    if !site.compiler.labels.insert(Arc::clone(&text)) {
        site.compiler.error("DUPLICATE_LABEL_NAME", format!("Duplicate Label name: {text}"), &at, span);
    }
    Some(text)
}

/// `ToleratedFailurePercentage`: from 0 to 100, fractions allowed. A fraction is kept as the expression that makes it.
fn percentage(site: &mut Site, node: &Spanned, at: &At) -> Option<Amount> {
    const NAME: &str = "ToleratedFailurePercentage";
    const RANGE: Range = Range { min: 0, max: Some(100), context: false };
    let written = node.get(NAME).filter(|member| !member.as_str().is_some_and(is_delimited));
    let has_path = !site.is_jsonata() && node.get("ToleratedFailurePercentagePath").is_some();
    let Some(member) = written.filter(|_| !has_path) else {
        return site.amount(node, at, NAME, "ToleratedFailurePercentagePath", RANGE);
    };
    if site.misses_delimiter(member, &at.field(NAME)) {
        return None;
    }
    let number = site.decimal(node, at, NAME, 0.0, Some(100.0))?;
    match member.to_value().as_i64().and_then(|int| u64::try_from(int).ok()) {
        Some(int) => Some(Amount::Fixed(int)),
        None => Jsonata::parse(&number.to_string()).ok().map(Amount::Jsonata),
    }
}

/// `Parameters` or `Arguments` of a reader or writer.
fn parameters(site: &mut Site, node: &Spanned, at: &At) -> Option<Template> {
    let name = if site.is_jsonata() { "Arguments" } else { "Parameters" };
    site.template(node, at, name, Sees::INPUT)
}

/// The action of a `Resource` of S3: `getObject` of `arn:aws:states:::s3:getObject`.
fn s3_action(site: &mut Site, node: &Spanned, at: &At, actions: &[&str]) -> Option<Arc<str>> {
    let arn = site.text_field(node, at, "Resource")?;
    let action = arn
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":states:::s3:"))
        .map(|(_, action)| action)
        .filter(|action| actions.contains(action));
    if action.is_none() {
        let examples: Vec<String> =
            actions.iter().map(|action| format!("arn:<partition>:states:::s3:{action}")).collect();
        let message = format!(
            "The field 'Resource' does not match any of the allowed values. Examples: [{}]",
            examples.join(", ")
        );
        let span = node.get("Resource").map_or(node.span, |member| member.span);
        site.error(message, &at.field("Resource"), span);
    }
    action.map(Arc::from)
}

/// `ItemReader`
fn reader(site: &mut Site, node: &Spanned, at: &At) -> Option<ItemReader> {
    let reader = site.object_field(node, at, "ItemReader")?;
    let at = at.field("ItemReader");
    site.check_fields(reader, &at, fields::ITEM_READER);
    site.require(reader, &at, &["Resource"]);
    let action = s3_action(site, reader, &at, &["getObject", "listObjectsV2"]);
    let parameters = parameters(site, reader, &at);
    let (input_type, max_items) = reader_config(site, reader, &at);
    let config = reader.get("ReaderConfig").map(Spanned::to_value);
    Some(ItemReader { action: action?, parameters, input_type, max_items, config })
}

/// `ReaderConfig`; which of its fields belong to which `InputType` is as reported of AWS for CSV and JSON.
fn reader_config(site: &mut Site, reader: &Spanned, at: &At) -> (Option<Arc<str>>, Option<Amount>) {
    let Some(config) = site.object_field(reader, at, "ReaderConfig") else { return (None, None) };
    let at = at.field("ReaderConfig");
    site.check_fields(config, &at, fields::READER_CONFIG);
    let input_type = site.one_of(config, &at, "InputType", &["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"]);
    site.one_of(config, &at, "ManifestType", &["ATHENA_DATA", "S3_INVENTORY"]);
    site.one_of(config, &at, "Transformation", &["NONE", "LOAD_AND_FLATTEN"]);
    site.one_of(config, &at, "CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]);
    let headers = site.one_of(config, &at, "CSVHeaderLocation", &["FIRST_ROW", "GIVEN"]);
    site.array_field(config, &at, "CSVHeaders");
    site.text_field(config, &at, "ItemsPointer");
    let csv = matches!(input_type, Some("CSV"));
    if csv && config.get("CSVHeaderLocation").is_none() {
        site.error("The field 'CSVHeaderLocation' is required but was missing", &at, config.span);
    }
    if headers == Some("GIVEN") {
        site.require(config, &at, &["CSVHeaders"]);
    }
    if matches!(input_type, Some("JSON" | "JSONL" | "PARQUET")) {
        for (name, key, _) in config.members().iter().filter(|(name, _, _)| name.starts_with("CSV")) {
            site.error(format!("Field '{name}' is not supported"), &at, *key);
        }
    }
    let max_items = site.amount(config, &at, "MaxItems", "MaxItemsPath", MAX_ITEMS);
    (input_type.map(Arc::from), max_items)
}

/// `ItemBatcher`
fn batcher(site: &mut Site, node: &Spanned, at: &At) -> Option<ItemBatcher> {
    let batcher = site.object_field(node, at, "ItemBatcher")?;
    let at = at.field("ItemBatcher");
    site.check_fields(batcher, &at, fields::ITEM_BATCHER);
    Some(ItemBatcher {
        max_items_per_batch: site.amount(batcher, &at, "MaxItemsPerBatch", "MaxItemsPerBatchPath", COUNT),
        max_input_bytes_per_batch: site.amount(
            batcher,
            &at,
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
            COUNT,
        ),
        batch_input: site.template(batcher, &at, "BatchInput", Sees::INPUT),
    })
}

/// `ResultWriter`: a place in S3, a form, or both.
fn writer(site: &mut Site, node: &Spanned, at: &At) -> Option<ResultWriter> {
    let writer = site.object_field(node, at, "ResultWriter")?;
    let at = at.field("ResultWriter");
    site.check_fields(writer, &at, fields::RESULT_WRITER);
    let name = if site.is_jsonata() { "Arguments" } else { "Parameters" };
    let to_s3 = writer.get("Resource").is_some() || writer.get(name).is_some();
    if to_s3 {
        site.require(writer, &at, &["Resource", name]);
    } else if writer.get("WriterConfig").is_none() {
        site.error("Value cannot be empty", &at, writer.span);
    }
    s3_action(site, writer, &at, &["putObject"]);
    let parameters = parameters(site, writer, &at);
    let (mut transformation, mut output_type) = (None, None);
    if let Some(config) = site.object_field(writer, &at, "WriterConfig") {
        let at = at.field("WriterConfig");
        site.check_fields(config, &at, fields::WRITER_CONFIG);
        transformation = site.one_of(config, &at, "Transformation", &["NONE", "COMPACT", "FLATTEN"]).map(Arc::from);
        output_type = site.one_of(config, &at, "OutputType", &["JSON", "JSONL"]).map(Arc::from);
    }
    Some(ResultWriter { parameters, transformation, output_type })
}
