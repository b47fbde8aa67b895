//! Execution names made by Stepwell: they look like a random UUID and hide the execution's key, so that they need no
//! entry in the name index.

use stepwell_store::ExecutionKey;
use stepwell_value::uuid;

use crate::keyed::mac;

/// Bits of the key that a name carries.
const KEY_BITS: u32 = 62;

/// The name of an execution with this key: a UUID of version 4.
pub fn generate(secret: &[u8; 32], key: ExecutionKey) -> String {
    let tag = tag(secret, key.0);
    let hidden = (key.0 ^ mask(secret, tag)) & ((1 << KEY_BITS) - 1);
    // A UUID has 122 free bits: 60 of the tag, 62 of the hidden key.
    let high = (tag & 0xFFFF_FFFF_FFFF_0000) | 0x4000 | (tag >> 4 & 0x0FFF);
    let low = 0x8000_0000_0000_0000 | hidden;
    uuid(high, low)
}

fn first_64_bits(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// The last part of an Express execution's ARN: a UUID that tells runs of the same name apart. Keys of what is not stored are
/// given out again after a restart, so that the incarnation of the engine (any random number) is part of it.
pub fn express_part(secret: &[u8; 32], incarnation: u64, key: ExecutionKey) -> String {
    let both = (u128::from(incarnation) << 64) | u128::from(key.0);
    let bytes = mac(secret, "express execution", &both.to_be_bytes());
    let (high, low) = (first_64_bits(&bytes), bytes.get(8..).map_or(0, first_64_bits));
    uuid((high & !0xF000) | 0x4000, (low & 0x0FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
}

/// The key in a name that [`generate`] made; `None` for any other name.
pub fn key_of(secret: &[u8; 32], name: &str) -> Option<ExecutionKey> {
    let groups: Vec<&str> = name.split('-').collect();
    let [_, _, _, four, five] = groups.as_slice() else { return None };
    let low = u64::from_str_radix(four, 16).ok()? << 48 | u64::from_str_radix(five, 16).ok()?;
    let one = u64::from_str_radix(groups.first()?, 16).ok()?;
    let two = u64::from_str_radix(groups.get(1)?, 16).ok()?;
    let three = u64::from_str_radix(groups.get(2)?, 16).ok()?;
    let tag = one << 32 | two << 16 | (three & 0x0FFF) << 4;
    let hidden = low & ((1 << KEY_BITS) - 1);
    let key = ExecutionKey((hidden ^ mask(secret, tag)) & ((1 << KEY_BITS) - 1));
    (generate(secret, key) == name).then_some(key)
}

/// 60 bits, the lowest four zero.
fn tag(secret: &[u8; 32], key: u64) -> u64 {
    let bytes = mac(secret, "execution name", &key.to_be_bytes());
    first_64_bits(&bytes) & !0xF
}

fn mask(secret: &[u8; 32], tag: u64) -> u64 {
    let bytes = mac(secret, "execution name mask", &tag.to_be_bytes());
    first_64_bits(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_random_and_give_the_key_back() {
        let secret = [1; 32];
        let mut seen = std::collections::BTreeSet::new();
        for key in (0..2000).chain([1 << 46, (1 << 47) - 1]) {
            let name = generate(&secret, ExecutionKey(key));
            assert_eq!(name.len(), 36);
            assert_eq!(&name[14..15], "4");
            assert!(seen.insert(name.clone()));
            assert_eq!(key_of(&secret, &name), Some(ExecutionKey(key)), "{name}");
            assert_eq!(key_of(&[2; 32], &name), None);
        }
        for other in ["my-run", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "", "----"] {
            assert_eq!(key_of(&secret, other), None);
        }
    }
}
