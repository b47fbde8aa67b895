//! One call of an operation, as the operation sees it.

use stepwell_engine::Handle;
use stepwell_model::arn::{ActivityArn, Arn, ExecutionArn, MapRunArn, Scope, StateMachineArn};
use stepwell_model::{ApiError, InvalidReason, Operation, Request};

use crate::access::Caller;
use crate::api::{Api, Config};

/// One call of an operation.
pub struct Call<'a> {
    pub(crate) api: &'a Api,
    /// Who calls.
    pub caller: &'a Caller,
    /// The request, which fits the service model.
    pub request: Request<'a>,
    /// The operation.
    pub operation: &'static Operation,
}

impl<'a> Call<'a> {
    /// The engine.
    pub(crate) fn engine(&self) -> &'a Handle {
        &self.api.engine
    }

    /// The settings.
    pub(crate) fn config(&self) -> &'a Config {
        &self.api.config
    }

    /// Where the caller makes resources.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(&self.caller.region, &self.caller.account)
    }

    /// The ARN of a state machine, a version or an alias in this member; a labelled one is refused, since there is no
    /// such thing but inside a Map Run.
    pub(crate) fn machine_arn(&self, member: &str) -> Result<StateMachineArn, ApiError> {
        self.machine_arn_in(self.request.str(member)?)
    }

    /// The same for a text that was a part of a member.
    pub(crate) fn machine_arn_in(&self, text: &str) -> Result<StateMachineArn, ApiError> {
        let arn = StateMachineArn::parse(text)?;
        self.check_scope(&arn.scope, text)?;
        if arn.label.is_some() {
            return Err(ApiError::validation_because(
                InvalidReason::ApiDoesNotSupportLabeledArns,
                format!("{} does not support the ARN of a Distributed Map's own state machine: '{text}'", self.name()),
            ));
        }
        Ok(arn)
    }

    /// The ARN of a Standard execution in this member.
    pub(crate) fn execution_arn(&self, member: &str) -> Result<ExecutionArn, ApiError> {
        let text = self.request.str(member)?;
        let arn = ExecutionArn::parse(text)?;
        self.check_scope(&arn.scope, text)?;
        Ok(arn)
    }

    /// The ARN of an activity in this member.
    pub(crate) fn activity_arn(&self, member: &str) -> Result<ActivityArn, ApiError> {
        let text = self.request.str(member)?;
        let arn = ActivityArn::parse(text)?;
        self.check_scope(&arn.scope, text)?;
        Ok(arn)
    }

    /// The ARN of a Map Run in this member.
    pub(crate) fn map_run_arn(&self, member: &str) -> Result<MapRunArn, ApiError> {
        let text = self.request.str(member)?;
        let arn = MapRunArn::parse(text)?;
        self.check_scope(&arn.scope, text)?;
        Ok(arn)
    }

    /// Any ARN of Step Functions in this member.
    pub(crate) fn any_arn(&self, member: &str) -> Result<Arn, ApiError> {
        let text = self.request.str(member)?;
        let arn = Arn::parse(text)?;
        self.check_scope(arn.scope(), text)?;
        Ok(arn)
    }

    /// There is nothing in a partition that does not have the region; resources of another account are out of reach for
    /// a caller who has proved who he is.
    pub(crate) fn check_scope(&self, scope: &Scope, resource: &str) -> Result<(), ApiError> {
        if !scope.is_consistent() {
            return Err(ApiError::invalid_arn(&format!("Invalid ARN partition: {resource}")));
        }
        match &self.caller.principal {
            Some(principal) if scope.account != self.caller.account => {
                Err(ApiError::access_denied(principal, &self.operation.action(), resource))
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        self.operation.name()
    }
}
