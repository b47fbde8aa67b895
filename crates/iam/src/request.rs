//! A request as far as a signature covers it.

/// The body, or what is known of it.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Their SHA-256 in hexadecimal, computed by the caller; or `UNSIGNED-PAYLOAD`.
    Hash(&'a str),
}

/// A request, as received or as about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path as on the wire, escapes and all: `/`.
    pub path: &'a str,
    /// The query as on the wire, without `?`; empty when there is none.
    pub query: &'a str,
    /// Names (in any case) and values; `host` must be among them, as the client sent it.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Body<'a>,
}

impl<'a> SignedRequest<'a> {
    /// The value of a header; of the first one when there are several.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}
