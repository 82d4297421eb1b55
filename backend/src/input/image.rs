use std::io::Cursor;

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits,
    codecs::{jpeg::JpegDecoder, png::PngDecoder},
};

use super::{
    jpeg,
    resample::{Axis, resample},
};
use crate::{
    array::Array,
    failure::Failure,
    model::{ImageTable, UpscaleTable},
};

/// The most that one picture's decoded pixels may take: fifty million pixels with alpha pass, with 16 bits they do not.
/// The decoder's own tables may take as much; the copy in RGB comes to three bytes a pixel.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// One picture as the model wants it: decoded, resized, cropped, normalised; `[1, 3, crop, crop]`.
///
/// The pixels are those of Pillow and torchvision; for JPEG its decoder may round one or two levels differently.
/// As there, EXIF orientation is not applied and transparency is dropped.
pub(super) fn prepare(payload: &[u8], table: &ImageTable, limits: Option<ImageLimits>) -> Result<Array<f32>, Failure> {
    let picture = decode(payload, limits)?;
    let cropped = resize_and_crop(&picture, table)?;
    planes(&cropped, (table.crop as usize, table.crop as usize), table.mean, table.std)
}

/// One picture in its own size, `(value / 255 − mean) / std`; `[1, 3, height, width]`.
pub(super) fn whole(payload: &[u8], table: &UpscaleTable, limits: Option<ImageLimits>) -> Result<Array<f32>, Failure> {
    let Rgb { width, height, bytes } = decode(payload, limits)?;
    planes(&bytes, (width as usize, height as usize), table.mean, table.std)
}

/// Decoded pixels, three bytes each.
struct Rgb {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

fn decode(payload: &[u8], limits: Option<ImageLimits>) -> Result<Rgb, Failure> {
    match image::guess_format(payload) {
        Ok(ImageFormat::Png) => {
            let decoder = PngDecoder::with_limits(Cursor::new(payload), alloc_limit()).map_err(refused)?;
            if decoder.is_apng().map_err(refused)? {
                let detail = "the picture is animated: send one frame of it";
                return Err(Failure::new(FailureCode::ImageAnimated, detail));
            }
            pixels(decoder, limits)
        }
        Ok(ImageFormat::Jpeg) => {
            if jpeg::components(payload) == Some(4) {
                let detail = "CMYK pictures are not read: convert it to RGB";
                return Err(Failure::new(FailureCode::ImageUnsupported, detail));
            }
            pixels(JpegDecoder::new(Cursor::new(payload)).map_err(refused)?, limits)
        }
        Ok(_) => Err(Failure::new(FailureCode::ImageUnsupported, "the picture is neither PNG nor JPEG")),
        Err(_) => Err(Failure::new(FailureCode::ImageUndecodable, "this is not a picture")),
    }
}

fn alloc_limit() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits
}

/// Sizes are checked on the header, before anything is reserved for the pixels.
fn pixels(mut decoder: impl ImageDecoder, limits: Option<ImageLimits>) -> Result<Rgb, Failure> {
    let (width, height) = decoder.dimensions();
    if let Some(limits) = limits {
        let found = u64::from(width) * u64::from(height);
        if found > limits.max_pixels {
            let detail = format!("the picture has {width}×{height} pixels; at most {} are taken", limits.max_pixels);
            return Err(Failure::new(FailureCode::ImageTooLarge, detail));
        }
        if width.min(height) < limits.min_side {
            let detail = format!("the picture has {width}×{height} pixels; no side may be below {}", limits.min_side);
            return Err(Failure::new(FailureCode::ImageTooSmall, detail));
        }
    }
    // The decoder's limit does not count the buffer that it fills.
    let decoded = decoder.total_bytes();
    if decoded > MAX_DECODED_BYTES {
        let detail = format!(
            "decoded, the picture takes {} MB; at most {} MB are taken: send it smaller, or with 8 bits a channel",
            decoded / 1_000_000,
            MAX_DECODED_BYTES / 1_000_000
        );
        return Err(Failure::new(FailureCode::ImageTooLarge, detail));
    }
    decoder.set_limits(alloc_limit()).map_err(refused)?;
    let bytes = DynamicImage::from_decoder(decoder).map_err(refused)?.into_rgb8().into_raw();
    Ok(Rgb { width, height, bytes })
}

/// The decoder's own words name offsets and chunks, which help nobody who sent a picture.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ImageError) -> Failure {
    match error {
        ImageError::Limits(_) => {
            Failure::new(FailureCode::ImageTooLarge, "the picture takes too much memory to decode")
        }
        ImageError::Unsupported(_) => {
            Failure::new(FailureCode::ImageUnsupported, "the picture uses a feature of its format that is not read")
        }
        _ => Failure::new(FailureCode::ImageUndecodable, "the picture is truncated or broken"),
    }
}

/// Resizes the short side to `resize_short` and cuts the middle out, in one step: only what is kept is computed, so a
/// picture of 8 × 6,000,000 pixels costs no more than others.
fn resize_and_crop(picture: &Rgb, table: &ImageTable) -> Result<Vec<u8>, Failure> {
    let broken = || Failure::new(FailureCode::ImageUndecodable, "the picture cannot be resized");
    let (width, height) = resized(picture.width, picture.height, table.resize_short);
    let middle = |from: u32, to: u32| Axis { from, to, first: margin(to, table.crop), count: table.crop };
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

/// From bytes, pixel by pixel, to floats, channel by channel.
fn planes(bytes: &[u8], (width, height): (usize, usize), mean: [f32; 3], std: [f32; 3]) -> Result<Array<f32>, Failure> {
    let mut data = Vec::with_capacity(bytes.len());
    for (channel, (mean, std)) in mean.iter().zip(&std).enumerate() {
        let levels: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0 - mean) / std);
        data.extend(bytes.iter().skip(channel).step_by(3).filter_map(|byte| levels.get(usize::from(*byte))));
    }
    let broken = || Failure::new(FailureCode::ImageUndecodable, "the picture cannot be resized");
    Array::new(vec![1, 3, height, width], data).ok_or_else(broken)
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
    use proptest::prelude::*;

    use super::*;

    const TABLE: ImageTable = ImageTable { resize_short: 8, crop: 6, mean: [0.5; 3], std: [0.5; 3] };
    const LIMITS: ImageLimits = ImageLimits { min_side: 2, max_pixels: 10_000 };

    fn png(width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
        let bytes = vec![128; (width * height) as usize * usize::from(color.bits_per_pixel() / 8)];
        let mut png = Vec::new();
        PngEncoder::new(&mut png).write_image(&bytes, width, height, color).unwrap();
        png
    }

    fn code(payload: &[u8]) -> FailureCode {
        prepare(payload, &TABLE, Some(LIMITS)).unwrap_err().code
    }

    #[test]
    fn every_kind_of_png_becomes_three_planes() {
        for color in [
            ExtendedColorType::L8,
            ExtendedColorType::La8,
            ExtendedColorType::Rgb8,
            ExtendedColorType::Rgba8,
            ExtendedColorType::L16,
            ExtendedColorType::Rgba16,
        ] {
            let array = prepare(&png(10, 7, color), &TABLE, Some(LIMITS)).unwrap();
            assert_eq!(array.shape(), [1, 3, 6, 6]);
            assert!(array.data().iter().all(|value| value.abs() < 0.01), "{color:?}");
        }
    }

    #[test]
    fn sizes_are_told_by_the_header() {
        assert_eq!(code(&png(101, 100, ExtendedColorType::L8)), FailureCode::ImageTooLarge);
        assert_eq!(code(&png(1, 1, ExtendedColorType::L8)), FailureCode::ImageTooSmall);
        // A header of 20,000 × 20,000 with next to nothing behind it.
        let mut bomb = png(9, 9, ExtendedColorType::Rgb8);
        bomb[16..24].copy_from_slice(&[0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20]);
        assert!(matches!(code(&bomb), FailureCode::ImageTooLarge | FailureCode::ImageUndecodable));
    }

    /// A PNG whose header says this and whose pixels are missing.
    fn header(width: u32, height: u32, bits: u8, colour: u8) -> Vec<u8> {
        let mut png = png(9, 9, ExtendedColorType::Rgb8);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        (png[24], png[25]) = (bits, colour);
        let bit = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        let crc = !png[12..29].iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit));
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        png
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused_before_it_is_reserved() {
        let (rgb, rgba) = (2, 6);
        let limits = ImageLimits { min_side: 2, max_pixels: 50_000_000 };
        let refusal = |png: &[u8]| prepare(png, &TABLE, Some(limits)).unwrap_err();
        let large = refusal(&header(10_000, 5_000, 16, rgba));
        assert_eq!(large.code, FailureCode::ImageTooLarge);
        assert!(large.detail.contains("400 MB") && large.detail.contains("8 bits"), "{}", large.detail);
        for (bits, colour) in [(8, rgb), (8, rgba)] {
            let told = refusal(&header(10_000, 5_000, bits, colour));
            assert_eq!(told.code, FailureCode::ImageUndecodable, "its size is fine, its pixels are missing");
        }
        assert_eq!(refusal(&header(5_000, 5_000, 16, rgba)).code, FailureCode::ImageUndecodable);
    }

    #[test]
    fn a_long_thin_picture_costs_no_more_than_others() {
        let limits = ImageLimits { min_side: 2, max_pixels: 10_000_000 };
        let array = prepare(&png(2, 2_000_000, ExtendedColorType::L8), &TABLE, Some(limits)).unwrap();
        assert_eq!(array.shape(), [1, 3, 6, 6]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let whole = png(20, 20, ExtendedColorType::Rgb8);
        assert_eq!(code(&whole[..whole.len() - 20]), FailureCode::ImageUndecodable);
        assert_eq!(code(b""), FailureCode::ImageUndecodable);
        assert_eq!(code(b"hello"), FailureCode::ImageUndecodable);
        assert_eq!(code(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"), FailureCode::ImageUnsupported);
        let cmyk = [0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 9, 0, 9, 4];
        assert_eq!(code(&cmyk), FailureCode::ImageUnsupported);
    }

    #[test]
    fn a_picture_that_is_upscaled_keeps_its_size() {
        let table = UpscaleTable { scale: 2, mean: [0.0; 3], std: [1.0; 3], range: [0.0, 1.0] };
        let array = whole(&png(5, 3, ExtendedColorType::Rgb8), &table, Some(LIMITS)).unwrap();
        assert_eq!(array.shape(), [1, 3, 3, 5]);
        assert!(array.data().iter().all(|value| (value - 128.0 / 255.0).abs() < 1e-6));
    }

    #[test]
    fn a_picture_that_moves_is_refused() {
        let still = png(9, 9, ExtendedColorType::Rgb8);
        // acTL before the pixels makes it an animation: two frames, played forever.
        let mut chunk = b"acTL\0\0\0\x02\0\0\0\0".to_vec();
        let bit = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        let crc = !chunk.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit));
        chunk.splice(0..0, 8_u32.to_be_bytes());
        chunk.extend(crc.to_be_bytes());
        let moving = [&still[..33], &chunk, &still[33..]].concat();
        assert_eq!(code(&moving), FailureCode::ImageAnimated);
    }

    #[test]
    fn the_short_side_is_resized_and_the_long_side_rounded_down() {
        assert_eq!(resized(451, 300, 256), (384, 256));
        assert_eq!(resized(300, 451, 256), (256, 384));
        assert_eq!(resized(256, 256, 256), (256, 256));
        assert_eq!(resized(1, u32::MAX, 256), (256, u32::MAX));
    }

    /// With these bytes put over it from `at` on.
    fn over(mut whole: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
        whole.iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = *new);
        whole
    }

    fn jpeg() -> Vec<u8> {
        let pixels: Vec<u8> = (0..40 * 30 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
        encoder.write_image(&pixels, 40, 30, ExtendedColorType::Rgb8).unwrap();
        jpeg
    }

    proptest! {
        #[test]
        fn a_broken_jpeg_never_panics(
            at: prop::sample::Index, noise in prop::collection::vec(any::<u8>(), 1..5), cut: bool,
        ) {
            let whole = jpeg();
            prop_assert!(prepare(&whole, &TABLE, Some(LIMITS)).is_ok());
            let at = at.index(whole.len());
            let mut broken = over(whole, at, &noise);
            if cut {
                broken.truncate(at);
            }
            let _ = prepare(&broken, &TABLE, Some(LIMITS));
        }
    }

    proptest! {
        // Each is a quarter of a million pixels.
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// As a camera's software writes it; half of the places are in its head.
        #[test]
        fn a_broken_photograph_never_panics(
            at: prop::sample::Index, head: bool, noise in prop::collection::vec(any::<u8>(), 1..5),
        ) {
            let whole = include_bytes!("../../../tests/fixtures/rocket.jpg").to_vec();
            let at = at.index(if head { 700 } else { whole.len() });
            let limits = ImageLimits { min_side: 2, max_pixels: 300_000 };
            let _ = prepare(&over(whole, at, &noise), &TABLE, Some(limits));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut payload: Vec<u8>, at in 8_usize..60, byte: u8) {
            let _ = prepare(&payload, &TABLE, Some(LIMITS));
            payload.splice(0..0, [0xFF, 0xD8, 0xFF]);
            let _ = prepare(&payload, &TABLE, Some(LIMITS));
            let mut broken = png(9, 9, ExtendedColorType::Rgba8);
            broken[at] = byte;
            let _ = prepare(&broken, &TABLE, Some(LIMITS));
        }
    }
}
