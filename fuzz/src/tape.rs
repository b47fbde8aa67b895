//! Bytes as a row of choices.

/// Reads choices off the bytes the fuzzer gives; when they are used up, every choice is the first one.
#[derive(Clone, Debug)]
pub struct Tape<'b> {
    bytes: &'b [u8],
}

impl<'b> Tape<'b> {
    /// A tape of these bytes.
    pub fn new(bytes: &'b [u8]) -> Tape<'b> {
        Tape { bytes }
    }

    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Whether a choice that comes up once in `in_how_many` comes up. Never at the end of the tape.
    pub fn rarely(&mut self, in_how_many: usize) -> bool {
        self.below(in_how_many) == in_how_many - 1
    }

    /// A number of 8 bytes, big endian.
    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// What is left.
    pub fn rest(&self) -> &'b [u8] {
        self.bytes
    }
}
