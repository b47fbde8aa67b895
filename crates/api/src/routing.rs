//! The routing of an alias: which versions get which share of its executions. Also: finding an alias.

use stepwell_engine::{Handle, Scope, registry};
use stepwell_model::arn::StateMachineArn;
use stepwell_model::{ApiError, InvalidReason, Request};
use stepwell_store::record::{AliasRecord, MachineRecord};

use crate::call::Call;
use crate::lookup;
use crate::wire::store_failure;

/// `routingConfiguration`, checked as far as that goes without looking at the machine.
pub(crate) struct Routing {
    /// The machine that all versions are of.
    pub machine: StateMachineArn,
    routes: Vec<(u64, u32)>,
}

impl Routing {
    /// Reads it from a request.
    ///
    /// # Errors
    /// ValidationException (recorded: test_error_create_alias_invalid_router_configs), InvalidArn.
    pub fn of(call: &Call<'_>) -> Result<Routing, ApiError> {
        let items: Vec<Request> = call.request.list("routingConfiguration").iter().map(Request::new).collect();
        let texts = items.iter().map(|item| item.str("stateMachineVersionArn")).collect::<Result<Vec<&str>, _>>()?;
        let arns = texts.iter().map(|text| StateMachineArn::parse(text)).collect::<Result<Vec<_>, _>>()?;
        arns.iter().zip(&texts).try_for_each(|(arn, text)| call.check_scope(&arn.scope, text))?;
        let versions: Vec<u64> = arns.iter().filter_map(StateMachineArn::version).collect();
        let Some(machine) = arns.first().map(StateMachineArn::unqualified).filter(|_| versions.len() == arns.len())
        else {
            return Err(ApiError::routing_names_no_versions(&texts));
        };
        if texts.iter().enumerate().any(|(index, text)| texts.iter().take(index).any(|before| before == text)) {
            return Err(ApiError::routing_repeats_versions(&texts));
        }
        if arns.iter().any(|arn| arn.unqualified() != machine) {
            return Err(ApiError::validation_because(
                InvalidReason::InvalidRoutingConfiguration,
                format!(
                    "Routing configuration must contain versions of one state machine. Received: [{}]",
                    texts.join(", ")
                ),
            ));
        }
        let weights: Vec<i64> = items.iter().map(|item| item.opt_i64("weight").unwrap_or(0)).collect();
        if weights.iter().sum::<i64>() != 100 {
            return Err(ApiError::routing_weights(&weights));
        }
        let weights = weights.iter().map(|weight| u32::try_from(*weight).unwrap_or(0)); // the model allows 0 to 100
        Ok(Routing { machine, routes: versions.into_iter().zip(weights).collect() })
    }

    /// The routes, all of whose versions exist.
    ///
    /// # Errors
    /// ResourceNotFound.
    pub fn existing(
        self,
        engine: &Handle,
        scope: &Scope,
        machine: &MachineRecord,
    ) -> Result<Vec<(u64, u32)>, ApiError> {
        for (number, _) in &self.routes {
            let found = registry::version(&**engine.store(), scope, machine.key, *number).map_err(store_failure)?;
            found.ok_or_else(ApiError::referenced_resource_not_found)?;
        }
        Ok(self.routes)
    }
}

/// The machine and the alias that `stateMachineAliasArn` names.
///
/// # Errors
/// ResourceNotFound (recorded: test_update_no_such_alias_arn), InvalidArn, ValidationException.
pub(crate) fn alias_of(call: &Call<'_>) -> Result<(Scope, MachineRecord, AliasRecord), ApiError> {
    let arn = call.machine_arn("stateMachineAliasArn")?;
    let Some(name) = arn.alias() else {
        return Err(ApiError::validation(format!("'{arn}' is not the ARN of a state machine alias")));
    };
    let (store, scope) = (&**call.engine().store(), lookup::scope(&arn.scope));
    let machine = registry::machine(store, &scope, &arn.name).map_err(store_failure)?;
    let machine = machine.ok_or_else(ApiError::referenced_resource_not_found)?;
    let alias = registry::alias(store, &scope, machine.key, name).map_err(store_failure)?;
    Ok((scope, machine, alias.ok_or_else(ApiError::referenced_resource_not_found)?))
}
