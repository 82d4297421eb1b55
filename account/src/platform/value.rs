use std::{fmt, vec::IntoIter};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

use super::{Error, Result};

/// A value of SQLite's, as it is bound to a statement and as it comes in a plain row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// NULL
    Null,
    /// INTEGER. Below 2⁵³ they cross into JavaScript unharmed; times, lengths and counts are.
    Integer(i64),
    /// REAL
    Real(f64),
    /// TEXT
    Text(String),
}

impl Value {
    /// A count, a time or a length.
    pub fn whole(number: impl Into<u64>) -> Self {
        Self::Integer(i64::try_from(number.into()).unwrap_or(i64::MAX))
    }

    /// The same where there is one.
    pub fn maybe(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::Null, Self::whole)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// By hand: what serde makes of an untagged enum keeps a copy of everything first.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl Visitor<'_> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of SQLite's")
    }

    fn visit_unit<E: de::Error>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> std::result::Result<Value, E> {
        Ok(Value::whole(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> std::result::Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> std::result::Result<Value, E> {
        Ok(Value::Real(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
}

/// The rest of a plain row, read column by column.
pub struct Columns(IntoIter<Value>);

impl Columns {
    /// All of a row.
    pub fn of(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    /// A text, where there is one.
    pub fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number, where there is one.
    pub fn number(&mut self) -> Option<u64> {
        match self.0.next() {
            Some(Value::Integer(number)) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// What a text says; there must be one.
    pub fn needed<T>(&mut self, read: impl FnOnce(String) -> Option<T>) -> Result<T> {
        self.text().and_then(read).ok_or_else(|| Error::Unreadable("a row cannot be read".to_owned()))
    }

    /// The one of `all` that a text names.
    pub fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N], name: fn(T) -> &'static str) -> Option<T> {
        let text = self.text()?;
        all.into_iter().find(|one| name(*one) == text)
    }
}
