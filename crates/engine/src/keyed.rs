//! Keyed hashing for tokens and names.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA-256 of `purpose` and `data`; different purposes give independent values.
pub(crate) fn mac(secret: &[u8; 32], purpose: &str, data: &[u8]) -> [u8; 32] {
    // A key of any length is valid for HMAC, so the constructor cannot fail; an empty tag would never verify.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return [0; 32] };
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(data);
    mac.finalize().into_bytes().into()
}
