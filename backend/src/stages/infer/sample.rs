use crate::input::noise::draw;

/// How the next token is chosen. Pure: a seed always chooses the same tokens of the same logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// 0 takes the most probable; higher numbers make improbable ones more probable.
    temperature: f64,
    /// How many of the most probable are drawn from.
    top_k: usize,
    state: u64,
}

impl Sampler {
    /// `top_k` 0 draws from all.
    pub(super) fn new(temperature: f64, top_k: usize, seed: u64) -> Self {
        let top_k = if top_k == 0 { usize::MAX } else { top_k };
        Self { temperature, top_k, state: seed }
    }

    /// The next token's id; `None` without logits or when one is NaN or infinite.
    pub(super) fn next(&mut self, logits: &[f32]) -> Option<usize> {
        if logits.is_empty() || !logits.iter().all(|logit| logit.is_finite()) {
            return None;
        }
        let mut order: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
        // Equals by id, so that one answer is always the same.
        let by_logit = |(a_id, a): &(usize, f32), (b_id, b): &(usize, f32)| b.total_cmp(a).then(a_id.cmp(b_id));
        if self.temperature <= 0.0 {
            return order.into_iter().min_by(by_logit).map(|(id, _)| id);
        }
        if self.top_k < order.len() {
            order.select_nth_unstable_by(self.top_k, by_logit);
            order.truncate(self.top_k);
        }
        order.sort_unstable_by(by_logit);
        let largest = order.first().map_or(0.0, |(_, logit)| f64::from(*logit));
        // libm's exp gives the same bits everywhere; the largest is taken off, which otherwise overflows.
        let weight = |logit: f32| libm::exp((f64::from(logit) - largest) / self.temperature);
        let total: f64 = order.iter().map(|(_, logit)| weight(*logit)).sum();
        let drawn = (draw(&mut self.state) >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let mut sum = 0.0;
        let found = order.iter().find(|(_, logit)| {
            sum += weight(*logit);
            drawn < sum
        });
        found.or(order.last()).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_a_temperature_the_most_probable_is_taken() {
        let mut greedy = Sampler::new(0.0, 0, 7);
        assert_eq!(greedy.next(&[1.0, 3.0, 3.0, 2.0]), Some(1));
        assert_eq!(greedy.next(&[]), None);
        assert_eq!(greedy.next(&[1.0, f32::NAN]), None);
        assert_eq!(greedy.next(&[1.0, f32::INFINITY]), None);
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_probable() {
        let mut sampler = Sampler::new(1.0, 0, 42);
        let logits = [0.0, 3.0_f32.ln(), f32::MIN];
        let ones = (0..4000).filter(|_| sampler.next(&logits) == Some(1)).count();
        assert!((2880..3120).contains(&ones), "{ones} of 4000 where 3000 are expected");
        let mut top = Sampler::new(5.0, 1, 42);
        assert!((0..100).all(|_| top.next(&logits) == Some(1)));
    }

    #[test]
    fn a_seed_chooses_these_tokens_forever() {
        let mut sampler = Sampler::new(0.8, 5, 7);
        let logits: Vec<f32> = (0..50).map(|id| (id * 7 % 11) as f32 / 3.0).collect();
        let tokens: Vec<usize> = (0..8).filter_map(|_| sampler.next(&logits)).collect();
        assert_eq!(tokens, GOLDEN);
    }

    const GOLDEN: [usize; 8] = [14, 3, 47, 25, 25, 14, 25, 14];

    proptest! {
        #[test]
        fn only_the_top_k_are_drawn(
            logits in prop::collection::vec(-50.0_f32..50.0, 1..60),
            (top_k, temperature) in (1_usize..8, 0.0_f64..4.0),
            seed: u64,
        ) {
            let mut sampler = Sampler::new(temperature, top_k, seed);
            let id = sampler.next(&logits).unwrap();
            let better = logits.iter().filter(|logit| **logit > logits[id]).count();
            prop_assert!(better < top_k);
            let again = Sampler::new(temperature, top_k, seed).next(&logits);
            prop_assert_eq!(again, Some(id));
        }
    }
}
