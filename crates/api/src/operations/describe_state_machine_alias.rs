//! DescribeStateMachineAlias

use stepwell_value::Value;

use super::Answer;
use crate::call::Call;
use crate::machines::version_arn;
use crate::routing::alias_of;
use crate::wire::{Shape, count, date, text};

pub(crate) async fn run(call: &Call<'_>) -> Answer {
    let (_, machine, alias) = alias_of(call)?;
    let routes = alias.routing.iter().map(|(version, weight)| {
        Shape::new()
            .with("stateMachineVersionArn", version_arn(&machine, *version))
            .with("weight", count(u64::from(*weight)))
            .build()
    });
    Ok(Shape::new()
        .with("stateMachineAliasArn", format!("{}:{}", machine.arn, alias.name))
        .with("name", text(&alias.name))
        .with_some("description", alias.description.clone())
        .with("routingConfiguration", Value::array(routes))
        .with("creationDate", date(alias.created))
        .with("updateDate", date(alias.updated))
        .build())
}
