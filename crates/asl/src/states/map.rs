//! Map, in mode INLINE and what both modes share.

use stepwell_query::Template;
use stepwell_value::json::{Node, Spanned};

use super::distributed;
use crate::definition::{BlockId, Distributed, Items, MapState, QueryLanguage};
use crate::expression::{Range, Sees, is_delimited};
use crate::location::At;
use crate::site::Site;
use crate::{MachineType, fields};

const MAX_CONCURRENCY: Range = Range { min: 0, max: None, context: false };

pub(super) fn compile(site: &mut Site, node: &Spanned, at: &At) -> Option<MapState> {
    site.exactly_one(node, at, &["ItemProcessor", "Iterator"]);
    if !site.is_jsonata() {
        site.at_most_one(node, at, &["ItemSelector", "Parameters"]);
    }
    let items = items(site, node, at);
    let item_selector = item_selector(site, node, at);
    let max_concurrency = site.amount(node, at, "MaxConcurrency", "MaxConcurrencyPath", MAX_CONCURRENCY);
    let own = distributed::compile(site, node, at);
    let (processor, express_children) = processor(site, node, at)?;
    let distributed = express_children.map(|express_children| {
        let processor = node.get("ItemProcessor").or_else(|| node.get("Iterator"));
        let language = site.compiler.language == QueryLanguage::Jsonata;
        let child_definition =
            processor.map_or(own.child_definition.clone(), |node| distributed::child_definition(node, language));
        Distributed { express_children, child_definition, ..own }
    });
    if distributed.is_none() {
        warn_inline(site, node, at);
    }
    Some(MapState { processor, items, item_selector, max_concurrency, distributed })
}

/// `ItemsPath`, `Items`, or neither.
fn items(site: &mut Site, node: &Spanned, at: &At) -> Items {
    if !site.is_jsonata() {
        return site.reference(node, at, "ItemsPath").map_or(Items::Input, Items::Path);
    }
    let Some(member) = node.get("Items") else { return Items::Input };
    let field = at.field("Items");
    let literal = matches!(member.node, Node::Array(_) | Node::Object(_));
    if !literal && !member.as_str().is_some_and(is_delimited) && !site.misses_delimiter(member, &field) {
        let help = "give an array, an object, or a `{% … %}` expression that makes one".to_owned();
        site.error_with_help("Expected value of type Array", &field, member.span, Some(help));
        return Items::Input;
    }
    site.template(node, at, "Items", Sees::INPUT).map_or(Items::Input, Items::Template)
}

/// `ItemSelector`, or a legacy Map's `Parameters`.
fn item_selector(site: &mut Site, node: &Spanned, at: &At) -> Option<Template> {
    if site.is_jsonata() || node.get("ItemSelector").is_some() {
        return site.template(node, at, "ItemSelector", Sees::INPUT);
    }
    site.template(node, at, "Parameters", Sees::INPUT)
}

/// `ItemProcessor` or `Iterator`: its block, and in mode DISTRIBUTED whether the children are Express executions.
fn processor(site: &mut Site, node: &Spanned, at: &At) -> Option<(BlockId, Option<bool>)> {
    let name = if node.get("ItemProcessor").is_some() { "ItemProcessor" } else { "Iterator" };
    let processor = site.object_field(node, at, name)?;
    let at = at.field(name);
    site.check_fields(processor, &at, fields::PROCESSOR);
    site.text_field(processor, &at, "Comment");
    let express_children = config(site, processor, &at);
    let machine_type = match express_children {
        Some(true) => MachineType::Express,
        Some(false) => MachineType::Standard,
        None => site.scope.machine_type,
    };
    Some((site.block(processor, &at, machine_type), express_children))
}

/// `ProcessorConfig`
fn config(site: &mut Site, processor: &Spanned, at: &At) -> Option<bool> {
    let config = site.object_field(processor, at, "ProcessorConfig")?;
    let at = at.field("ProcessorConfig");
    let mode = site.one_of(config, &at, "Mode", &["INLINE", "DISTRIBUTED"]);
    if mode != Some("DISTRIBUTED") {
        site.check_fields(config, &at, fields::PROCESSOR_CONFIG_INLINE);
        return None;
    }
    site.check_fields(config, &at, fields::PROCESSOR_CONFIG);
    if site.scope.machine_type == MachineType::Express {
        let message = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines";
        let span = config.get("Mode").map_or(config.span, |member| member.span);
        site.error(message, &at.field("Mode"), span);
    }
    site.require(config, &at, &["ExecutionType"]);
    let execution_type = site.one_of(config, &at, "ExecutionType", &["STANDARD", "EXPRESS"]);
    Some(execution_type == Some("EXPRESS"))
}

/// Fields that only a Distributed Map has any use for: AWS accepts them in mode INLINE and does nothing with them.
fn warn_inline(site: &mut Site, node: &Spanned, at: &At) {
    const IDLE: [&str; 8] = [
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
        "Label",
    ];
    for (name, key, _) in node.members() {
        if IDLE.contains(&&**name) {
            let message = format!("'{name}' has no effect on a Map in mode INLINE");
            let help = "set `ProcessorConfig` to `{\"Mode\": \"DISTRIBUTED\", \"ExecutionType\": \"STANDARD\"}`";
            site.warn("DISTRIBUTED_ONLY_FIELD", message, at, *key, help);
        }
    }
}
