use std::fmt;

use forebay_contract::FailureCode;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::failure::Failure;

/// The numbers of a JSON array of `shape`, nested as the shape says or flat, row-major.
///
/// Read in one pass straight into floats: a generic JSON value would take sixteen times the memory of the text.
pub(super) fn prepare(payload: &[u8], shape: &[usize]) -> Result<Vec<f32>, Failure> {
    let count = shape.iter().product();
    // Not reserved at once: a short text must not make the worker reserve a large shape.
    let mut numbers = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(payload);
    let mut wrong = FailureCode::TensorInvalid;
    let level = Level { shape, depth: 0, count, numbers: &mut numbers, wrong: &mut wrong };
    let read = level.deserialize(&mut json).and_then(|_| json.end());
    if let Err(error) = read {
        let code = if is_beyond(&error, payload) { FailureCode::TensorNotFinite } else { wrong };
        let detail = format!("the tensor is not a JSON array of numbers of shape {shape:?}: {error}");
        return Err(Failure::new(code, detail));
    }
    if numbers.len() == count {
        Ok(numbers)
    } else {
        let detail = format!("the tensor has {} numbers; its shape {shape:?} has {count}", numbers.len());
        Err(Failure::new(FailureCode::TensorShape, detail))
    }
}

/// JSON has no name for NaN and infinity, but those who send them have; and a number may be beyond `f64`.
fn is_beyond(error: &serde_json::Error, payload: &[u8]) -> bool {
    if !error.is_syntax() {
        return false;
    }
    // The column is where reading stopped: at the name's beginning or one behind it.
    let line = payload.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let rest = line.get(error.column().saturating_sub(3)..).unwrap_or_default();
    let near = rest.get(..12).unwrap_or(rest);
    let named = |name: &[u8]| near.windows(name.len()).any(|found| found.eq_ignore_ascii_case(name));
    named(b"nan") || named(b"inf") || error.to_string().starts_with("number out of range")
}

/// What an element turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Number,
    Array,
}

/// Reads one value at `depth` arrays deep.
struct Level<'a> {
    shape: &'a [usize],
    depth: usize,
    count: usize,
    numbers: &'a mut Vec<f32>,
    /// What kind of mistake the next error is.
    wrong: &'a mut FailureCode,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    fn wrong<E: Error>(self, code: FailureCode, what: impl fmt::Display) -> E {
        *self.wrong = code;
        E::custom(what)
    }

    fn number<E: Error>(self, number: f64) -> Result<Element, E> {
        let number = number as f32;
        if self.depth == 0 {
            return Err(self.wrong(FailureCode::TensorShape, "a number where an array belongs"));
        }
        if !number.is_finite() {
            return Err(self.wrong(FailureCode::TensorNotFinite, "a number that is too large"));
        }
        if self.numbers.len() >= self.count {
            return Err(self.wrong(FailureCode::TensorShape, "too many numbers"));
        }
        self.numbers.push(number);
        Ok(Element::Number)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Element, E> {
        self.number(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Element, E> {
        self.number(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Element, E> {
        self.number(number as f64)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Element, E> {
        Err(self.wrong(FailureCode::TensorType, "a truth value where a number belongs"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
        let named =
            ["nan", "infinity", "inf"].iter().any(|name| text.trim_start_matches('-').eq_ignore_ascii_case(name));
        let code = if named { FailureCode::TensorNotFinite } else { FailureCode::TensorType };
        Err(self.wrong(code, "a text where a number belongs"))
    }

    fn visit_unit<E: Error>(self) -> Result<Element, E> {
        Err(self.wrong(FailureCode::TensorType, "null where a number belongs"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Element, A::Error> {
        Err(self.wrong(FailureCode::TensorType, "an object where a number belongs"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Element, A::Error> {
        let Some(side) = self.shape.get(self.depth) else {
            return Err(self.wrong(FailureCode::TensorShape, "an array where a number belongs"));
        };
        let mut kind = None;
        let mut found = 0_usize;
        loop {
            let next = Level {
                shape: self.shape,
                depth: self.depth + 1,
                count: self.count,
                numbers: &mut *self.numbers,
                wrong: &mut *self.wrong,
            };
            let Some(element) = elements.next_element_seed(next)? else { break };
            if *kind.get_or_insert(element) != element {
                return Err(self.wrong(FailureCode::TensorShape, "numbers and arrays side by side"));
            }
            found += 1;
        }
        let flat = kind == Some(Element::Number) && self.depth + 1 < self.shape.len();
        let expected = match (flat, self.depth) {
            (false, _) => *side,
            // All numbers in one array.
            (true, 0) => self.count,
            (true, _) => return Err(self.wrong(FailureCode::TensorShape, "a number where an array belongs")),
        };
        if found != expected {
            return Err(self.wrong(FailureCode::TensorShape, format!("{found} elements where {expected} belong")));
        }
        Ok(Element::Array)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(payload: &str, shape: &[usize]) -> (FailureCode, String) {
        let failure = prepare(payload.as_bytes(), shape).unwrap_err();
        (failure.code, failure.detail)
    }

    #[test]
    fn nested_and_flat_arrays_are_the_same() {
        let expect = [1.0, 2.5, -3.0, 4.0];
        for text in ["[[1,2.5],[-3,4]]", "[1, 2.5, -3, 4]", " [ [1,2.5] , [-3,4e0] ] "] {
            assert_eq!(prepare(text.as_bytes(), &[2, 2]).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn every_lie_has_its_own_code() {
        use FailureCode::{TensorInvalid, TensorNotFinite, TensorShape, TensorType};
        for (text, expect) in [
            ("", TensorInvalid),
            ("[[1,2],[3,4]", TensorInvalid),
            ("[[1,2],[3,4]] x", TensorInvalid),
            ("[1,2,3,q]", TensorInvalid),
            ("null", TensorType),
            ("\"x\"", TensorType),
            ("{}", TensorType),
            ("[true,1,2,3]", TensorType),
            ("[[1,2],[3,null]]", TensorType),
            ("[[1,2],[3,\"4\"]]", TensorType),
            ("[[1,2],[3,{\"a\":4}]]", TensorType),
            ("5", TensorShape),
            ("[]", TensorShape),
            ("[1,2,3]", TensorShape),
            ("[1,2,3,4,5]", TensorShape),
            ("[[1,2],[3]]", TensorShape),
            ("[[1,2],3,4]", TensorShape),
            ("[1,[2,3],4]", TensorShape),
            ("[[[1],[2]],[[3],[4]]]", TensorShape),
            ("[[1,2,3,4]]", TensorShape),
            ("[[1,2],[3,1e300]]", TensorNotFinite),
            ("[[1,2],[3,1e999]]", TensorNotFinite),
            ("[[1,2],[3,NaN]]", TensorNotFinite),
            ("[NaN,2,3,4]", TensorNotFinite),
            ("[[1,2],\n[3,-Infinity]]", TensorNotFinite),
            ("[1,2,3,\"NaN\"]", TensorNotFinite),
        ] {
            let (code, detail) = refused(text, &[2, 2]);
            assert_eq!(code, expect, "{text}: {detail}");
        }
        assert!(refused("[[1,2],[3]]", &[2, 2]).1.contains("1 elements where 2 belong"));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        refused(&deep, &[2, 2]);
        refused(&deep, &[2; 8]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(payload: Vec<u8>) {
            let _ = prepare(&payload, &[2, 2]);
        }
    }
}
