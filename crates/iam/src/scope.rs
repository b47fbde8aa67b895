//! What a signing key is good for.

use std::fmt;

/// `20150830/us-east-1/states/aws4_request`: a day, a region and a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialScope {
    /// `20150830`.
    pub date: String,
    /// `us-east-1`.
    pub region: String,
    /// `states`.
    pub service: String,
}

impl CredentialScope {
    /// Takes `ACCESS_KEY/DATE/REGION/SERVICE/aws4_request` apart: access key and scope. An access key may hold slashes.
    pub(crate) fn of_credential(credential: &str) -> Option<(String, CredentialScope)> {
        let mut parts = credential.rsplitn(5, '/');
        let (terminator, service, region, date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key = parts.next()?;
        let is_complete = [access_key, date, region, service].iter().all(|part| !part.is_empty());
        if terminator != "aws4_request" || !is_complete {
            return None;
        }
        let scope = CredentialScope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() };
        Some((access_key.to_owned(), scope))
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::CredentialScope;

    #[test]
    fn credentials() {
        let (key, scope) = CredentialScope::of_credential("AKID/20150830/us-east-1/states/aws4_request").unwrap();
        assert_eq!((key.as_str(), scope.region.as_str(), scope.service.as_str()), ("AKID", "us-east-1", "states"));
        assert_eq!(scope.to_string(), "20150830/us-east-1/states/aws4_request");
        let (key, _) = CredentialScope::of_credential("a/b/20150830/us-east-1/states/aws4_request").unwrap();
        assert_eq!(key, "a/b");
        for bad in
            ["", "AKID", "AKID/20150830/us-east-1/states/aws3_request", "/20150830/us-east-1/states/aws4_request"]
        {
            assert_eq!(CredentialScope::of_credential(bad), None, "{bad}");
        }
    }
}
