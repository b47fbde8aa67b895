//! AWS's API shapes as facts: operations, constraints, errors, ARNs, limits and page tokens of Step Functions.
//!
//! What this room is for: [`Operation`] knows the 37 operations and [`validate`]s their requests in AWS's words;
//! [`ApiError`] spells every error that Stepwell answers with; [`arn`] takes ARNs apart; [`limits`] names every limit;
//! [`token`] makes page tokens; [`service`] knows what other services answer; [`Request`] reads members of a request.
//!
//! What it must not do: it is pure (no input or output, clock, randomness, threads), and only the edge rooms import it.
//!
//! Start reading at [`Operation`] and [`validate`]. The facts come from the public service model; `cargo xtask model`
//! and `cargo xtask services` renew `facts/`.

pub mod arn;
mod error;
mod facts;
pub mod limits;
mod name;
mod pattern;
mod request;
mod sdk;
pub mod service;
pub mod token;
mod validate;

pub use error::{ApiError, InvalidReason, KmsKeyState};
pub use facts::{Operation, TARGET_PREFIX};
pub use limits::Limits;
pub use name::{check_name, is_name};
pub use request::Request;
pub use token::PageToken;
pub use validate::{validate, validate_within};
