//! What a token says, as a tree: names, values, what they mean, and where they stand.

use handfast::Time;
use handfast::crypto::Secret;
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::ops::Range;

/// A field, or a whole message.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The name that its specification gives it, snake_cased.
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Value,
    /// What the value stands for, in words or by its registered name.
    pub(crate) means: String,
    /// Where it stands: in the input, or in the plaintext that it was decrypted from.
    pub(crate) at: Option<Range<usize>>,
    /// What it is made of.
    pub(crate) fields: Vec<Node>,
    /// It was decrypted: positions in it count from its own beginning.
    pub(crate) plaintext: bool,
    /// The value says all that the fields say: text leaves them out, JSON does not.
    pub(crate) folded: bool,
    /// What is wrong with it.
    pub(crate) problem: Option<String>,
}

/// A field's value.
#[derive(Debug, Default)]
pub(crate) enum Value {
    /// None of its own: the fields are what there is.
    #[default]
    None,
    Number(i64),
    Boolean(bool),
    /// As the peer sent it; control characters are escaped where it is shown.
    Text(String),
    Time(Time),
    /// A set of flags: the bits, and their names.
    Flags(u64, Vec<String>),
    /// Opaque.
    Bytes(Vec<u8>),
    /// A key, or what may hold one.
    Hidden(Secret),
}

impl Node {
    pub(crate) fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Node { name: name.into(), ..Node::default() }
    }

    pub(crate) fn with(name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        Node { name: name.into(), value, ..Node::default() }
    }

    /// The same, with what it means.
    pub(crate) fn meaning(self, means: impl Into<String>) -> Self {
        Node { means: means.into(), ..self }
    }

    /// The same, and where it stands.
    pub(crate) fn at(self, at: Range<usize>) -> Self {
        Node { at: Some(at), ..self }
    }

    /// The field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field of this name, to change.
    pub(crate) fn field_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.fields.iter_mut().find(|field| field.name == name)
    }

    /// The number in the field of this name.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.field(name)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The text in the field of this name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.field(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its bytes, if it is made of bytes, and where they begin.
    pub(crate) fn bytes(&self) -> Option<(Vec<u8>, usize)> {
        match &self.value {
            Value::Bytes(bytes) => Some((bytes.clone(), self.at.as_ref().map_or(0, |at| at.start))),
            _ => None,
        }
    }

    /// Its bytes are not shown from here on.
    pub(crate) fn hide(&mut self) {
        if let Value::Bytes(bytes) = &mut self.value {
            self.value = Value::Hidden(Secret::new(std::mem::take(bytes)));
        }
    }

    /// The documented JSON: `name`, `value`, `means`, `at`, `plaintext`, `problem`, `fields`, each only where
    /// there is one.
    pub(crate) fn json(&self, show_keys: bool) -> Json {
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(self.name));
        self.value_json(show_keys, &mut object);
        if !self.means.is_empty() {
            object.insert("means".to_owned(), json!(self.means));
        }
        if let Some(at) = &self.at {
            object.insert("at".to_owned(), json!([at.start, at.end]));
        }
        if self.plaintext {
            object.insert("plaintext".to_owned(), json!(true));
        }
        if let Some(problem) = &self.problem {
            object.insert("problem".to_owned(), json!(problem));
        }
        if !self.fields.is_empty() {
            let fields: Vec<Json> = self.fields.iter().map(|field| field.json(show_keys)).collect();
            object.insert("fields".to_owned(), fields.into());
        }
        Json::Object(object)
    }

    fn value_json(&self, show_keys: bool, object: &mut Map<String, Json>) {
        let value = match &self.value {
            Value::None => return,
            Value::Number(number) => json!(number),
            Value::Boolean(boolean) => json!(boolean),
            Value::Text(text) => json!(text),
            Value::Time(time) => json!(time.to_string()),
            Value::Flags(bits, names) => {
                object.insert("flags".to_owned(), json!(names));
                json!(bits)
            }
            // What is decoded below is not said twice.
            Value::Bytes(_) if !self.fields.is_empty() => return,
            Value::Bytes(bytes) => json!(hex(bytes)),
            Value::Hidden(secret) if show_keys => json!(hex(secret.expose())),
            Value::Hidden(secret) => {
                object.insert("hidden".to_owned(), json!(secret.expose().len()));
                return;
            }
        };
        object.insert("value".to_owned(), value);
    }
}

/// Two hexadecimal digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What came from a peer, fit for a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidi(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Characters that make a terminal show others in another order, or not at all.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_is_not_dumped_as_well_and_keys_only_when_asked_for() {
        let mut token = Node::with("token", Value::Bytes(vec![1, 2])).at(4..6);
        assert_eq!(token.json(false), json!({"name": "token", "value": "0102", "at": [4, 6]}));
        token.fields.push(Node::with("key", Value::Hidden(Secret::new(vec![0xab]))));
        assert_eq!(token.json(false), json!({"name": "token", "at": [4, 6], "fields": [{"name": "key", "hidden": 1}]}));
        assert_eq!(token.json(true)["fields"][0], json!({"name": "key", "value": "ab"}));
    }

    #[test]
    fn terminals_are_spared() {
        assert_eq!(printable("a\u{1b}[2Jé\u{202e}x"), "a\\u{1b}[2Jé\\u{202e}x");
    }
}
