//! Random ids: request ids and revision ids.

use std::cell::RefCell;

/// Random bytes that are fetched from the system at a time.
const BLOCK: usize = 1024;

thread_local! {
    static RANDOM: RefCell<(Vec<u8>, usize)> = const { RefCell::new((Vec::new(), 0)) };
}

/// A random UUID of version 4, in the usual spelling.
pub(crate) fn uuid() -> String {
    let random = random_128();
    stepwell_value::uuid_v4((random >> 64) as u64, random as u64)
}

/// 128 random bits, from a block of the system's randomness (a system call for each id would cost more than the id).
fn random_128() -> u128 {
    RANDOM.with_borrow_mut(|(block, used)| {
        if *used + 16 > block.len() {
            block.resize(BLOCK, 0);
            if getrandom::fill(block).is_err() {
                // Without the system's randomness ids are still unique in this process.
                let hasher = std::hash::BuildHasher::build_hasher(&std::hash::RandomState::new());
                let seed = std::hash::Hasher::finish(&hasher).to_be_bytes();
                block.iter_mut().zip(seed.iter().cycle()).for_each(|(to, from)| *to = *from);
                block.truncate(16);
            }
            *used = 0;
        }
        let bytes = block.get(*used..*used + 16).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; 16]);
        *used += 16;
        u128::from_be_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn uuids() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let id = uuid();
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
            assert!(seen.insert(id));
        }
    }
}
