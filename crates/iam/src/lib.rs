//! Who is calling, and how we call: AWS Signature Version 4.
//!
//! What this room is for: [`Claim::of`] reads who says to have signed a request, so that the caller finds the secret,
//! the account and the region; [`Claim::verify`] checks the signature and the clock; [`Signer`] signs requests that
//! Stepwell makes itself.
//!
//! What it must not do: it is pure. Time is handed in; secrets are looked up by the caller; nothing is logged.
//!
//! Start reading at [`Claim`], then `canonical.rs`, which is the part that both sides share.

mod canonical;
mod claim;
mod date;
mod error;
mod hash;
mod request;
mod scope;
mod sign;

pub use canonical::PathStyle;
pub use claim::Claim;
pub use error::AuthError;
pub use hash::sha256_hex;
pub use request::{Body, SignedRequest};
pub use scope::CredentialScope;
pub use sign::{Signer, SigningKey};

/// The only algorithm that is understood.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
