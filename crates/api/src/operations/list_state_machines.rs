//! ListStateMachines

use stepwell_store::RecordKind;
use stepwell_store::record::{MachineRecord, RecordBody};
use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::pages::Page;
use crate::wire::{Shape, date, text};
use crate::{lookup, machines};

/// Lists the machines of an account and region, by name (recorded: test_list_sms_pagination).
pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (engine, scope) = (call.engine(), lookup::scope(&call.scope()));
    let page = Page::of(call, &[])?;
    let mut found: Vec<MachineRecord> = Vec::new();
    let mut after = page.after_name()?.map(str::to_owned);
    loop {
        let wanted = page.to_read() - found.len();
        let records = lookup::records(engine, RecordKind::Machine, &scope, "", after.as_deref(), wanted)?;
        let is_last = records.len() < wanted;
        after = records.last().map(|record| record.name.to_string());
        for record in records {
            let RecordBody::Machine(machine) = record.body else { continue };
            let kept = if machine.deleting { machines::settle(engine, &scope, &machine.name).await? } else { Some(machine) };
            found.extend(kept);
        }
        if is_last || found.len() == page.to_read() {
            break;
        }
    }
    Ok(page.answer("stateMachines", found, |last| last.name.as_bytes().to_vec(), item))
}

fn item(machine: &MachineRecord) -> Value {
    Shape::new()
        .with("stateMachineArn", text(&machine.arn))
        .with("name", text(&machine.name))
        .with("type", if machine.express { "EXPRESS" } else { "STANDARD" })
        .with("creationDate", date(machine.created))
        .build()
}
