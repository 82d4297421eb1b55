//! What an operation answers when it does not refuse.

use serde_json::{Map, Value, json};

use super::headers;

/// One status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    description: &'static str,
    content: Map<String, Value>,
    fields: &'static [&'static str],
}

impl Answer {
    /// Without a body.
    pub fn empty(status: u16, description: &'static str) -> Self {
        Self { status, description, content: Map::new(), fields: &[] }
    }

    /// JSON of this schema, with examples by name.
    pub fn json(status: u16, description: &'static str, schema: &Value, examples: &[(&str, Value)]) -> Self {
        let mut content = json!({ "schema": schema });
        for (name, value) in examples {
            content["examples"][*name] = json!({ "value": value });
        }
        Self::empty(status, description).or("application/json", content)
    }

    /// The same, or this media type.
    pub fn or(mut self, media_type: &str, content: Value) -> Self {
        self.content.insert(media_type.to_owned(), content);
        self
    }

    /// With these header fields, in the words of [`headers`].
    pub fn with(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let mut answer = json!({
            "description": self.description,
            "headers": headers::references(self.fields.iter().chain(&["X-Request-Id"])),
        });
        if !self.content.is_empty() {
            answer["content"] = self.content.clone().into();
        }
        answer
    }
}
