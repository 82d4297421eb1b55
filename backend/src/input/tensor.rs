use std::fmt;

use forebay_contract::FailureCode;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::failure::Failure;

/// The numbers of a JSON array of `shape`, nested as the shape says or flat, row-major.
///
/// Read in one pass straight into floats: a generic JSON value would take sixteen times the memory of the text.
pub(super) fn prepare(payload: &[u8], shape: &[usize]) -> Result<Vec<f32>, Failure> {
    let invalid = |detail: String| Failure::new(FailureCode::TensorInvalid, detail);
    let count = shape.iter().product();
    // Not reserved at once: a short text must not make the worker reserve a large shape.
    let mut numbers = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(payload);
    let level = Level { shape, depth: 0, count, numbers: &mut numbers };
    let read = level.deserialize(&mut json).and_then(|_| json.end());
    read.map_err(|error| invalid(format!("the tensor is not a JSON array of numbers of shape {shape:?}: {error}")))?;
    if numbers.len() == count {
        Ok(numbers)
    } else {
        Err(invalid(format!("the tensor has {} numbers; its shape {shape:?} has {count}", numbers.len())))
    }
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
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    fn number<E: Error>(self, number: f64) -> Result<Element, E> {
        let number = number as f32;
        if self.depth == 0 {
            return Err(E::custom("a number where an array belongs"));
        }
        if !number.is_finite() {
            return Err(E::custom("a number that is too large"));
        }
        if self.numbers.len() >= self.count {
            return Err(E::custom("too many numbers"));
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Element, A::Error> {
        let Some(side) = self.shape.get(self.depth) else {
            return Err(A::Error::custom("an array where a number belongs"));
        };
        let mut kind = None;
        let mut found = 0_usize;
        loop {
            let next =
                Level { shape: self.shape, depth: self.depth + 1, count: self.count, numbers: &mut *self.numbers };
            let Some(element) = elements.next_element_seed(next)? else { break };
            if *kind.get_or_insert(element) != element {
                return Err(A::Error::custom("numbers and arrays side by side"));
            }
            found += 1;
        }
        let flat = kind == Some(Element::Number) && self.depth + 1 < self.shape.len();
        let expected = match (flat, self.depth) {
            (false, _) => *side,
            // All numbers in one array.
            (true, 0) => self.count,
            (true, _) => return Err(A::Error::custom("a number where an array belongs")),
        };
        if found != expected {
            return Err(A::Error::custom(format!("{found} elements where {expected} belong")));
        }
        Ok(Element::Array)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(payload: &str, shape: &[usize]) -> String {
        let failure = prepare(payload.as_bytes(), shape).unwrap_err();
        assert_eq!(failure.code, FailureCode::TensorInvalid);
        failure.detail
    }

    #[test]
    fn nested_and_flat_arrays_are_the_same() {
        let expect = [1.0, 2.5, -3.0, 4.0];
        for text in ["[[1,2.5],[-3,4]]", "[1, 2.5, -3, 4]", " [ [1,2.5] , [-3,4e0] ] "] {
            assert_eq!(prepare(text.as_bytes(), &[2, 2]).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn shapes_that_lie_are_refused() {
        for text in [
            "",
            "null",
            "5",
            "\"x\"",
            "{}",
            "[]",
            "[1,2,3]",
            "[1,2,3,4,5]",
            "[[1,2],[3]]",
            "[[1,2],3,4]",
            "[1,[2,3],4]",
            "[[[1],[2]],[[3],[4]]]",
            "[[1,2,3,4]]",
            "[[1,2],[3,null]]",
            "[[1,2],[3,\"4\"]]",
            "[[1,2],[3,1e999]]",
            "[[1,2],[3,1e300]]",
            "[[1,2],[3,4]] x",
            "[[1,2],[3,NaN]]",
            "[[1,2],[3,4]",
            "[true,1,2,3]",
        ] {
            refused(text, &[2, 2]);
        }
        assert!(refused("[[1,2],[3]]", &[2, 2]).contains("1 elements where 2 belong"));
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
