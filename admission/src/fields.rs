//! A JSON object read field by field, without building what is not asked for.

use std::fmt;

use forebay_contract::ProblemCode;
use serde::de::{DeserializeOwned, Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::{error::Category, value::RawValue};

use super::{Refusal, refusal::quoted};

/// The values of the `known` fields of the object `json`; refuses unknown and doubled ones by name.
///
/// `what` names the object in refusals.
pub fn read<'a, const N: usize>(
    json: &'a str,
    what: &str,
    known: [&str; N],
) -> Result<[Option<&'a RawValue>; N], Refusal> {
    let mut found = [None; N];
    read_into(json, what, &known, &mut found)?;
    Ok(found)
}

/// In the bundle once, not once for each number of fields.
#[inline(never)]
fn read_into<'a>(json: &'a str, what: &str, known: &[&str], found: &mut [Option<&'a RawValue>]) -> Result<(), Refusal> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let mut complaint = None;
    let visitor = Fields { known, found, complaint: &mut complaint };
    let read = reader.deserialize_map(visitor).and_then(|()| reader.end());
    match (read, complaint) {
        (_, Some(complaint)) => Err(invalid(complaint)),
        (Ok(()), None) => Ok(()),
        (Err(error), None) if error.classify() == Category::Data => Err(invalid(format!("{what} must be an object"))),
        (Err(error), None) => Err(Refusal::new(ProblemCode::MalformedJson, error.to_string())),
    }
}

/// A body as the text that JSON is.
pub fn text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(without_mark(body))
        .map_err(|_| Refusal::new(ProblemCode::MalformedJson, "the body is not UTF-8"))
}

/// A body without the byte order mark that some programs begin their files with: it says UTF-8, and is no content.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// A field that may be missing or `null`.
pub fn given<T: DeserializeOwned>(raw: Option<&RawValue>, name: &str, what: &str) -> Result<Option<T>, Refusal> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| invalid(format!("`{name}` must be {what}")))
}

/// A field that must be there.
pub fn needed<T: DeserializeOwned>(raw: Option<&RawValue>, name: &str, what: &str) -> Result<T, Refusal> {
    given(raw, name, what)?.ok_or_else(|| invalid(format!("`{name}` is missing")))
}

/// The refusal of a field.
pub fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::InvalidField, detail)
}

struct Fields<'f, 'a> {
    known: &'f [&'f str],
    found: &'f mut [Option<&'a RawValue>],
    /// What is wrong, in words; beside the error itself because serde's own words would hold the whole field name.
    complaint: &'f mut Option<String>,
}

impl<'a> Visitor<'a> for Fields<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'a, str>>()? {
            let value = map.next_value()?;
            let slot = self.known.iter().position(|known| *known == name).and_then(|index| self.found.get_mut(index));
            let complaint = match slot {
                Some(slot @ None) => {
                    *slot = Some(value);
                    continue;
                }
                Some(Some(_)) => format!("{} is given twice", quoted(&name)),
                None => format!("unknown field {}; allowed are {}", quoted(&name), self.known.join(", ")),
            };
            *self.complaint = Some(complaint);
            return Err(A::Error::custom("refused"));
        }
        Ok(())
    }
}
