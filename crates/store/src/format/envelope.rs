//! The envelope around every stored form: version, codec, dictionary, checksum, then the body.
//!
//! ```text
//! byte 0      version of the format
//! byte 1      codec: 0 raw, 1 zstd with a dictionary
//! byte 2      dictionary id; 0 when raw
//! bytes 3–6   CRC-32 (little endian) of everything else
//! varints     the form's own head (a chunk: first event id, count)
//! varint      only with zstd: size of the body before compression, bytes
//! rest        the body
//! ```
//!
//! The version and the checksum stay where they are in every version to come: what does not fit its checksum is damaged,
//! what does may be too new.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use stepwell_value::Payload;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

use crate::Error;

/// The version of the stored forms that this version of Stepwell writes.
pub const VERSION: u8 = 1;

/// The dictionary new forms are compressed with. Each dictionary ever released stays in the source and keeps its number.
pub const DICTIONARY_ID: u8 = 1;

/// Made by `cargo run -p stepwell-store --features contract --example train_dictionary`; never replaced once released:
/// a better one becomes `dictionary_v2.bin` with id 2.
const DICTIONARY_1: &[u8] = include_bytes!("dictionary_v1.bin");

const RAW: u8 = 0;
const ZSTD: u8 = 1;

const CHECKSUM_AT: usize = 3;
const HEAD_AT: usize = 7;

/// Level 1: a better level costs more CPU than the bytes it saves.
const LEVEL: i32 = 1;

/// Bodies below this many bytes are not worth a try.
const COMPRESS_FROM_BYTES: usize = 64;

/// No body is larger; what claims to be is damaged. Guards against allocating what a damaged head says.
const BODY_BYTES_MAX: u64 = 1 << 30;

static ENCODER: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Whether a form is worth compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Never: small forms.
    Raw,
    /// When it shrinks.
    Zstd,
}

/// Puts a body into its envelope.
pub(super) fn seal(head: &[u64], body: &[u8], packing: Packing) -> Vec<u8> {
    let packed = match packing {
        Packing::Zstd if body.len() >= COMPRESS_FROM_BYTES => compress(body),
        _ => None,
    };
    let stored = packed.as_deref().unwrap_or(body);
    let (codec, dictionary) = if packed.is_some() { (ZSTD, DICTIONARY_ID) } else { (RAW, 0) };
    let mut out = Vec::with_capacity(HEAD_AT + 30 + stored.len());
    out.extend_from_slice(&[VERSION, codec, dictionary, 0, 0, 0, 0]);
    head.iter().for_each(|number| put_varint(&mut out, *number));
    if codec == ZSTD {
        put_varint(&mut out, body.len() as u64);
    }
    out.extend_from_slice(stored);
    let sum = checksum(&out).to_le_bytes();
    if let Some(place) = out.get_mut(CHECKSUM_AT..HEAD_AT) {
        place.copy_from_slice(&sum);
    }
    out
}

/// Takes a body out of its envelope: its head numbers and the body as it was sealed.
///
/// # Errors
/// [`Error::TooNew`] when the version or the dictionary is newer, [`Error::Damaged`] when anything else does not fit.
pub(super) fn open<'a, const HEAD: usize>(what: &str, bytes: &'a [u8]) -> Result<([u64; HEAD], Cow<'a, [u8]>), Error> {
    let (codec, dictionary, mut rest) = check(what, bytes)?;
    let short = || damaged(what, "it ends in its head");
    let mut head = [0; HEAD];
    for number in &mut head {
        *number = take_varint(&mut rest).ok_or_else(short)?;
    }
    let body = match codec {
        RAW => Cow::Borrowed(rest),
        ZSTD => {
            let size = take_varint(&mut rest).ok_or_else(short)?;
            Cow::Owned(decompress(what, dictionary, rest, size)?)
        }
        other => return Err(damaged(what, format!("codec {other} does not exist"))),
    };
    Ok((head, body))
}

/// The head numbers alone, without touching the body.
///
/// # Errors
/// As [`open`].
pub(super) fn open_head<const HEAD: usize>(what: &str, bytes: &[u8]) -> Result<[u64; HEAD], Error> {
    let (_, _, mut rest) = check(what, bytes)?;
    let mut head = [0; HEAD];
    for number in &mut head {
        *number = take_varint(&mut rest).ok_or_else(|| damaged(what, "it ends in its head"))?;
    }
    Ok(head)
}

/// Seals a value of a form.
///
/// # Errors
/// When the value cannot be written, which is a bug of the form.
pub(super) fn seal_form<T: Serialize>(what: &str, head: &[u64], form: &T, packing: Packing) -> Result<Vec<u8>, Error> {
    let body = postcard::to_stdvec(form).map_err(|error| Error::Backend(format!("cannot encode {what}: {error}")))?;
    Ok(seal(head, &body, packing))
}

/// Reads a form out of a body; all of the body must be used.
///
/// # Errors
/// [`Error::Damaged`] when it does not fit.
pub(super) fn read_form<'a, T: Deserialize<'a>>(what: &str, body: &'a [u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(body) {
        Ok((form, [])) => Ok(form),
        Ok((_, rest)) => Err(damaged(what, format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(damaged(what, error.to_string())),
    }
}

/// Reads the form a body begins with, and gives what follows it.
///
/// # Errors
/// [`Error::Damaged`] when it does not fit.
pub(super) fn read_first<'a, T: Deserialize<'a>>(what: &str, body: &'a [u8]) -> Result<(T, &'a [u8]), Error> {
    postcard::take_from_bytes(body).map_err(|error| damaged(what, error.to_string()))
}

/// The stored form of a content: JSON text, compressed when that helps.
pub fn encode_content(payload: &Payload) -> Vec<u8> {
    seal(&[], payload.text().as_bytes(), Packing::Zstd)
}

/// Reads a content.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn decode_content(bytes: &[u8]) -> Result<Payload, Error> {
    const WHAT: &str = "a content";
    let ([], body) = open(WHAT, bytes)?;
    let text = std::str::from_utf8(&body).map_err(|error| damaged(WHAT, error.to_string()))?;
    Ok(Payload::from_checked_text(Arc::<str>::from(text)))
}

/// An error of what does not decode.
pub(super) fn damaged(what: &str, why: impl Into<String>) -> Error {
    Error::Damaged { what: what.to_owned(), why: why.into() }
}

/// Length, checksum and version; gives codec, dictionary and the rest.
fn check<'a>(what: &str, bytes: &'a [u8]) -> Result<(u8, u8, &'a [u8]), Error> {
    let [version, codec, dictionary, a, b, c, d, rest @ ..] = bytes else {
        return Err(damaged(what, format!("it has only {} bytes", bytes.len())));
    };
    // First, so that a flipped bit of the version is damage of one record, and not a newer version's work, which keeps
    // the server from starting.
    let (found, stored) = (checksum(bytes), u32::from_le_bytes([*a, *b, *c, *d]));
    if found != stored {
        return Err(damaged(what, format!("checksum {found:08x} instead of {stored:08x}")));
    }
    if *version > VERSION {
        return Err(Error::TooNew { place: what.to_owned(), found: (*version).into(), known: VERSION.into() });
    }
    if *version == 0 {
        return Err(damaged(what, "version 0 does not exist"));
    }
    Ok((*codec, *dictionary, rest))
}

/// CRC-32 of everything but the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..CHECKSUM_AT).unwrap_or_default());
    hasher.update(bytes.get(HEAD_AT..).unwrap_or_default());
    hasher.finalize()
}

/// The compressed body; none when it does not shrink. Any trouble of the compressor means: store it raw.
fn compress(body: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = new_compressor().ok();
        }
        let packed = slot.as_mut()?.compress(body).ok()?;
        (packed.len() + 3 < body.len()).then_some(packed)
    })
}

/// Size, dictionary and checksum are in the envelope, not once more in zstd's own head.
fn new_compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&ENCODER)?;
    compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
    compressor.set_parameter(CParameter::DictIdFlag(false))?;
    compressor.set_parameter(CParameter::ChecksumFlag(false))?;
    Ok(compressor)
}

fn decompress(what: &str, dictionary: u8, packed: &[u8], size: u64) -> Result<Vec<u8>, Error> {
    if dictionary > DICTIONARY_ID {
        let place = format!("the dictionary of {what}");
        return Err(Error::TooNew { place, found: dictionary.into(), known: DICTIONARY_ID.into() });
    }
    if dictionary == 0 || size > BODY_BYTES_MAX {
        return Err(damaged(what, format!("it claims {size} bytes in dictionary {dictionary}")));
    }
    let mut body = Vec::new();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    body.try_reserve_exact(size).map_err(|error| damaged(what, format!("{size} bytes: {error}")))?;
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some(Decompressor::with_prepared_dictionary(&DECODER).map_err(|e| damaged(what, e.to_string()))?);
        }
        let Some(decompressor) = slot.as_mut() else { return Err(damaged(what, "no decompressor")) };
        decompressor.decompress_to_buffer(packed, &mut body).map_err(|error| damaged(what, error.to_string()))
    })?;
    if body.len() != size {
        return Err(damaged(what, format!("{} bytes instead of {size}", body.len())));
    }
    Ok(body)
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
