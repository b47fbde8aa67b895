//! Page tokens: where a listing goes on.
//!
//! A token is opaque to the client. It holds a cursor and the moment until which it may be used, and a MAC over both and
//! over what was listed (operation, filters), so that a token of another listing, another server or a typing hand is
//! refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use stepwell_value::Timestamp;

use crate::ApiError;
use crate::limits::PAGE_TOKEN_LIFETIME_SECONDS;

/// First byte of a token: its form.
const FORM: u8 = 1;
/// Bytes of the MAC that a token carries.
const MAC_BYTES: usize = 16;
/// Form and expiry.
const HEAD_BYTES: usize = 1 + 8;

/// Where a listing goes on, and until when one may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// What the listing needs to go on; its form is the listing's own.
    pub cursor: Vec<u8>,
    /// The moment from which the token is refused.
    pub expires: Timestamp,
}

impl PageToken {
    /// A token that may be used for 24 hours from now.
    pub fn new(cursor: impl Into<Vec<u8>>, now: Timestamp) -> PageToken {
        PageToken { cursor: cursor.into(), expires: now.plus_seconds(PAGE_TOKEN_LIFETIME_SECONDS) }
    }

    /// The text for `nextToken`. `listing` says what is listed (operation, account, filters); the same has to be said
    /// when the token comes back. `key` is the server's secret.
    pub fn encode(&self, key: &[u8], listing: &[&str]) -> String {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&self.expires.0.to_be_bytes());
        bytes.extend_from_slice(&self.cursor);
        let seal = mac(key, listing, &bytes);
        bytes.extend_from_slice(&seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that came back.
    ///
    /// # Errors
    /// InvalidToken for any text that [`PageToken::encode`] did not make with this key and listing, and for one that has
    /// expired.
    pub fn decode(text: &str, key: &[u8], listing: &[&str], now: Timestamp) -> Result<PageToken, ApiError> {
        let token = PageToken::open(text, key, listing).ok_or_else(ApiError::invalid_token)?;
        if now >= token.expires { Err(ApiError::invalid_token()) } else { Ok(token) }
    }

    fn open(text: &str, key: &[u8], listing: &[&str]) -> Option<PageToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sealed, seal) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        if !same(seal, &mac(key, listing, sealed)) {
            return None;
        }
        let (head, cursor) = sealed.split_at_checked(HEAD_BYTES)?;
        let (form, expires) = head.split_first()?;
        if *form != FORM {
            return None;
        }
        let expires = Timestamp(i64::from_be_bytes(expires.try_into().ok()?));
        Some(PageToken { cursor: cursor.to_vec(), expires })
    }
}

fn mac(key: &[u8], listing: &[&str], bytes: &[u8]) -> [u8; MAC_BYTES] {
    let mut short = [0; MAC_BYTES];
    // HMAC takes keys of any length; the error cannot happen.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return short };
    mac.update(&(listing.len() as u64).to_be_bytes());
    for part in listing {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(bytes);
    let full = mac.finalize().into_bytes();
    for (to, from) in short.iter_mut().zip(full.iter()) {
        *to = *from;
    }
    short
}

/// Compares in a time that does not depend on where the difference is.
fn same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |difference, (one, two)| difference | (one ^ two)) == 0
}

#[cfg(test)]
mod tests {
    use super::PageToken;
    use stepwell_value::Timestamp;

    const NOW: Timestamp = Timestamp(1_795_214_786_123);
    const LISTING: &[&str] = &["ListExecutions", "arn:aws:states:eu-west-1:123456789012:stateMachine:m", "FAILED"];

    #[track_caller]
    fn refuses(text: &str, key: &[u8], listing: &[&str], now: Timestamp) {
        let error = PageToken::decode(text, key, listing, now).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), ("InvalidToken", "Invalid Token: 'Invalid token'"));
    }

    #[test]
    fn a_token_comes_back() {
        for cursor in [&b""[..], b"x", &[0xff; 40]] {
            let token = PageToken::new(cursor, NOW);
            let text = token.encode(b"key", LISTING);
            assert!(text.len() < 1024);
            assert_eq!(PageToken::decode(&text, b"key", LISTING, NOW), Ok(token.clone()));
            assert_eq!(PageToken::decode(&text, b"key", LISTING, NOW.plus_seconds(86_399)), Ok(token));
        }
    }

    #[test]
    fn other_tokens_are_refused() {
        let text = PageToken::new(*b"cursor", NOW).encode(b"key", LISTING);
        refuses(&text, b"other key", LISTING, NOW);
        refuses(&text, b"key", &["ListExecutions"], NOW);
        refuses(&text, b"key", LISTING, NOW.plus_seconds(86_400));
        refuses("InvalidToken", b"key", LISTING, NOW);
        refuses("", b"key", LISTING, NOW);
        refuses("ü", b"key", LISTING, NOW);
        for at in 0..text.len() {
            let mut changed: Vec<char> = text.chars().collect();
            changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
            refuses(&changed.into_iter().collect::<String>(), b"key", LISTING, NOW);
        }
    }
}
