//! Tensors: JSON arrays of numbers, rewritten in one canonical form as they are read.
//!
//! Nothing is built in memory but the text itself: ten megabytes of `[1,1,…]` as a tree of values would be more than
//! an isolate has.

use std::fmt::Write as _;

use forebay_contract::ProblemCode;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::Refusal;

/// More dimensions than any model has.
const MAX_DEPTH: usize = 8;

/// The canonical text of a tensor: `1`, `1.0` and `1e0` are one number and have one digest.
pub(crate) fn canonical(json: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(json.len());
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = Element { out: &mut out, depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        Ok(()) if out.starts_with('[') => Ok(out),
        Ok(()) => Err(refuse("it must be an array")),
        Err(error) => Err(refuse(&error.to_string())),
    }
}

fn refuse(why: &str) -> Refusal {
    let why: String = why.chars().take(160).collect();
    Refusal::new(ProblemCode::InputInvalid, format!("the tensor is not nested arrays of numbers: {why}"))
}

/// A number or an array of elements.
struct Element<'a> {
    out: &'a mut String,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number or an array of numbers")
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        if !number.is_finite() {
            return Err(E::custom("a number is too large"));
        }
        // Adding zero turns -0 into 0: one number, one text.
        write!(self.out, "{}", number + 0.0).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if self.depth == MAX_DEPTH {
            return Err(A::Error::custom(format!("more than {MAX_DEPTH} dimensions")));
        }
        self.out.push('[');
        let mut first = true;
        loop {
            let mark = self.out.len();
            if !first {
                self.out.push(',');
            }
            if elements.next_element_seed(Element { out: self.out, depth: self.depth + 1 })?.is_none() {
                self.out.truncate(mark);
                break;
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(json: &str, expect: Option<&str>) {
        assert_eq!(canonical(json).ok().as_deref(), expect, "{json}");
    }

    #[test]
    fn numbers_have_one_form_and_nothing_else_is_taken() {
        check("[1, 1.0,1e0 , -0.0]", Some("[1,1,1,0]"));
        check(" [[0.5],[ ],[-2]] ", Some("[[0.5],[],[-2]]"));
        check("[]", Some("[]"));
        for json in ["", "1", "[1", "[1]x", "[\"1\"]", "[null]", "[true]", "[{}]", "[1e999]", "{}", "[NaN]"] {
            check(json, None);
        }
        check(&format!("{}1{}", "[".repeat(8), "]".repeat(8)), Some("[[[[[[[[1]]]]]]]]"));
        check(&format!("{}1{}", "[".repeat(9), "]".repeat(9)), None);
        check(&"[".repeat(1_000_000), None);
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back_as_the_same_numbers(numbers in prop::collection::vec(-1e15f64..1e15, 0..20)) {
            let text = canonical(&serde_json::to_string(&numbers).unwrap()).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<f64>>(&text).unwrap(), numbers);
            prop_assert_eq!(canonical(&text).unwrap(), text);
        }
    }
}
