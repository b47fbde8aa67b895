//! Page tokens, task tokens, ARNs, names and times.

use stepwell_engine::token::{TaskRef, decode, encode};
use stepwell_interpreter::FrameId;
use stepwell_model::arn::Arn;
use stepwell_model::{PageToken, is_name};
use stepwell_store::ExecutionKey;
use stepwell_value::Timestamp;

use crate::tape::Tape;

/// The key that tokens are made with here: the fuzzer sees them, and tries them.
const SECRET: [u8; 32] = *b"the key that tokens here are for";
/// A key that no token is ever made with.
const UNUSED: [u8; 32] = *b"nobody outside may know this key";
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const LISTING: [&str; 2] = ["ListExecutions", "123456789012"];

/// Reads a text as each kind of token (which it cannot be, not knowing the key) and as an ARN; makes tokens of the bytes and
/// reads them, whole and with a byte changed.
pub fn texts(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(decode(&UNUSED, text).is_none(), "a task token that nobody made");
        assert!(PageToken::decode(text, &UNUSED, &LISTING, NOW).is_err(), "a page token that nobody made");
        is_name(text);
        if let Ok(arn) = Arn::parse(text) {
            assert_eq!(arn.to_string(), text, "an ARN prints as it was written");
        }
    }
    made(bytes);
}

fn made(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let task = TaskRef {
        key: ExecutionKey(tape.number()),
        frame: FrameId(tape.number() as u32),
        epoch: u32::from(tape.byte()),
    };
    let (at, change) = (tape.byte(), tape.byte());
    let token = encode(&SECRET, task);
    assert_eq!(decode(&SECRET, &token), Some(task));
    let page = PageToken::new(tape.rest(), NOW);
    let page_token = page.encode(&SECRET, &LISTING);
    assert_eq!(PageToken::decode(&page_token, &SECRET, &LISTING, NOW), Ok(page));
    if let Some(changed) = changed(&token, at, change) {
        assert_ne!(decode(&SECRET, &changed), Some(task), "{changed}");
    }
    if let Some(changed) = changed(&page_token, at, change) {
        assert!(PageToken::decode(&changed, &SECRET, &LISTING, NOW).is_err(), "{changed}");
    }
}

/// The text with another character at a place; none when it stays the same.
fn changed(text: &str, at: u8, to: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let place = usize::from(at) % bytes.len();
    bytes[place] = to & 0x7f;
    String::from_utf8(bytes).ok().filter(|changed| changed != text)
}
