//! Reading members of a request.

use std::sync::Arc;

use stepwell_value::Value;

use crate::ApiError;

/// A view of a request that [`crate::validate`] has accepted, so that types are right and required members are there.
/// A member that is `null` counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    body: &'a Value,
}

impl<'a> Request<'a> {
    /// Looks at a request, or at a structure inside one.
    pub fn new(body: &'a Value) -> Request<'a> {
        Request { body }
    }

    /// The request as it came.
    pub fn body(&self) -> &'a Value {
        self.body
    }

    /// The member, when it is there.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A required string.
    ///
    /// # Errors
    /// ValidationException when it is not there, in AWS's words.
    pub fn str(&self, name: &str) -> Result<&'a str, ApiError> {
        self.opt_str(name).ok_or_else(|| {
            ApiError::constraints(&[format!(
                "Value null at '{name}' failed to satisfy constraint: Member must not be null"
            )])
        })
    }

    /// An optional string.
    pub fn opt_str(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str)
    }

    /// An optional string that shares the request's memory.
    pub fn opt_text(&self, name: &str) -> Option<Arc<str>> {
        match self.get(name) {
            Some(Value::String(text)) => Some(Arc::clone(text)),
            _ => None,
        }
    }

    /// An optional integer.
    pub fn opt_i64(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    /// An optional number.
    pub fn opt_f64(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_number).map(stepwell_value::Number::as_f64)
    }

    /// An optional truth value.
    pub fn opt_bool(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// A truth value that is false unless it is given.
    pub fn flag(&self, name: &str) -> bool {
        self.opt_bool(name) == Some(true)
    }

    /// A structure inside the request.
    pub fn opt_structure(&self, name: &str) -> Option<Request<'a>> {
        self.get(name).filter(|value| value.as_object().is_some()).map(Request::new)
    }

    /// The items of a list; none when it is absent.
    pub fn list(&self, name: &str) -> &'a [Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], |items| items.as_slice())
    }

    /// The page size that `maxResults` asks for: absent and 0 mean the default.
    pub fn page_size(&self, default: usize) -> usize {
        let asked = self.opt_i64("maxResults").and_then(|asked| usize::try_from(asked).ok());
        asked.filter(|asked| *asked > 0).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use stepwell_value::Value;

    #[test]
    fn members() {
        let body = Value::parse(r#"{"a":"x","n":3,"z":0,"t":true,"l":["p"],"s":{"b":"y"},"o":null,"f":1.5}"#).unwrap();
        let request = Request::new(&body);
        assert_eq!(request.str("a"), Ok("x"));
        assert_eq!(
            request.str("o").unwrap_err().message,
            "1 validation error detected: Value null at 'o' failed to satisfy constraint: Member must not be null"
        );
        assert!(!request.has("o"));
        assert_eq!(request.opt_i64("n"), Some(3));
        assert_eq!(request.opt_f64("f"), Some(1.5));
        assert!(request.flag("t") && !request.flag("x"));
        assert_eq!(request.list("l").len(), 1);
        assert_eq!(request.list("x").len(), 0);
        assert_eq!(request.opt_structure("s").and_then(|inner| inner.opt_str("b")), Some("y"));
        let page = |body: &str| Request::new(&Value::parse(body).unwrap()).page_size(100);
        assert_eq!((page("{}"), page(r#"{"maxResults":0}"#), page(r#"{"maxResults":7}"#)), (100, 100, 7));
    }
}
