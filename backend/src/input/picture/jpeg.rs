//! JPEG by libjpeg-turbo-rs: its pixels are those of libjpeg-turbo, which Pillow, torchvision and browsers use, to the
//! level. zune-jpeg (0.5.15, and 0.5.16-rc3 with restart markers) reads baseline pictures with a scan for each component
//! wrongly and without an error; jpeg-decoder is up to three levels off.
//!
//! Without its feature `simd`, the few unsafe lines left are writes of 8 × 8 blocks and zeroed allocations, whose bounds
//! follow from a frame header that does not change. Seven million mutated files under AddressSanitizer showed no access out
//! of bounds; its version is pinned, so that another one is looked at as closely.

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::metadata::Orientation;
use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::{
    Rgb, bounds,
    jpeg_segments::{Frame, frame, scans},
};
use crate::failure::Failure;

/// The marker of a progressive frame.
const PROGRESSIVE: u8 = 0xC2;
/// The most scans of a small picture; progressive pictures have about ten.
const MAX_SCANS: u64 = 1000;
/// The most scans times pixels, as each scan may touch them all: some seconds of work.
const MAX_WORK: u64 = 1 << 32;
/// The decoder's own estimate: output, planes and the coefficients of a progressive picture.
const MAX_MEMORY: u64 = 3 * bounds::MAX_DECODED_BYTES;

/// A whole JPEG of one or three colours; cut off anywhere but before its end marker, it is refused.
pub(super) fn read(payload: &[u8], limits: Option<ImageLimits>) -> Result<(Rgb, Orientation), Failure> {
    let found = frame(payload)
        .ok_or_else(|| Failure::new(FailureCode::ImageUndecodable, "the JPEG ends before it says its size"))?;
    is_read(&found, payload)?;
    let Frame { width, height, .. } = found;
    let pixels = u64::from(width) * u64::from(height);
    bounds::check(width.into(), height.into(), 3 * pixels, limits)?;
    let max_scans = (MAX_WORK / pixels.max(1)).clamp(64, MAX_SCANS);
    let bound = DecodeLimits {
        max_scans: usize::try_from(max_scans).unwrap_or(usize::MAX),
        max_memory: Some(MAX_MEMORY),
        ..DecodeLimits::default()
    };
    let refused = |error: JpegError| refused(&error, max_scans);
    let mut decoder = Decoder::new_with_limits(payload, bound).map_err(refused)?;
    if !is_meant(&found, &decoder) {
        return Err(Failure::new(FailureCode::ImageUndecodable, "the JPEG is broken: it says twice what it is"));
    }
    let orientation = decoder.exif_orientation().and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
    decoder.set_output_format(PixelFormat::Rgb);
    let bytes = decoder.decode_image().map_err(refused)?.into_vec();
    if bytes.len() as u64 != 3 * pixels {
        return Err(Failure::new(FailureCode::ImageUndecodable, "the JPEG is broken"));
    }
    Ok((Rgb { width: width.into(), height: height.into(), bytes }, orientation))
}

/// Refuses the kinds that the decoder does not read, or that other readers give other colours.
fn is_read(frame: &Frame, payload: &[u8]) -> Result<(), Failure> {
    let unsupported = |what: &str| Err(Failure::new(FailureCode::ImageUnsupported, what));
    match (frame.kind, frame.precision, frame.components) {
        (0xC0..=0xC2, 8, 1 | 3) => {}
        (0xC0..=0xC2, 8, 4) => return unsupported("CMYK pictures are not read: convert it to RGB"),
        (0xC0..=0xC2, 8, _) => return unsupported("only greyscale and three-colour JPEG are read: convert it to RGB"),
        (0xC0..=0xC2, ..) => return unsupported("only JPEG of 8 bits a sample is read"),
        _ => return unsupported("lossless, hierarchical and arithmetic-coded JPEG are not read"),
    }
    if frame.first_is_coarser {
        return unsupported("JPEG whose brightness is coarser than its colours is not read: save it anew");
    }
    let mut sizes = scans(payload).peekable();
    let first = sizes.peek().copied();
    if frame.kind != PROGRESSIVE && first != Some(frame.components) && sizes.any(|size| size != 1) {
        return unsupported("JPEG with two of three colours in one scan is not read: save it anew");
    }
    Ok(())
}

/// Whether the decoder is about to read the frame that was looked at. It finds its way through markers and lengths that
/// make no sense by rules of its own, so bytes can be made in which it finds another one, past every bound. Only markers
/// are read by then.
fn is_meant(frame: &Frame, decoder: &Decoder<'_>) -> bool {
    let header = decoder.header();
    let mut sampling = header.components.iter().map(|each| (each.horizontal_sampling, each.vertical_sampling));
    let (across, down) = sampling.next().unwrap_or_default();
    !decoder.is_arithmetic()
        && !header.is_lossless
        && header.is_progressive == (frame.kind == PROGRESSIVE)
        && (header.width, header.height, header.precision) == (frame.width, frame.height, frame.precision)
        && header.components.len() == usize::from(frame.components)
        && sampling.all(|each| each.0 <= across && each.1 <= down)
}

/// In words for who sent it.
fn refused(error: &JpegError, max_scans: u64) -> Failure {
    let undecodable = |what: &str| Failure::new(FailureCode::ImageUndecodable, what);
    match error {
        JpegError::LimitExceeded { what, .. } if what.contains("scan") => {
            let detail =
                format!("the JPEG has more than {max_scans} scans; that many are read in its size: save it anew");
            Failure::new(FailureCode::ImageUnsupported, detail)
        }
        JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. } => bounds::too_much_memory(),
        JpegError::Unsupported(_) => {
            Failure::new(FailureCode::ImageUnsupported, "the picture uses a feature of JPEG that is not read")
        }
        JpegError::UnexpectedEof => undecodable("the JPEG is truncated: it ends before its pixels do"),
        _ => undecodable("the JPEG is broken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_picture_is() {
        for (kind, precision, components, expect) in [
            (0xC0, 8, 4, "CMYK"),
            (0xC2, 8, 2, "three-colour"),
            (0xC1, 12, 3, "8 bits"),
            (0xC3, 8, 3, "lossless"),
            (0xC9, 8, 3, "arithmetic"),
        ] {
            let jpeg = [0xFF, 0xD8, 0xFF, kind, 0, 8, precision, 0, 9, 0, 9, components];
            let failure = read(&jpeg, None).err().unwrap();
            assert_eq!(failure.code, FailureCode::ImageUnsupported);
            assert!(failure.detail.contains(expect), "{}", failure.detail);
        }
    }

    #[test]
    fn a_frame_that_only_the_decoder_finds_is_not_read() {
        for (name, jpeg) in [
            ("restart", &include_bytes!("../../../../tests/fixtures/odd/two_headers/restart.jpg")[..]),
            ("table", include_bytes!("../../../../tests/fixtures/odd/two_headers/table.jpg")),
            ("interval", include_bytes!("../../../../tests/fixtures/odd/two_headers/interval.jpg")),
            ("sampling", include_bytes!("../../../../tests/fixtures/odd/two_headers/sampling.jpg")),
            ("lossless", include_bytes!("../../../../tests/fixtures/odd/two_headers/lossless.jpg")),
            ("size", include_bytes!("../../../../tests/fixtures/odd/two_headers/size.jpg")),
        ] {
            let failure = read(jpeg, None).err().unwrap();
            assert_eq!(
                (failure.code, failure.detail.contains("twice")),
                (FailureCode::ImageUndecodable, true),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_cut_off_is_called_truncated() {
        let pixels: Vec<u8> = (0..60 * 40 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
        let sampling = libjpeg_turbo_rs::Subsampling::S420;
        let whole = libjpeg_turbo_rs::compress(&pixels, 60, 40, PixelFormat::Rgb, 90, sampling).unwrap();
        assert!(read(&whole, None).is_ok());
        assert!(read(&whole[..whole.len() - 2], None).is_ok(), "only its end marker is missing");
        for end in [whole.len() - 3, whole.len() / 2, 3] {
            let failure = read(&whole[..end], None).err().unwrap();
            assert_eq!(failure.code, FailureCode::ImageUndecodable, "{end}");
            assert!(failure.detail.contains("ends before"), "{end}: {}", failure.detail);
        }
    }
}
