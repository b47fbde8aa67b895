//! The stored forms: what events, frames, contents, execution rows and registry records look like as bytes, the same in
//! every backend.
//!
//! Core types are not `Serialize`; each form here is a separate type with a version, so that a change of a core type
//! never changes what is on disk unnoticed. The first byte of everything is the version of the format. A form that was
//! ever released is read for ever; a newer one is refused with [`crate::Error::TooNew`]. A form is changed by adding a
//! new version beside the old one, never by editing it.
//!
//! What it must not do: know where the bytes are kept; panic on any bytes.
//!
//! Start reading at [`envelope`] (the frame around all forms), then [`chunk`].

mod chunk;
mod envelope;
mod frame;
mod record;
mod role;
mod row;

#[cfg(any(test, feature = "contract"))]
pub use chunk::chunk_body;
pub use chunk::{chunk_ends, chunk_span, decode_chunk, encode_chunk};
pub use envelope::{DICTIONARY_ID, VERSION, decode_content, encode_content};
pub use frame::{decode_frame, encode_frame};
pub use record::{decode_record, encode_record, kind_number};
pub use row::{RowColumns, RowReader, decode_row, encode_row, name_hash, qualifier_hashes, status_number};

#[cfg(test)]
mod tests;
