use serde::Serialize;

/// One class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Class<'a> {
    /// The position in the model's output.
    pub index: usize,
    /// Its name, if the model has names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'a str>,
    /// 0 to 1; all classes together make 1.
    pub probability: f32,
}

/// The `top_k` most probable classes of finite `logits`, most probable first; equals by index.
pub(super) fn top<'a>(logits: &[f32], labels: &'a [String], top_k: usize) -> Vec<Class<'a>> {
    // The largest is taken off before exp, which otherwise overflows; sums in f64 keep a thousand small terms.
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mut order: Vec<(usize, f64)> = weights.into_iter().enumerate().collect();
    order.sort_by(|(a_index, a), (b_index, b)| b.total_cmp(a).then(a_index.cmp(b_index)));
    order.truncate(top_k);
    let class = |(index, weight): (usize, f64)| Class {
        index,
        label: labels.get(index).map(String::as_str),
        probability: (weight / sum) as f32,
    };
    order.into_iter().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_come_first() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let found = top(&[0.0, 2.0_f32.ln(), 0.0], &labels, 2);
        assert_eq!((found[0].index, found[0].label), (1, Some("b")));
        assert!((found[0].probability - 0.5).abs() < 1e-6);
        assert_eq!((found[1].index, found[1].label), (0, Some("a")));
        assert_eq!(top(&[1.0; 3], &labels, 9)[2].label, None);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let found = top(&[1e30, 0.0, -1e30], &[], 1);
        assert_eq!((found[0].index, found[0].probability), (0, 1.0));
    }
}
