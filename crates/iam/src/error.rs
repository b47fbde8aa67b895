//! Why a caller is not believed.

/// An error of authentication, as AWS JSON services answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthError {
    /// `InvalidSignatureException`.
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
    /// The HTTP status: 400, as services of the AWS JSON protocol answer (REST services: 403).
    pub http_status: u16,
}

impl AuthError {
    fn new(code: &'static str, message: impl Into<String>) -> AuthError {
        AuthError { code, message: message.into(), http_status: 400 }
    }

    /// The request is not signed at all.
    pub fn missing_token() -> AuthError {
        AuthError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// The access key or the session token is not known.
    pub fn unrecognized_client() -> AuthError {
        AuthError::new("UnrecognizedClientException", "The security token included in the request is invalid.")
    }

    /// A part of the signature is missing or malformed.
    pub fn incomplete(message: impl Into<String>) -> AuthError {
        AuthError::new("IncompleteSignatureException", message)
    }

    /// The signature does not prove what it should.
    pub fn invalid(message: impl Into<String>) -> AuthError {
        AuthError::new("InvalidSignatureException", message)
    }

    /// The signature is another one; AWS shows what it computed, so that the client's author can compare.
    pub(crate) fn mismatch(canonical_request: &str, string_to_sign: &str) -> AuthError {
        AuthError::invalid(format!(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for \
             this request should have been\n'{canonical_request}'\n\nThe String-to-Sign should have \
             been\n'{string_to_sign}'\n"
        ))
    }
}

impl std::fmt::Display for AuthError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for AuthError {}
