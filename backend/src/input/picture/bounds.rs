use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::Limits;

use crate::failure::Failure;

/// The most that one picture's decoded pixels may take: fifty million pixels with alpha pass, with 16 bits they do not.
/// The decoder's own tables may take as much; the copy in RGB comes to three bytes a pixel.
pub(super) const MAX_DECODED_BYTES: u64 = 256 << 20;

/// What a picture's header is held to, before anything is reserved for its pixels: `decoded` is what they take in the
/// decoder's own format. Sides are those of the stored picture; turned upright, the shorter one stays the shorter one.
pub(super) fn check(width: u32, height: u32, decoded: u64, limits: Option<ImageLimits>) -> Result<(), Failure> {
    if width == 0 || height == 0 {
        return Err(Failure::new(FailureCode::ImageUndecodable, "the picture's header says that it has no pixels"));
    }
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
    if decoded > MAX_DECODED_BYTES {
        let detail = format!(
            "decoded, the picture takes {} MB; at most {} MB are taken: send it smaller, or with 8 bits a channel",
            decoded / 1_000_000,
            MAX_DECODED_BYTES / 1_000_000
        );
        return Err(Failure::new(FailureCode::ImageTooLarge, detail));
    }
    Ok(())
}

/// The same bound for the decoders of `image`.
pub(super) fn alloc_limit() -> Limits {
    at_most(MAX_DECODED_BYTES)
}

/// The bound of a decoder whose frames have sizes of their own: the picture, a frame of its size, and tables.
pub(super) fn frame_limit(decoded: u64) -> Limits {
    at_most(decoded.saturating_mul(2).saturating_add(1 << 20).min(MAX_DECODED_BYTES))
}

fn at_most(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// The refusal of a picture that would take more than its bound.
pub(super) fn too_much_memory() -> Failure {
    Failure::new(FailureCode::ImageTooLarge, "the picture takes too much memory to decode: send it smaller")
}
