use serde::{Serialize, Serializer};

/// Numbers that are written as nested JSON arrays of their shape; a shape without sides is one number.
pub(super) struct Nested<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

impl<'a> Nested<'a> {
    /// `data` in rows of `shape`.
    pub(super) fn new(shape: &'a [usize], data: &'a [f32]) -> Self {
        Self { shape, data }
    }
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.shape, self.data) {
            ([], data) => data.first().serialize(serializer),
            ([_], data) => data.serialize(serializer),
            ([_, inner @ ..], data) => {
                let width = inner.iter().product::<usize>().max(1);
                serializer.collect_seq(data.chunks(width).map(|data| Nested { shape: inner, data }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_nest_as_the_shape_says() {
        for (shape, data, expect) in [
            (&[2_usize, 2][..], &[1.0_f32, 2.0, 3.0, 4.5][..], "[[1.0,2.0],[3.0,4.5]]"),
            (&[3], &[1.0, 2.0, 3.0], "[1.0,2.0,3.0]"),
            (&[], &[7.0], "7.0"),
            (&[1, 1, 2], &[1.0, 2.0], "[[[1.0,2.0]]]"),
        ] {
            assert_eq!(serde_json::to_string(&Nested::new(shape, data)).unwrap(), expect);
        }
    }
}
