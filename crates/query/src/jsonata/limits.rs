//! How much one evaluation may take.

/// Limits of one evaluation.
///
/// AWS documents none. Measured answers of AWS name three: time, depth, and memory (a sequence of 873,782 numbers passes, one
/// of 873,783 is refused; a string of 2²² characters passes, one of 2²³ is refused).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time in milliseconds, after which an evaluation is tried once more. Ours: 1,000.
    pub timeout_millis: u64,
    /// Nested evaluations. Ours: 500; AWS counts differently and refuses at about 100.
    pub depth_max: usize,
    /// Items of a sequence. AWS's: 873,782.
    pub sequence_length_max: usize,
    /// Size of the result as text, in bytes, roughly counted. AWS's memory limit seen as bytes: 873,782 numbers of 8 bytes.
    pub result_bytes_max: usize,
}

impl Limits {
    /// The limits that expressions of state machines run under.
    pub const DEFAULT: Limits =
        Limits { timeout_millis: 1_000, depth_max: 500, sequence_length_max: 873_782, result_bytes_max: 6_990_256 };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}
