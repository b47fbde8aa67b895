//! AWS Lambda: functions that run on this machine, functions behind another Lambda API endpoint, and one call for both.
//!
//! [`Lambda::invoke`] is the whole of it for the service integrations. [`LocalFunctions`] runs functions as warm child
//! processes over the Lambda Runtime API, so that any runtime made for Lambda works unchanged; [`RemoteLambda`] speaks the
//! public Invoke API. This room gives back what Lambda answers, with all headers; how Step Functions words that in a history
//! (`SdkHttpMetadata`, causes) is the business of its callers, except for the two texts of [`InvokeError`].
//!
//! Start reading in `invoke.rs` (what goes in and out), then `local.rs` → `pool.rs` → `worker.rs` → `runtime_api.rs`.

mod answer;
mod code;
mod config;
mod function_ref;
mod invoke;
mod local;
mod logs;
mod pool;
mod process;
mod remote;
mod runtime;
mod runtime_api;
mod worker;

#[cfg(test)]
mod tests;

pub use config::{ConfigError, FunctionSpec, declared, discover, found};
pub use function_ref::{FunctionRef, Place};
pub use invoke::{InvocationType, InvokeError, InvokeOptions, Invoked, Lambda};
pub use local::{LocalFunctions, LocalOptions};
pub use logs::{FunctionLogs, LogSink, LogStream};
pub use remote::{RemoteError, RemoteLambda, RequestToSign, Signer};
pub use runtime::Runtime;
