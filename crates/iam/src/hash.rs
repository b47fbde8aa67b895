//! SHA-256, HMAC and hexadecimal.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes in lower-case hexadecimal, as AWS writes payload hashes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hmac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length; the error cannot happen.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(bytes);
            mac.finalize().into_bytes().into()
        }
        Err(_) => [0; 32],
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}"); // writing to a String cannot fail
    }
    out
}

/// Compares in a time that does not depend on where the difference is.
pub(crate) fn same(one: &str, two: &str) -> bool {
    let differences = one.bytes().zip(two.bytes()).fold(0, |difference, (one, two)| difference | (one ^ two));
    one.len() == two.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::{hex, hmac, same, sha256_hex};

    #[test]
    fn known_values() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        // RFC 4231, case 2
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc") && !same("", "a"));
    }
}
