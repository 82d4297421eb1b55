//! Bilinear resampling exactly as Pillow does it (`Image.resize(…, BILINEAR)`, libImaging/Resample.c): antialiased, in
//! two passes, in fixed point with 22 bits, rounded to bytes after each pass.
//!
//! To the level, because a classifier trained on Pillow's pixels swaps close classes when each is one level off.

/// Bits behind the point of a weight.
const PRECISION: u32 = 22;
const HALF: i32 = 1 << (PRECISION - 1);

/// One axis: the source has `from` pixels, the whole result would have `to`; of it `count` pixels from `first` on are
/// wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) first: u32,
    pub(super) count: u32,
}

/// The source pixels that one result pixel is made of.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

impl Axis {
    fn windows(&self) -> Vec<Window> {
        let scale = f64::from(self.from) / f64::from(self.to.max(1));
        // The triangle's half width: one pixel of the result, or of the source when that is the coarser one.
        let reach = scale.max(1.0);
        let window = |at: u32| {
            let centre = (f64::from(at) + 0.5) * scale;
            let start = (centre - reach + 0.5).max(0.0) as u32;
            let end = ((centre + reach + 0.5) as u32).min(self.from);
            let raw: Vec<f64> =
                (start..end).map(|x| (1.0 - ((f64::from(x) - centre + 0.5) / reach).abs()).max(0.0)).collect();
            let sum: f64 = raw.iter().sum();
            let fixed = |weight: &f64| (0.5 + weight / sum * f64::from(1 << PRECISION)) as i32;
            Window { start: start as usize, weights: raw.iter().map(fixed).collect() }
        };
        (self.first..self.first.saturating_add(self.count)).map(window).collect()
    }
}

/// The wanted part of the resized picture, three bytes a pixel, row by row; `None` where `bytes` is not `x.from` ×
/// `y.from` pixels. Computes nothing beyond that part.
pub(super) fn resample(bytes: &[u8], x: Axis, y: Axis) -> Option<Vec<u8>> {
    let row_bytes = x.from as usize * 3;
    if row_bytes == 0 || bytes.len() != row_bytes.checked_mul(y.from as usize)? {
        return None;
    }
    let (across, down) = (x.windows(), y.windows());
    // Windows move forward, so the first begins and the last ends all that is needed.
    let top = down.first()?.start;
    let bottom = down.last().map(|window| window.start + window.weights.len())?;

    let narrow = x.count as usize * 3;
    let mut rows = Vec::with_capacity(narrow * (bottom - top));
    for row in bytes.chunks_exact(row_bytes).take(bottom).skip(top) {
        let (pixels, _) = row.as_chunks::<3>();
        for window in &across {
            // The innermost loop of a large picture: three plain sums, which are fast without any optimiser's help.
            let (mut red, mut green, mut blue) = (HALF, HALF, HALF);
            for ([r, g, b], weight) in pixels.get(window.start..)?.iter().zip(&window.weights) {
                red += i32::from(*r) * weight;
                green += i32::from(*g) * weight;
                blue += i32::from(*b) * weight;
            }
            rows.extend([level(red), level(green), level(blue)]);
        }
    }

    let mut result = Vec::with_capacity(narrow * down.len());
    for window in &down {
        let mut sums = vec![HALF; narrow];
        let rows = rows.chunks_exact(narrow).skip(window.start - top);
        for (row, weight) in rows.zip(&window.weights) {
            for (sum, byte) in sums.iter_mut().zip(row) {
                *sum += i32::from(*byte) * weight;
            }
        }
        result.extend(sums.into_iter().map(level));
    }
    Some(result)
}

/// From fixed point to a byte.
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(from: u32, to: u32) -> Axis {
        Axis { from, to, first: 0, count: to }
    }

    /// Made with Pillow 12.3.0: `Image.frombytes("RGB", (7, 5), bytes((37 * i * i) % 256 for i in range(105)))
    /// .resize((W, H), Image.BILINEAR).tobytes()`, as SHA-256.
    #[test]
    fn pixels_are_pillows_pixels() {
        use sha2::{Digest as _, Sha256};
        let picture: Vec<u8> = (0..105_u32).map(|i| (37 * i * i % 256) as u8).collect();
        for ((width, height), expect) in PILLOW {
            let found = resample(&picture, whole(7, width), whole(5, height)).unwrap();
            assert_eq!(hex::encode(Sha256::digest(&found)), expect, "{width}×{height}");
        }
    }

    const PILLOW: [((u32, u32), &str); 4] = [
        ((3, 2), "681e2bf95a2b471c30aeb0e0448e359e916d8628db33b1a29806683348090627"),
        ((7, 5), "abeaeb198fe42c47128366850e208445a59781aae8de72997b7b823aa1afe1eb"),
        ((20, 11), "8fbb4d95cdf34ca45c00885a6644c8f4cf70230129c046be3e2f753c06ad5921"),
        ((4, 9), "2db66c3cc97abd832d53bf2dfa3d8b040603bf7b55ee4a3d73fedded2168a095"),
    ];

    #[test]
    fn what_is_not_the_picture_is_refused() {
        assert_eq!(resample(&[0; 8], whole(3, 1), whole(1, 1)), None);
        assert_eq!(resample(&[], whole(0, 1), whole(0, 1)), None);
    }

    proptest! {
        #[test]
        fn a_part_is_that_part_of_the_whole(
            (width, height, to_x, to_y) in (1_u32..20, 1_u32..20, 1_u32..20, 1_u32..20),
            seed in 0_u32..1000,
        ) {
            let picture: Vec<u8> = (0..width * height * 3).map(|i| (i * (seed + 7) % 256) as u8).collect();
            let all = resample(&picture, whole(width, to_x), whole(height, to_y)).unwrap();
            prop_assert_eq!(all.len() as u32, to_x * to_y * 3);
            let (x, y) = (to_x / 3, to_y / 2);
            let (w, h) = (to_x - x, to_y - y);
            let part = resample(
                &picture,
                Axis { first: x, count: w, ..whole(width, to_x) },
                Axis { first: y, count: h, ..whole(height, to_y) },
            );
            let expect: Vec<u8> = all
                .chunks_exact(to_x as usize * 3)
                .skip(y as usize)
                .flat_map(|row| row[x as usize * 3..].to_vec())
                .collect();
            prop_assert_eq!(part.unwrap(), expect);
        }

        #[test]
        fn one_colour_stays_that_colour(from in 1_u32..40, to in 1_u32..40, level: u8) {
            let picture = vec![level; (from * 3) as usize];
            let found = resample(&picture, whole(from, to), whole(1, 1)).unwrap();
            prop_assert!(found.iter().all(|byte| *byte == level));
        }
    }
}
