//! Writing XML.

/// Elements, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Xml(String);

impl Xml {
    /// No elements.
    pub fn new() -> Xml {
        Xml::default()
    }

    /// Adds an element that holds others.
    pub fn put(&mut self, name: &str, inner: Xml) -> &mut Xml {
        self.0.push_str(&format!("<{name}>{}</{name}>", inner.0));
        self
    }

    /// Adds an element that holds a text.
    pub fn put_text(&mut self, name: &str, text: &str) -> &mut Xml {
        self.put(name, Xml(escaped(text)))
    }

    /// Adds an element with others in it.
    pub fn with(mut self, name: &str, inner: Xml) -> Xml {
        self.put(name, inner);
        self
    }

    /// Adds an element with a text.
    pub fn with_text(mut self, name: &str, text: &str) -> Xml {
        self.put_text(name, text);
        self
    }

    /// Adds an element where there is a text for it.
    pub fn with_some(self, name: &str, text: Option<&str>) -> Xml {
        match text {
            Some(text) => self.with_text(name, text),
            None => self,
        }
    }

    /// Adds a list: an element `name` with an element `member` for each item.
    pub fn with_list(self, name: &str, items: impl IntoIterator<Item = Xml>) -> Xml {
        let mut list = Xml::new();
        for item in items {
            list.put("member", item);
        }
        self.with(name, list)
    }

    /// A text by itself: the inside of a `member`.
    pub fn of_text(text: &str) -> Xml {
        Xml(escaped(text))
    }

    /// The whole document: the elements inside `root`.
    pub fn document(self, root: &str, namespace: &str) -> String {
        format!("<{root} xmlns=\"{namespace}\">{}</{root}>\n", self.0)
    }
}

/// Characters that mean something are written as references; those that XML 1.0 does not have are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Xml;

    #[test]
    fn documents() {
        let list = ["a", "<&>\"\r\u{1}"].map(Xml::of_text);
        let inner = Xml::new().with_text("A", "1").with_some("B", None).with_list("L", list).with("E", Xml::new());
        assert_eq!(
            inner.document("R", "n"),
            "<R xmlns=\"n\"><A>1</A><L><member>a</member><member>&lt;&amp;&gt;&quot;&#13;\u{fffd}</member></L><E></E></R>\n"
        );
    }
}
