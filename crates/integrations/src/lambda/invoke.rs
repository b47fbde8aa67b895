//! What goes into a call of a function and what comes out, whoever runs the function.

use std::sync::Arc;

use super::{function_ref::FunctionRef, local::LocalFunctions, remote::RemoteLambda};

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvocationType {
    /// Wait for the answer.
    #[default]
    RequestResponse,
    /// Start it and do not wait: the answer is 202 and empty.
    Event,
    /// Only look whether it could be called: the answer is 204 and empty.
    DryRun,
}

impl InvocationType {
    /// Reads the API's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::RequestResponse, Self::Event, Self::DryRun].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Gives the API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        }
    }
}

/// The optional parts of a call, as the Invoke API has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvokeOptions {
    /// How it is called.
    pub invocation_type: InvocationType,
    /// Whether the last 4 KiB of the log are wanted (`LogType: Tail`).
    pub log_tail: bool,
    /// The client context: base64 of a JSON object, at most 3,583 bytes.
    pub client_context: Option<String>,
    /// The version or alias, when it is not part of the function's name.
    pub qualifier: Option<String>,
    /// The X-Ray trace header of the caller; one is made up without it.
    pub trace_id: Option<String>,
}

/// What Lambda answered. A function that failed is an answer too: then `function_error` is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// The HTTP status: 200, 202 (Event) or 204 (DryRun).
    pub status_code: u16,
    /// The answer's text, byte for byte: JSON, unless the function broke that rule. Empty with 202 and 204.
    pub payload: String,
    /// `Unhandled` (or, from old runtimes, `Handled`) when the payload describes an error.
    pub function_error: Option<String>,
    /// The version that ran, as `X-Amz-Executed-Version`.
    pub executed_version: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// Base64 of the last 4 KiB of the log, when asked for.
    pub log_result: Option<String>,
    /// All headers, spelled as AWS spells them, in order.
    pub headers: Vec<(String, String)>,
}

/// A call that Lambda refused, or that did not reach Lambda.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Lambda.{code}: {message}")]
pub struct InvokeError {
    /// The API's error code without the service, for example `ResourceNotFoundException`; `SdkClientException` when no answer came.
    pub code: String,
    /// Lambda's message, without the words that an SDK adds.
    pub message: String,
    /// The HTTP status; 0 when no answer came.
    pub status_code: u16,
    /// The request's id; empty when no answer came.
    pub request_id: String,
    /// Seconds after which the call may be tried again, if the answer says.
    pub retry_after_seconds: Option<u64>,
}

impl InvokeError {
    /// Makes an error with a new request id.
    pub(super) fn new(code: &str, message: impl Into<String>, status_code: u16) -> Self {
        let request_id = if status_code == 0 { String::new() } else { crate::ids::request_id() };
        Self { code: code.to_owned(), message: message.into(), status_code, request_id, retry_after_seconds: None }
    }

    /// Says that there is no such function.
    pub(super) fn not_found(function: &FunctionRef) -> Self {
        Self::new("ResourceNotFoundException", format!("Function not found: {function}"), 404)
    }

    /// Gives the error's name as `lambda:invoke` reports it: `Lambda.ResourceNotFoundException`.
    pub fn name(&self) -> String {
        format!("Lambda.{}", self.code)
    }

    /// Gives the cause as the optimized integration `lambda:invoke` words it.
    ///
    /// Step Functions always asks for a version there, so that AWS's answer names `$LATEST` even if the state does not
    /// (recorded: error_handling/test_no_such_function).
    pub fn cause_of_invoke(&self) -> String {
        if self.status_code == 0 {
            return self.message.clone();
        }
        let Self { code, status_code, request_id, .. } = self;
        let message = self.message_with_version();
        format!(
            "{message} (Service: AWSLambda; Status Code: {status_code}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        )
    }

    /// Gives the cause as `aws-sdk:lambda:invoke` words it.
    pub fn cause_of_sdk(&self) -> String {
        if self.status_code == 0 {
            return self.message.clone();
        }
        let Self { message, status_code, request_id, .. } = self;
        format!("{message} (Service: Lambda, Status Code: {status_code}, Request ID: {request_id})")
    }

    fn message_with_version(&self) -> String {
        let unqualified =
            self.message.strip_prefix("Function not found: ").is_some_and(|arn| arn.split(':').count() == 7);
        if unqualified { format!("{}:$LATEST", self.message) } else { self.message.clone() }
    }
}

/// All functions that a Task can call: those of this machine first, then those of another Lambda API.
#[derive(Clone, Default)]
pub struct Lambda {
    local: Option<Arc<LocalFunctions>>,
    remote: Option<Arc<RemoteLambda>>,
}

impl Lambda {
    /// Joins the two sources of functions. Without any, every function is unknown.
    pub fn new(local: Option<Arc<LocalFunctions>>, remote: Option<Arc<RemoteLambda>>) -> Self {
        Self { local, remote }
    }

    /// Gives the local functions, for listings and reloads.
    pub fn local(&self) -> Option<&Arc<LocalFunctions>> {
        self.local.as_ref()
    }

    /// Calls a function and waits for its answer.
    ///
    /// `payload` is the JSON text that the function gets as its event. A local function of that name wins over a remote one.
    /// Dropping the returned future does not stop a function that has begun, as in AWS.
    ///
    /// # Errors
    /// Gives [`InvokeError`] when the function could not be called. A function that was called and failed is `Ok`, with
    /// [`Invoked::function_error`] set.
    pub async fn invoke(
        &self,
        function: &FunctionRef,
        payload: &str,
        options: &InvokeOptions,
    ) -> Result<Invoked, InvokeError> {
        let function = qualified(function, options)?;
        if let Some(local) = self.local.as_ref().filter(|local| local.contains(&function.name)) {
            return local.invoke(&function, payload, options).await;
        }
        match &self.remote {
            Some(remote) => remote.invoke(&function, payload, options).await,
            None => Err(InvokeError::not_found(&function)),
        }
    }
}

/// Puts the qualifier of the options into the name.
fn qualified(function: &FunctionRef, options: &InvokeOptions) -> Result<FunctionRef, InvokeError> {
    let Some(qualifier) = &options.qualifier else { return Ok(function.clone()) };
    if function.qualifier.as_ref().is_some_and(|own| own != qualifier) {
        let message = "The derived qualifier from the function name does not match the specified qualifier.";
        return Err(InvokeError::new("InvalidParameterValueException", message, 400));
    }
    Ok(FunctionRef { qualifier: Some(qualifier.clone()), ..function.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Place;

    #[tokio::test]
    async fn an_unknown_function_is_refused_in_lambdas_words() {
        let function = FunctionRef::parse("no_such", &Place::default()).unwrap();
        let error = Lambda::default().invoke(&function, "{}", &InvokeOptions::default()).await.unwrap_err();
        let id = error.request_id.clone();
        assert_eq!(error.name(), "Lambda.ResourceNotFoundException");
        assert_eq!(
            error.cause_of_sdk(),
            format!(
                "Function not found: arn:aws:lambda:us-east-1:123456789012:function:no_such (Service: Lambda, Status Code: 404, Request ID: {id})"
            )
        );
        // recorded: error_handling/test_no_such_function
        assert_eq!(
            error.cause_of_invoke(),
            format!(
                "Function not found: arn:aws:lambda:us-east-1:123456789012:function:no_such:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: {id}; Proxy: null)"
            )
        );
    }

    #[test]
    fn two_qualifiers_have_to_agree() {
        let function = FunctionRef::parse("order:live", &Place::default()).unwrap();
        let with = |text: &str| InvokeOptions { qualifier: Some(text.into()), ..InvokeOptions::default() };
        assert_eq!(qualified(&function, &with("live")).unwrap(), function);
        assert_eq!(qualified(&function, &with("7")).unwrap_err().code, "InvalidParameterValueException");
    }
}
