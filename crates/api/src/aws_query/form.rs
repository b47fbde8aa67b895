//! `application/x-www-form-urlencoded`: the parameters of a query request.

/// Parameters, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `NAME=VALUE&…`; what is no UTF-8 after decoding gets replacement characters.
    pub fn of(text: &str) -> Parameters {
        let mut parameters = Parameters::default();
        parameters.add(text);
        parameters
    }

    /// Adds those of another text.
    pub fn add(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.0.push((decoded(name), decoded(value)));
        }
    }

    /// The value of a parameter; of the first one when there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of a list of texts: `NAME.member.1`, `NAME.member.2` …
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|number: usize| self.get(&format!("{name}.member.{number}"))).collect()
    }

    /// The items of a list of pairs: `NAME.member.1.Key` with `NAME.member.1.Value`; a value that is not there is empty.
    pub fn pairs(&self, name: &str) -> Vec<(&str, &str)> {
        let pair = |number: usize| {
            let key = self.get(&format!("{name}.member.{number}.Key"))?;
            Some((key, self.get(&format!("{name}.member.{number}.Value")).unwrap_or("")))
        };
        (1..).map_while(pair).collect()
    }
}

/// `+` is a blank, `%41` a byte; a `%` that begins no escape stands for itself.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, escape(after)) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some((byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escape(after: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = after.split_at_checked(2)?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

/// Escapes all but the unreserved characters of RFC 3986, as IAM writes policy documents.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Parameters, escaped};

    #[test]
    fn forms() {
        let form =
            Parameters::of("Action=CreateRole&A=a+b%2Bc%&A=second&&E&Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9");
        assert_eq!(form.get("Action"), Some("CreateRole"));
        assert_eq!(form.get("A"), Some("a b+c%"));
        assert_eq!((form.get("E"), form.get("F")), (Some(""), None));
        assert_eq!(form.pairs("Tags"), [("k", "é")]);
        assert_eq!(Parameters::of("T.member.1=a&T.member.2=b&T.member.4=d").list("T"), ["a", "b"]);
        assert_eq!(Parameters::of("a=%ff%zz%").get("a"), Some("\u{fffd}%zz%"));
    }

    #[test]
    fn escapes() {
        assert_eq!(escaped("{\"a\": \"é~\"}"), "%7B%22a%22%3A%20%22%C3%A9~%22%7D");
    }
}
