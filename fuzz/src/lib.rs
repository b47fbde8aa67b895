//! What the fuzz targets do with the bytes they are given: one module for each group of parsers and decoders, one function
//! for each target.
//!
//! A target fails by panicking: because the product does, or because an assertion here says what must hold (what was
//! printed reads back, what is refused is refused twice, …). The mains in `bin/` hand the bytes on and nothing else.
//!
//! Start reading at [`asl::json`].

pub mod asl;
pub mod expressions;
pub mod grow;
pub mod json;
pub mod requests;
pub mod run;
pub mod scope;
pub mod signature;
pub mod stored;
pub mod tape;
pub mod tokens;
