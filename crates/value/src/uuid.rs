//! The spelling of UUIDs.

/// 128 bits as a UUID of version 4: the six bits that tell version and variant are set, all others stay as they are.
pub fn uuid_v4(high: u64, low: u64) -> String {
    uuid(high & !0xF000 | 0x4000, low & !(0b11 << 62) | 0b10 << 62)
}

/// 128 bits in the usual spelling of a UUID: `3fa85f64-5717-4562-b3fc-2c963f66afa6`.
pub fn uuid(high: u64, low: u64) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(36);
    let bits = u128::from(high) << 64 | u128::from(low);
    for place in 0..32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        let digit = usize::from((bits >> (124 - 4 * place)) as u8 & 0xF);
        text.extend(DIGITS.get(digit));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{uuid, uuid_v4};

    #[test]
    fn spelling() {
        let (high, low) = (0x3fa8_5f64_5717_4562, 0xb3fc_2c96_3f66_afa6);
        assert_eq!(uuid(high, low), "3fa85f64-5717-4562-b3fc-2c963f66afa6");
        assert_eq!(uuid_v4(high, low), "3fa85f64-5717-4562-b3fc-2c963f66afa6");
        assert_eq!(uuid_v4(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
