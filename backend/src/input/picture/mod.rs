//! Pictures: one file a format, then what is done with their pixels.

mod background;
mod bounds;
mod codec;
mod crop;
mod jpeg;
mod jpeg_segments;
mod png;
mod resample;
mod tiff;
mod upright;

use std::io::Cursor;

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::{
    ImageDecoder as _, ImageFormat,
    codecs::{bmp::BmpDecoder, gif::GifDecoder, webp::WebPDecoder},
    metadata::Orientation,
};

use crate::{
    array::Array,
    failure::Failure,
    model::{ImageTable, Look, UpscaleTable},
};

/// One picture as the model wants it: decoded, upright, resized, cropped, normalised; `[1, 3, crop, crop]`.
///
/// The pixels are those of Pillow and torchvision. As in Pillow's `ImageOps.exif_transpose`, EXIF orientation is applied
/// unless the model says otherwise; what is transparent shows the model's background.
pub(super) fn prepare(payload: &[u8], table: &ImageTable, limits: Option<ImageLimits>) -> Result<Array<f32>, Failure> {
    let picture = read(payload, table.look(), limits)?;
    let cropped = crop::resize_and_crop(&picture, table.resize_short, table.crop)?;
    crop::planes(&cropped, (table.crop as usize, table.crop as usize), table.mean, table.std)
}

/// One picture in its own size, upright, `(value / 255 − mean) / std`; `[1, 3, height, width]`.
pub(super) fn whole(payload: &[u8], table: &UpscaleTable, limits: Option<ImageLimits>) -> Result<Array<f32>, Failure> {
    let Rgb { width, height, bytes } = read(payload, table.look(), limits)?;
    crop::planes(&bytes, (width as usize, height as usize), table.mean, table.std)
}

/// A picture's pixels as models see them before they are resized: width, height and three bytes each, row by row.
pub fn pixels(payload: &[u8], look: Look, limits: Option<ImageLimits>) -> Result<(u32, u32, Vec<u8>), Failure> {
    read(payload, look, limits).map(|Rgb { width, height, bytes }| (width, height, bytes))
}

/// Decoded pixels, three bytes each.
struct Rgb {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

fn read(payload: &[u8], look: Look, limits: Option<ImageLimits>) -> Result<Rgb, Failure> {
    let (picture, orientation) = match image::guess_format(payload) {
        Ok(ImageFormat::Jpeg) => jpeg::read(payload, limits)?,
        Ok(ImageFormat::Png) => png::read(payload, limits, look.background)?,
        Ok(ImageFormat::WebP) => webp(payload, limits, look.background)?,
        // An animation gives its first frame, as a browser shows it first.
        Ok(ImageFormat::Gif) => {
            let decoder = GifDecoder::new(Cursor::new(payload)).map_err(codec::refused)?;
            let room = bounds::frame_limit(decoder.total_bytes());
            (codec::pixels_within(room, decoder, limits, look.background)?, Orientation::NoTransforms)
        }
        Ok(ImageFormat::Bmp) => {
            let decoder = BmpDecoder::new(Cursor::new(payload)).map_err(codec::refused)?;
            (codec::pixels(decoder, limits, look.background)?, Orientation::NoTransforms)
        }
        Ok(ImageFormat::Tiff) => tiff::read(payload, limits, look.background)?,
        Ok(_) => {
            let detail = "the picture is neither JPEG, PNG, WebP, GIF, BMP nor TIFF: send it as one of these";
            return Err(Failure::new(FailureCode::ImageUnsupported, detail));
        }
        Err(_) => return Err(Failure::new(FailureCode::ImageUndecodable, "this is not a picture")),
    };
    Ok(if look.exif_orientation { upright::upright(picture, orientation) } else { picture })
}

/// The first frame of a WebP.
fn webp(payload: &[u8], limits: Option<ImageLimits>, background: [u8; 3]) -> Result<(Rgb, Orientation), Failure> {
    let mut decoder = WebPDecoder::new(Cursor::new(payload)).map_err(codec::refused)?;
    // Before its metadata are read, which are bounded by the payload.
    let (width, height) = decoder.dimensions();
    bounds::check(width, height, decoder.total_bytes(), limits)?;
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.map_or(Orientation::NoTransforms, |exif| upright::orientation(&exif));
    Ok((codec::pixels(decoder, limits, background)?, orientation))
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
    use proptest::prelude::*;

    use super::*;

    const TABLE: ImageTable = ImageTable {
        resize_short: 8,
        crop: 6,
        mean: [0.5; 3],
        std: [0.5; 3],
        background: [255; 3],
        exif_orientation: true,
    };
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
            // Half transparent grey over white is a lighter grey.
            let grey = if matches!(color, ExtendedColorType::La8 | ExtendedColorType::Rgba8 | ExtendedColorType::Rgba16)
            {
                0.5
            } else {
                0.0
            };
            assert!(array.data().iter().all(|value| (value - grey).abs() < 0.01), "{color:?}");
        }
    }

    #[test]
    fn sizes_are_read_from_the_header() {
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
            let failure = refusal(&header(10_000, 5_000, bits, colour));
            assert_eq!(failure.code, FailureCode::ImageUndecodable, "its size is fine, its pixels are missing");
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
        assert_eq!(code(b"GIF89a\x09\x00\x09\x00\x00\x00\x00;"), FailureCode::ImageUndecodable);
        assert_eq!(code(b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00"), FailureCode::ImageUnsupported);
        let cmyk = [0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 9, 0, 9, 4];
        assert_eq!(code(&cmyk), FailureCode::ImageUnsupported);
    }

    #[test]
    fn a_picture_that_is_upscaled_keeps_its_size() {
        let (background, exif_orientation) = ([255; 3], true);
        let (mean, std, range) = ([0.0; 3], [1.0; 3], [0.0, 1.0]);
        let table = UpscaleTable { scale: 2, mean, std, range, background, exif_orientation };
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

    /// With these bytes put over it from `at` on.
    fn over(mut whole: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
        whole.iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = *new);
        whole
    }

    fn jpeg() -> Vec<u8> {
        let pixels: Vec<u8> = (0..40 * 30 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
        let (format, sampling) = (libjpeg_turbo_rs::PixelFormat::Rgb, libjpeg_turbo_rs::Subsampling::S420);
        libjpeg_turbo_rs::compress(&pixels, 40, 30, format, 80, sampling).unwrap()
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
            let whole = include_bytes!("../../../../tests/fixtures/rocket.jpg").to_vec();
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
