//! Keyed hashing for tokens and names, and mixing of bits where nobody has to be kept from guessing.

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

/// Bits that look random, of bits that do not: what SplitMix64 does to its counter.
pub(crate) fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
