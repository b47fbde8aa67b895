//! Which part of a string stands for itself in a JSON text: eight bytes are looked at in one go.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = ONES * 0x80;

/// How many bytes come before the first quote, backslash or control character (or the end).
pub(crate) fn length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let found = special(u64::from_le_bytes(*eight));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The highest bit of each of eight bytes that is special. Bits above the lowest one set may be wrong.
fn special(bytes: u64) -> u64 {
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes;
    let equal = |byte: u8| below(bytes ^ (ONES * u64::from(byte)), 1);
    (below(bytes, 0x20) | equal(b'"') | equal(b'\\')) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b'x'; 20];
                text[place] = byte;
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(length(&text), if is_special { place } else { 20 }, "{byte} at {place}");
                // Neither does what comes behind it hide it.
                text[place + 1..].fill(b'!');
                assert_eq!(length(&text), if is_special { place } else { 20 }, "{byte} at {place}");
            }
        }
        assert_eq!((length(b""), length("é\u{7f}\u{80}ü😀 ".as_bytes())), (0, 12));
    }
}
