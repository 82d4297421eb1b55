use std::{fmt, ops::Deref};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Error;

/// What the service answered: as a type, and all of it as JSON, with whatever a newer service says besides.
#[derive(Clone, PartialEq)]
pub struct Answer<T> {
    /// What this program knows of it.
    pub value: T,
    /// The answer as it came.
    pub json: Value,
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads the body of an answer; [`Error::Foreign`] where it is none of the service's.
    pub fn read(body: &[u8]) -> Result<Self, Error> {
        let json = serde_json::from_slice(body).map_err(|_| foreign("it is not JSON"))?;
        Self::of(json)
    }

    /// Takes JSON that was read already; [`Error::Foreign`] where it is none of the service's.
    pub fn of(json: Value) -> Result<Self, Error> {
        let value = T::deserialize(&json).map_err(|error| foreign(&error.to_string()))?;
        Ok(Self { value, json })
    }
}

/// Leaves out the JSON, which may hold a secret.
impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").field(&self.value).finish()
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

fn foreign(why: &str) -> Error {
    Error::Foreign(format!("the answer is not one of Forebay's: {why}"))
}
