//! Resampling as `torchaudio.functional.resample` does it by default: a sinc filter under a Hann window of six zero
//! crossings, rolled off at 0.99 of the lower rate's half, computed at each sample of the result. Written after its
//! definition, because models hear in training what it makes.

use std::f64::consts::PI;

/// How many zero crossings of the sinc are used on each side.
const CROSSINGS: f64 = 6.0;
/// Where the filter begins to let less through, of the highest frequency that there can be.
const ROLL_OFF: f64 = 0.99;
/// The most weights that are kept for phases that come again: 16 MB of them.
const MAX_KEPT: usize = 1 << 22;

/// From one rate to another, both above 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Reduced by their common divisor, as are `to`'s.
    from: u64,
    to: u64,
}

impl Rates {
    pub(super) fn new(from: u32, to: u32) -> Self {
        let (from, to) = (u64::from(from.max(1)), u64::from(to.max(1)));
        let common = divisor(from, to);
        Self { from: from / common, to: to / common }
    }

    /// How many samples come of `count`; rounded up.
    pub(super) fn made_of(self, count: usize) -> u64 {
        (count as u64).saturating_mul(self.to).div_ceil(self.from)
    }

    /// How many samples are enough to make `count`, and to see whether there are more.
    pub(super) fn enough_for(self, count: usize) -> usize {
        let exact = (count as u64).saturating_mul(self.from).div_ceil(self.to);
        usize::try_from(exact.saturating_add(self.reach()).saturating_add(1)).unwrap_or(usize::MAX)
    }

    /// The lower of both rates, rolled off.
    fn base(self) -> f64 {
        self.from.min(self.to) as f64 * ROLL_OFF
    }

    /// How many samples on each side weigh on one.
    fn reach(self) -> u64 {
        if self.from == self.to { 0 } else { (CROSSINGS * self.from as f64 / self.base()).ceil() as u64 }
    }

    /// The weights around a sample of the result that lies `phase / to` samples behind one of the source: from `reach`
    /// before that one on.
    fn weights(self, phase: u64) -> Vec<f32> {
        let (base, reach) = (self.base(), self.reach() as i64);
        let weight = |offset: i64| {
            let t = (offset as f64 / self.from as f64 - phase as f64 / (self.to as f64 * self.from as f64)) * base;
            let t = t.clamp(-CROSSINGS, CROSSINGS);
            let window = (t * PI / CROSSINGS / 2.0).cos().powi(2);
            let sinc = if t == 0.0 { 1.0 } else { (t * PI).sin() / (t * PI) };
            (sinc * window * base / self.from as f64) as f32
        };
        (-reach..=reach + 1).map(weight).collect()
    }
}

fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one.max(1) } else { divisor(other, one % other) }
}

/// The first `count` samples at the new rate, or as many as there are; beyond the source's ends is silence.
pub(super) fn resample(source: &[f32], rates: Rates, count: usize) -> Vec<f32> {
    let made = usize::try_from(rates.made_of(source.len())).unwrap_or(usize::MAX).min(count);
    if rates.from == rates.to {
        return source.get(..made).unwrap_or(source).to_vec();
    }
    let width = 2 * rates.reach() as usize + 2;
    let phases = usize::try_from(rates.to).ok().filter(|phases| phases.saturating_mul(width) <= MAX_KEPT);
    let mut kept: Vec<Option<Vec<f32>>> = vec![None; phases.unwrap_or(0)];
    let sample = |index: usize| {
        let moment = index as u64 * rates.from;
        let (whole, phase) = (moment / rates.to, moment % rates.to);
        let first = whole as i64 - rates.reach() as i64;
        let sum = |weights: &[f32]| -> f32 {
            // What lies before the source is skipped, what lies behind it ends the pairs.
            let skipped = usize::try_from(-first).unwrap_or(0);
            let start = usize::try_from(first).unwrap_or(0);
            let heard = source.get(start..).unwrap_or_default();
            heard.iter().zip(weights.iter().skip(skipped)).map(|(sample, weight)| sample * weight).sum()
        };
        match kept.get_mut(phase as usize) {
            Some(kept) => sum(kept.get_or_insert_with(|| rates.weights(phase))),
            None => sum(&rates.weights(phase)),
        }
    };
    (0..made).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by `tests/sounds/resample.py` with PyTorch 2.11: of `sin(i² / 50)` at the first rate, the first eight samples at
    /// the second.
    const REFERENCE: [(u32, u32, [f32; 8]); 4] = [
        (44_100, 16_000, [-0.001256, 0.151094, 0.574165, 0.971025, 0.663851, -0.617681, -0.738031, 0.96707]),
        (48_000, 16_000, [-0.001078, 0.18152, 0.65584, 0.99508, 0.28283, -1.041224, 0.32535, 0.337824]),
        (8_000, 16_000, [2.9e-05, 0.006079, 0.020033, 0.045137, 0.079937, 0.125278, 0.179057, 0.242949]),
        (22_050, 16_000, [0.000287, 0.037956, 0.151658, 0.335161, 0.570828, 0.81284, 0.979106, 0.958221]),
    ];

    #[test]
    fn samples_are_torchaudios_samples() {
        let source: Vec<f32> = (0..400).map(|i| (f64::from(i * i) / 50.0).sin() as f32).collect();
        for (from, to, expect) in REFERENCE {
            let found = resample(&source, Rates::new(from, to), 8);
            assert_eq!(found.len(), 8);
            for (found, expect) in found.iter().zip(expect) {
                assert!((found - expect).abs() < 2e-6, "{from} → {to}: {found} {expect}");
            }
        }
    }

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|i| (std::f64::consts::TAU * hertz * i as f64 / f64::from(rate)).sin() as f32).collect()
    }

    /// The loudest sample away from the ends, where silence begins.
    fn loudest(samples: &[f32]) -> f32 {
        let edge = samples.len() / 10;
        samples[edge..samples.len() - edge].iter().fold(0.0, |most, sample| most.max(sample.abs()))
    }

    #[test]
    fn a_tone_stays_that_tone_and_what_the_new_rate_cannot_hold_is_gone() {
        for (from, to) in [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (22_050, 16_000), (44_101, 16_000)] {
            let rates = Rates::new(from, to);
            let found = resample(&tone(from, 1000.0, 0.5), rates, usize::MAX);
            let off: Vec<f32> = found.iter().zip(tone(to, 1000.0, 0.5)).map(|(one, other)| one - other).collect();
            assert!(loudest(&off) < 0.005, "{from} → {to}: {} off", loudest(&off));
            if from > to {
                let hertz = (f64::from(from) * 0.48).min(12_000.0);
                let high = resample(&tone(from, hertz, 0.5), rates, usize::MAX);
                assert!(loudest(&high) < 0.01, "{from} → {to}: {} of a tone above the half rate", loudest(&high));
            }
        }
    }

    #[test]
    fn what_is_enough_is_enough_whatever_follows() {
        for (from, to) in [(44_100, 16_000), (8_000, 16_000), (48_000, 8_000), (11_025, 44_100)] {
            let (rates, long) = (Rates::new(from, to), tone(from, 440.0, 1.0));
            let short = &long[..rates.enough_for(700)];
            assert_eq!(resample(short, rates, 700), resample(&long, rates, 700), "{from} → {to}");
            assert!(rates.made_of(short.len()) > 700, "it is seen that there are more");
        }
    }

    proptest! {
        #[test]
        fn any_rates_make_the_count_that_they_say(
            from in 1_u32..1_000_000, to in 1_u32..400_000, length in 0_usize..50, count in 0_usize..200,
        ) {
            let rates = Rates::new(from, to);
            let found = resample(&vec![0.5; length], rates, count);
            prop_assert_eq!(found.len() as u64, rates.made_of(length).min(count as u64));
            prop_assert!(found.iter().all(|sample| sample.abs() < 1.0));
        }
    }
}
