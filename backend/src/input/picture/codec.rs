//! What the decoders of `image` have in common.

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

use super::{Rgb, background, bounds};
use crate::failure::Failure;

/// The first picture that `decoder` gives. Sizes are checked on the header; what it reserves besides is at most
/// [`bounds::alloc_limit`].
pub(super) fn pixels(
    decoder: impl ImageDecoder,
    limits: Option<ImageLimits>,
    background: [u8; 3],
) -> Result<Rgb, Failure> {
    pixels_within(bounds::alloc_limit(), decoder, limits, background)
}

/// The same, for a decoder that is to reserve less.
pub(super) fn pixels_within(
    room: Limits,
    mut decoder: impl ImageDecoder,
    limits: Option<ImageLimits>,
    background: [u8; 3],
) -> Result<Rgb, Failure> {
    let (width, height) = decoder.dimensions();
    // The decoder's limit does not count the buffer that it fills.
    bounds::check(width, height, decoder.total_bytes(), limits)?;
    decoder.set_limits(room).map_err(refused)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok(Rgb { width, height, bytes: background::opaque(picture, background) })
}

/// The decoder's own words name offsets and chunks, which help nobody who sent a picture.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn refused(error: ImageError) -> Failure {
    match error {
        ImageError::Limits(_) => bounds::too_much_memory(),
        ImageError::Unsupported(_) => {
            Failure::new(FailureCode::ImageUnsupported, "the picture uses a feature of its format that is not read")
        }
        _ => Failure::new(FailureCode::ImageUndecodable, "the picture is truncated or broken"),
    }
}
