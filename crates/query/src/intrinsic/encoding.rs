//! States.Base64Encode, States.Base64Decode and States.Hash.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use stepwell_value::Value;

use super::Arguments;

/// Reads Base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// States.Base64Encode(text). Recorded: test_base_64_encode.
pub(super) fn base64_encode(arguments: &Arguments<'_>) -> Result<Value, String> {
    Ok(Value::from(STANDARD.encode(arguments.short_text(0)?)))
}

/// States.Base64Decode(text). MIME: what is not of the alphabet, such as line ends, is passed over. Bytes that are no
/// UTF-8 become U+FFFD.
pub(super) fn base64_decode(arguments: &Arguments<'_>) -> Result<Value, String> {
    let is_of_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let text: Vec<u8> = arguments.short_text(0)?.bytes().filter(is_of_alphabet).collect();
    let bytes = LENIENT.decode(text).map_err(|error| format!("the text is not Base64: {error}"))?;
    Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned()))
}

/// States.Hash(text, algorithm): lower-case hexadecimal digits. Recorded: test_hash.
pub(super) fn hash(arguments: &Arguments<'_>) -> Result<Value, String> {
    let data = arguments.short_text(0)?.as_bytes();
    let digits = match arguments.text(1)? {
        "MD5" => hex(&Md5::digest(data)),
        "SHA-1" => hex(&Sha1::digest(data)),
        "SHA-256" => hex(&Sha256::digest(data)),
        "SHA-384" => hex(&Sha384::digest(data)),
        "SHA-512" => hex(&Sha512::digest(data)),
        other => {
            return Err(format!(
                "`{other}` is not a hashing algorithm; there are MD5, SHA-1, SHA-256, SHA-384, SHA-512"
            ));
        }
    };
    Ok(Value::from(digits))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
