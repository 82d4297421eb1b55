//! Random bytes from the runtime's cryptographic source.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(into: &mut [u8]);
}

/// How many bytes are fetched at once for what is no secret.
const FETCHED: usize = 512;

/// Random bytes that were fetched for many, each given once.
#[derive(Default)]
pub struct Pool(Vec<u8>);

impl Pool {
    /// Fills with bytes of the pool, of which `fetch` gives new ones when they run short.
    fn fill(&mut self, bytes: &mut [u8], fetch: impl FnOnce() -> Vec<u8>) {
        if self.0.len() < bytes.len() {
            self.0 = fetch();
        }
        let rest = self.0.len().saturating_sub(bytes.len());
        bytes.copy_from_slice(&self.0.split_off(rest));
    }
}

/// `N` random bytes, fresh: what secrets are made of.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    get_random_values(&mut bytes);
    bytes
}

/// `N` random bytes, each given once, of those fetched for many: what ids and lots are made of.
pub fn drawn<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes, false);
    bytes
}

/// Fills with random bytes: fresh ones for a secret, else such as were fetched for many.
pub fn fill(bytes: &mut [u8], secret: bool) {
    if secret || bytes.len() > FETCHED {
        return get_random_values(bytes);
    }
    super::with(|isolate| isolate.randomness.fill(bytes, || self::bytes::<FETCHED>().to_vec()));
}

/// A number in `0..span`, each as likely as the next; 0 for an empty span.
pub fn below(span: u64) -> u64 {
    scaled(u128::from_le_bytes(drawn()), span)
}

/// A number in 0..1.
pub fn unit() -> f64 {
    (u64::from_le_bytes(drawn()) >> 11) as f64 / (1u64 << 53) as f64
}

/// 128 random bits, of which 64 are more than the span needs: what the division leaves uneven is below 2⁻⁶⁴.
fn scaled(random: u128, span: u64) -> u64 {
    let (high, low) = ((random >> 64) as u64, random as u64);
    let low = (u128::from(low) * u128::from(span)) >> 64;
    ((u128::from(high) * u128::from(span) + low) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn draws_stay_within_the_span(random: u128, span in 1u64..) {
            prop_assert!(scaled(random, span) < span);
        }
    }

    #[test]
    fn the_ends_of_the_span_are_drawn() {
        assert_eq!(scaled(0, 64), 0);
        assert_eq!(scaled(u128::MAX, 64), 63);
        assert_eq!(scaled(u128::MAX, 0), 0);
    }

    #[test]
    fn bytes_of_the_pool_are_given_once() {
        let (mut pool, mut fetched) = (Pool::default(), 0);
        let mut next = |length| {
            let mut bytes = vec![0; length];
            pool.fill(&mut bytes, || {
                fetched += 1;
                (fetched * 10..fetched * 10 + 4).collect()
            });
            bytes
        };
        assert_eq!((next(3), next(1), next(1), next(4)), (vec![11, 12, 13], vec![10], vec![23], vec![30, 31, 32, 33]));
    }
}
