//! From pixels to what a model is called with.

use forebay_contract::FailureCode;

use super::{
    Rgb,
    resample::{Axis, resample},
};
use crate::{array::Array, failure::Failure};

/// Resizes the short side to `short` and cuts `crop` × `crop` pixels out of the middle, in one step: only what is kept
/// is computed, so a picture of 8 × 6,000,000 pixels costs no more than others.
pub(super) fn resize_and_crop(picture: &Rgb, short: u32, crop: u32) -> Result<Vec<u8>, Failure> {
    let (width, height) = resized(picture.width, picture.height, short);
    let middle = |from: u32, to: u32| Axis { from, to, first: margin(to, crop), count: crop };
    resample(&picture.bytes, middle(picture.width, width), middle(picture.height, height)).ok_or_else(broken)
}

/// What is cut off before the middle; torchvision rounds halves to even, as Python does.
fn margin(whole: u32, middle: u32) -> u32 {
    (f64::from(whole.saturating_sub(middle)) / 2.0).round_ties_even() as u32
}

/// The size after resizing the short side to `short`; the long side is rounded down, as torchvision does.
fn resized(width: u32, height: u32, short: u32) -> (u32, u32) {
    let long = |long: u32, other: u32| {
        u32::try_from(u64::from(short) * u64::from(long) / u64::from(other.max(1))).unwrap_or(u32::MAX)
    };
    if width <= height { (short, long(height, width)) } else { (long(width, height), short) }
}

/// From bytes, pixel by pixel, to floats, channel by channel: `(value / 255 − mean) / std`, `[1, 3, height, width]`.
pub(super) fn planes(
    bytes: &[u8],
    (width, height): (usize, usize),
    mean: [f32; 3],
    std: [f32; 3],
) -> Result<Array<f32>, Failure> {
    let mut data = Vec::with_capacity(bytes.len());
    for (channel, (mean, std)) in mean.iter().zip(&std).enumerate() {
        let levels: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0 - mean) / std);
        data.extend(bytes.iter().skip(channel).step_by(3).filter_map(|byte| levels.get(usize::from(*byte))));
    }
    Array::new(vec![1, 3, height, width], data).ok_or_else(broken)
}

fn broken() -> Failure {
    Failure::new(FailureCode::ImageUndecodable, "the picture cannot be resized")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_side_is_resized_and_the_long_side_rounded_down() {
        assert_eq!(resized(451, 300, 256), (384, 256));
        assert_eq!(resized(300, 451, 256), (256, 384));
        assert_eq!(resized(256, 256, 256), (256, 256));
        assert_eq!(resized(1, u32::MAX, 256), (256, u32::MAX));
    }
}
