//! Finds the integration of a Task's resource.

use std::sync::Arc;

use stepwell_asl::definition::Target;
use stepwell_engine::{Answer, BoxFuture, Call, Dispatcher, Handle};
use stepwell_interpreter::{FailedStage, Failure};

use crate::lambda::Lambda;
use crate::lambda_task;
use crate::step_functions::{self, StepFunctionsApi};

/// All integrations.
#[derive(Clone)]
pub struct Router {
    lambda: Lambda,
    api: Arc<dyn StepFunctionsApi>,
    engine: Handle,
}

impl Router {
    /// Makes a router over these functions, this Step Functions API (our own) and this engine.
    pub fn new(lambda: Lambda, api: Arc<dyn StepFunctionsApi>, engine: Handle) -> Router {
        Router { lambda, api, engine }
    }

    async fn route(self, call: Call) -> Answer {
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
        Box::pin(self.clone().route(call))
    }
}

/// An integration that this version does not have: the task fails and says so.
fn unavailable(call: &Call) -> Answer {
    let arn = &call.request.resource.arn;
    let cause = format!(
        "The integration '{arn}' is not available in this version of Stepwell. Available: Lambda functions, arn:aws:states:::lambda:invoke, activities, arn:aws:states:::states:startExecution, arn:aws:states:::aws-sdk:sfn:*."
    );
    Answer::Failed(Failure::new("Stepwell.IntegrationNotAvailable", cause), FailedStage::Schedule)
}
