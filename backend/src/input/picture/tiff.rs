//! TIFF by the codec itself: `image` would bring JPEG within TIFF, which is read wrongly where it is cut off.

use std::io::Cursor;

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage, metadata::Orientation};
use tiff::{
    ColorType, TiffError,
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

use super::{Rgb, background, bounds};
use crate::failure::Failure;

/// The first picture of a TIFF: grey or RGB, with alpha or without, 8 or 16 bits (grey also 1), pixel by pixel, not
/// compressed or by LZW, Deflate or PackBits. Turned as its own tag says, which means what EXIF's means.
pub(super) fn read(
    payload: &[u8],
    limits: Option<ImageLimits>,
    background: [u8; 3],
) -> Result<(Rgb, Orientation), Failure> {
    let mut decoder = Decoder::new(Cursor::new(payload)).map_err(refused)?.with_limits(bound());
    let (width, height) = decoder.dimensions().map_err(refused)?;
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(refused)?.unwrap_or_default();
    let (kind, bits) = match decoder.colortype().map_err(refused)? {
        ColorType::Gray(bits @ (1 | 8 | 16)) => (Kind::Grey, bits),
        ColorType::Multiband { bit_depth: bits @ (8 | 16), num_samples: 2 } if extra == [UNASSOCIATED] => {
            (Kind::GreyAlpha, bits)
        }
        ColorType::RGB(bits @ (8 | 16)) => (Kind::Rgb, bits),
        ColorType::RGBA(bits @ (8 | 16)) if extra == [UNASSOCIATED] => (Kind::Rgba, bits),
        _ => return Err(unsupported()),
    };
    let samples = kind as u64;
    bounds::check(width, height, u64::from(width) * u64::from(height) * samples * u64::from(bits.div_ceil(8)), limits)?;
    let mut tag = |tag| decoder.find_tag_unsigned::<u16>(tag).map(|found| found.unwrap_or(1)).map_err(refused);
    // Planes of their own are rare, and so are samples that belong to no colour.
    if tag(Tag::SamplesPerPixel).map(u64::from) != Ok(samples) || (samples > 1 && tag(Tag::PlanarConfiguration)? != 1) {
        return Err(unsupported());
    }
    let orientation = u8::try_from(tag(Tag::Orientation)?).ok().and_then(Orientation::from_exif);
    let bytes = match decoder.read_image().map_err(refused)? {
        DecodingResult::U8(bytes) if bits == 1 => unpacked(&bytes, width),
        DecodingResult::U8(bytes) => bytes,
        // The high byte of each, as Pillow takes it.
        DecodingResult::U16(words) => words.iter().map(|word| word.to_be_bytes()[0]).collect(),
        _ => return Err(unsupported()),
    };
    let picture = match kind {
        Kind::Grey => GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
        Kind::GreyAlpha => GrayAlphaImage::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8),
        Kind::Rgb => RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        Kind::Rgba => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8),
    };
    let bytes = background::opaque(picture.ok_or_else(broken)?, background);
    Ok((Rgb { width, height, bytes }, orientation.unwrap_or(Orientation::NoTransforms)))
}

/// `ExtraSamples` of an alpha that the colours are not multiplied by.
const UNASSOCIATED: u16 = 2;

/// With how many samples a pixel has.
#[derive(Clone, Copy)]
enum Kind {
    Grey = 1,
    GreyAlpha = 2,
    Rgb = 3,
    Rgba = 4,
}

fn bound() -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(bounds::MAX_DECODED_BYTES).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    // Each table of strips may have thirty thousand entries, which a picture with a strip for each row has not.
    limits.ifd_value_size = 256 << 10;
    limits
}

/// A byte for each bit; rows begin at whole bytes.
fn unpacked(bits: &[u8], width: u32) -> Vec<u8> {
    let row_bytes = (width as usize).div_ceil(8).max(1);
    let byte =
        |row: &[u8], x: usize| row.get(x / 8).map_or(0, |byte| if byte >> (7 - x % 8) & 1 == 1 { 255 } else { 0 });
    bits.chunks_exact(row_bytes).flat_map(|row| (0..width as usize).map(move |x| byte(row, x))).collect()
}

fn unsupported() -> Failure {
    let detail = "the TIFF is of a kind that is not read: send it as 8 bit RGB, or as PNG";
    Failure::new(FailureCode::ImageUnsupported, detail)
}

fn broken() -> Failure {
    Failure::new(FailureCode::ImageUndecodable, "the TIFF is truncated or broken")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: TiffError) -> Failure {
    match error {
        TiffError::UnsupportedError(_) => unsupported(),
        TiffError::LimitsExceeded | TiffError::IntSizeError => bounds::too_much_memory(),
        _ => broken(),
    }
}
