/// The cosine of the angle between two embeddings; 0 for one of no length.
pub(super) fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alike_is_one_and_unrelated_is_zero() {
        assert!((cosine(&[3.0, 4.0], &[6.0, 8.0]) - 1.0).abs() < 1e-12);
        assert!(cosine(&[1.0, 0.0], &[0.0, 2.0]).abs() < 1e-12);
        assert!(cosine(&[0.0, 0.0], &[1.0, 2.0]).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_cosine_lies_between_minus_one_and_one(pairs in prop::collection::vec((-1e3..1e3, -1e3..1e3), 1..50)) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            prop_assert!(cosine(&a, &b).abs() <= 1.0 + 1e-9);
            prop_assert!((cosine(&a, &b) - cosine(&b, &a)).abs() < 1e-9);
        }
    }
}
