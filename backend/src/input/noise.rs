//! Noise from a seed: the same numbers on every machine and in every release, because they are part of what a digest
//! names.
//!
//! SplitMix64 (Steele, Lea and Flood, 2014): the state starts at the seed and grows by 0x9E3779B97F4A7C15 for each
//! draw; a draw is the state after two xor-shift multiplications. Two draws make two uniform numbers of 53 bits, the
//! first in (0, 1], the second in [0, 1), and Box–Muller makes two normal numbers of them, cosine first, in `f64` with
//! libm's own ln, sin and cos, rounded to `f32` at the end. An odd count leaves the last sine unused.

/// `count` numbers of the normal distribution with mean 0 and deviation 1.
pub(super) fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut numbers = Vec::with_capacity(count + 1);
    while numbers.len() < count {
        let first = (draw(&mut state) >> 11) + 1;
        let second = draw(&mut state) >> 11;
        let radius = libm::sqrt(-2.0 * libm::log(first as f64 * UNIT));
        let angle = std::f64::consts::TAU * (second as f64 * UNIT);
        numbers.push((radius * libm::cos(angle)) as f32);
        numbers.push((radius * libm::sin(angle)) as f32);
    }
    numbers.truncate(count);
    numbers
}

/// The distance of two neighbours among the numbers drawn from 0 to 1: 2⁻⁵³.
const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;

/// The next 64 bits.
pub(crate) fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_reference_implementation() {
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| draw(&mut state)).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_seed_gives_these_bits_forever() {
        let bits: Vec<u32> = normal(7, 4).iter().map(|number| number.to_bits()).collect();
        assert_eq!(bits, GOLDEN, "{bits:#x?}");
    }

    const GOLDEN: [u32; 4] = [0x3fae_b811, 0x3e13_fd5f, 0xbecb_0531, 0xbe69_0f02];

    #[test]
    fn numbers_are_normal_and_finite() {
        let numbers = normal(42, 100_001);
        assert_eq!(numbers.len(), 100_001);
        assert!(numbers.iter().all(|number| number.is_finite()));
        let mean = numbers.iter().map(|number| f64::from(*number)).sum::<f64>() / 100_001.0;
        let variance = numbers.iter().map(|number| (f64::from(*number) - mean).powi(2)).sum::<f64>() / 100_001.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(normal(1, 8), normal(2, 8));
        assert_eq!(normal(1, 8)[..4], normal(1, 4));
    }
}
