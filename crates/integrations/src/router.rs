//! Finds the integration of a Task's resource.

use std::sync::Arc;

use stepwell_asl::definition::{Pattern, Target};
use stepwell_engine::{Answer, BoxFuture, Call, Dispatcher, Handle};
use stepwell_interpreter::{FailedStage, Failure};

use crate::lambda::Lambda;
use crate::lambda_task;
use crate::mock::Mock;
use crate::step_functions::{self, StepFunctionsApi};

/// All integrations.
#[derive(Clone)]
pub struct Router {
    mock: Option<Mock>,
    lambda: Lambda,
    api: Arc<dyn StepFunctionsApi>,
    engine: Handle,
}

impl Router {
    /// Makes a router over these functions, this Step Functions API (our own) and this engine.
    pub fn new(lambda: Lambda, api: Arc<dyn StepFunctionsApi>, engine: Handle) -> Router {
        Router { mock: None, lambda, api, engine }
    }

    /// The same with a mock configuration, which answers first.
    pub fn with_mock(self, mock: Option<Mock>) -> Router {
        Router { mock, ..self }
    }

    async fn route(self, call: Call, attempt: Option<u32>) -> Answer {
        if let Some(mock) = &self.mock
            && let Some(answer) = mock.answer(&self.engine, &call, attempt).await
        {
            return answer;
        }
        if let (Some(before), true) = (&call.request.submitted, waits_for_token(&call)) {
            return Answer::Submitted(before.clone()); // made before a restart; the callback is still to come
        }
        match &call.request.resource.target {
            Target::LambdaFunction => lambda_task::call_function(&self.lambda, &call).await,
            Target::Activity => Answer::failed(Failure::new("States.Runtime", "activities are not called")),
            Target::Integration { service, action, .. } => match (&**service, &**action) {
                ("lambda", "invoke") => lambda_task::invoke(&self.lambda, &call).await,
                ("states", "startExecution") => step_functions::start_execution(&*self.api, &self.engine, &call).await,
                ("aws-sdk:sfn", action) => step_functions::call_sdk(&*self.api, action, &call).await,
                _ => unavailable(&call),
            },
        }
    }
}

impl Dispatcher for Router {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        let attempt = self.mock.as_ref().and_then(|mock| mock.note(&self.engine, &call));
        Box::pin(self.clone().route(call, attempt))
    }
}

fn waits_for_token(call: &Call) -> bool {
    matches!(call.request.resource.target, Target::Integration { pattern: Pattern::WaitForTaskToken, .. })
}

/// An integration that this version does not have: the task fails and says so.
fn unavailable(call: &Call) -> Answer {
    let arn = &call.request.resource.arn;
    let cause = format!(
        "The integration '{arn}' is not available in this version of Stepwell. Available: Lambda functions, arn:aws:states:::lambda:invoke, activities, arn:aws:states:::states:startExecution, arn:aws:states:::aws-sdk:sfn:*."
    );
    Answer::Failed(Failure::new("Stepwell.IntegrationNotAvailable", cause), FailedStage::Schedule)
}
