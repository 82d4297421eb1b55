use crate::input::noise::draw;

/// How the next token is chosen. Pure: a seed always chooses the same tokens of the same logits.
///
/// A token's mass is a whole number, so that sums are the same in whatever order they are made: nobody need sort the
/// vocabulary for a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// 0 takes the most probable; higher numbers make improbable ones more probable.
    temperature: f64,
    /// How many of the most probable are drawn from.
    top_k: usize,
    state: u64,
}

/// The mass of the most probable token. What is less probable by 2⁴⁵ has none and is never drawn.
const MOST: f64 = (1_u64 << 44) as f64;
/// So few are sorted at once.
const FEW: usize = 64;
/// While more are left, one in so many is looked at first, because the mass is with the most probable; where it turns out
/// not to be, twice as many next, up to half.
const SHARE: usize = 16;

impl Sampler {
    /// `top_k` 0 draws from all.
    pub(super) fn new(temperature: f64, top_k: usize, seed: u64) -> Self {
        let top_k = if top_k == 0 { usize::MAX } else { top_k };
        // Beyond every number all tokens are alike, but for those of no probability: infinity over infinity is nothing.
        Self { temperature: temperature.min(f64::MAX), top_k, state: seed }
    }

    /// The next token's id. A logit of −∞ says that a token cannot be: it is never the next one. `None` where no token
    /// can be, or a logit is NaN or ∞.
    pub(super) fn next(&mut self, logits: &[f32]) -> Option<usize> {
        let most = *logits.iter().max_by(|a, b| a.total_cmp(b))?;
        if !most.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
            return None;
        }
        if self.temperature <= 0.0 {
            return logits.iter().position(|logit| logit.total_cmp(&most).is_eq());
        }
        let mut keys: Vec<u64> = (0_u32..).zip(logits).map(|(id, logit)| key(id, *logit)).collect();
        if self.top_k < keys.len() {
            keys.select_nth_unstable(self.top_k);
            keys.truncate(self.top_k);
        }
        let tokens = keys.into_iter().map(|key| Token { key, mass: self.mass(logit(key), most) });
        let mut tokens: Vec<Token> = tokens.filter(|token| token.mass > 0).collect();
        let total: u128 = tokens.iter().map(|token| u128::from(token.mass)).sum();
        // The most probable has a mass, so this is below the total, which is below 2⁴⁴ × 2³² for any vocabulary.
        let drawn = (u128::from(draw(&mut self.state) >> 11) * total) >> 53;
        at(&mut tokens, drawn)
    }

    fn mass(&self, logit: f32, most: f32) -> u64 {
        let less = (f64::from(logit) - f64::from(most)) / self.temperature;
        // Saves the exponential of nearly all of a large vocabulary: it would be rounded to 0.
        if less < -32.0 {
            return 0;
        }
        // libm's exp gives the same bits everywhere.
        libm::round(libm::exp(less) * MOST) as u64
    }
}

#[derive(Clone, Copy)]
struct Token {
    key: u64,
    mass: u64,
}

/// The token that `drawn` falls on when all lie beside one another by their keys, each as wide as its mass.
fn at(tokens: &mut [Token], drawn: u128) -> Option<usize> {
    let (mut rest, mut left, mut share) = (tokens, drawn, SHARE);
    while rest.len() > FEW {
        let first = rest.len() / share;
        rest.select_nth_unstable_by_key(first, |token| token.key);
        let (head, tail) = rest.split_at_mut(first);
        let mass: u128 = head.iter().map(|token| u128::from(token.mass)).sum();
        if left < mass {
            rest = head;
        } else {
            left -= mass;
            rest = tail;
            share = (share / 2).max(2);
        }
    }
    rest.sort_unstable_by_key(|token| token.key);
    let found = rest.iter().find(|token| {
        let mass = u128::from(token.mass);
        let is_here = left < mass;
        left = left.saturating_sub(mass);
        is_here
    });
    found.map(|token| token.key as u32 as usize)
}

/// Grows from the most probable to the least, equals by id, so that one answer is always the same. Holds the logit in the
/// order of [`f32::total_cmp`], turned round, above the id.
fn key(id: u32, logit: f32) -> u64 {
    let bits = logit.to_bits();
    let falling = if bits >> 31 == 1 { bits } else { !(bits | 1 << 31) };
    u64::from(falling) << 32 | u64::from(id)
}

/// What a key was made of.
fn logit(key: u64) -> f32 {
    let falling = (key >> 32) as u32;
    f32::from_bits(if falling >> 31 == 1 { falling } else { !falling & !(1 << 31) })
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
    fn what_is_masked_is_never_the_next_token() {
        const MASKED: f32 = f32::NEG_INFINITY;
        for (temperature, top_k) in [(0.0, 0), (1e-300, 0), (1.0, 0), (1.0, 3), (1e300, 0), (f64::INFINITY, 4)] {
            let mut sampler = Sampler::new(temperature, top_k, 3);
            for _ in 0..200 {
                assert_eq!(sampler.next(&[MASKED, -7.0, MASKED, MASKED]), Some(1), "{temperature} {top_k}");
                assert!(matches!(sampler.next(&[MASKED, f32::MIN, f32::MAX]), Some(1 | 2)), "{temperature} {top_k}");
            }
            assert_eq!(sampler.next(&[MASKED, MASKED]), None);
            assert_eq!(sampler.next(&[MASKED, f32::NAN]), None);
            assert_eq!(sampler.next(&[MASKED, -f32::NAN, 1.0]), None);
        }
    }

    #[test]
    fn the_hottest_draws_from_all_alike_and_the_coldest_from_the_best() {
        let logits = [f32::MIN, 0.0, f32::MAX, f32::MAX];
        let mut counts = [0; 4];
        let mut hot = Sampler::new(f64::MAX, 0, 1);
        (0..4000).filter_map(|_| hot.next(&logits)).for_each(|id| counts[id] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        let mut cold = Sampler::new(f64::MIN_POSITIVE, 0, 1);
        assert!((0..100).all(|_| matches!(cold.next(&logits), Some(2 | 3))));
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

    #[test]
    fn a_seed_chooses_these_tokens_of_a_whole_vocabulary_forever() {
        let logits: Vec<f32> = (0..50_000_u64).map(|id| (id * 7919 % 10_007) as f32 / 700.0).collect();
        for (temperature, golden) in [(0.7, COOL), (1.0, WARM), (50.0, HOT)] {
            let mut sampler = Sampler::new(temperature, 0, 7);
            let tokens: Vec<usize> = (0..6).filter_map(|_| sampler.next(&logits)).collect();
            assert_eq!(tokens, golden, "{temperature}");
        }
    }

    const COOL: [usize; 6] = [41533, 19367, 36482, 25866, 46618, 26556];
    const WARM: [usize; 6] = [39616, 42501, 1544, 46067, 28593, 38921];
    const HOT: [usize; 6] = [29184, 12782, 34607, 46285, 22096, 49];

    /// As it was done with the whole vocabulary sorted, in floating point: it makes the golden tokens above too.
    fn sorted(logits: &[f32], temperature: f64, top_k: usize, state: &mut u64) -> usize {
        let mut order: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
        order.sort_by(|(a_id, a), (b_id, b)| b.total_cmp(a).then(a_id.cmp(b_id)));
        order.truncate(if top_k == 0 { usize::MAX } else { top_k });
        let largest = f64::from(order[0].1);
        let weight = |logit: f32| libm::exp((f64::from(logit) - largest) / temperature);
        let total: f64 = order.iter().map(|(_, logit)| weight(*logit)).sum();
        let drawn = (draw(state) >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let mut sum = 0.0;
        let found = order.iter().find(|(_, logit)| {
            sum += weight(*logit);
            drawn < sum
        });
        found.or(order.last()).unwrap().0
    }

    #[test]
    #[ignore = "a measurement"]
    fn how_long_a_draw_takes() {
        for vocabulary in [50_000_u64, 150_000] {
            let mut state = 1;
            let mut uniform = || ((draw(&mut state) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            // Numbers as a language model's: most far below the best.
            let logits: Vec<f32> = (0..vocabulary).map(|_| (-uniform().ln() * 2.5 - 10.0) as f32).collect();
            for (temperature, top_k) in [(0.8, 0), (0.8, 40), (50.0, 0), (0.0, 0)] {
                let (mut sampler, mut state) = (Sampler::new(temperature, top_k, 1), 1);
                let time = |draw: &mut dyn FnMut()| {
                    let started = std::time::Instant::now();
                    (0..40).for_each(|_| draw());
                    started.elapsed() / 40
                };
                let new = time(&mut || _ = std::hint::black_box(sampler.next(&logits)));
                let old = time(&mut || _ = std::hint::black_box(sorted(&logits, temperature, top_k, &mut state)));
                println!("{vocabulary} tokens, temperature {temperature}, top_k {top_k}: {new:?}, sorted {old:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn nobody_can_tell_that_nothing_is_sorted(
            logits in prop::collection::vec(prop_oneof![9 => -30.0_f32..30.0, 1 => Just(f32::NEG_INFINITY)], 1..700),
            (top_k, temperature) in (0_usize..800, 0.01_f64..100.0),
            seed: u64,
        ) {
            prop_assume!(logits.iter().any(|logit| logit.is_finite()));
            let (mut sampler, mut state) = (Sampler::new(temperature, top_k, seed), seed);
            for _ in 0..8 {
                prop_assert_eq!(sampler.next(&logits), Some(sorted(&logits, temperature, top_k, &mut state)));
            }
        }

        #[test]
        fn keys_fall_with_logits_and_hold_them(a in any::<u32>(), b in any::<u32>(), id: u32) {
            let (a, b) = (f32::from_bits(a), f32::from_bits(b));
            prop_assert_eq!(logit(key(id, a)).to_bits(), a.to_bits());
            prop_assert_eq!(key(3, a).cmp(&key(3, b)), b.total_cmp(&a));
        }

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
