//! What a picture says of itself in its first bytes: enough to refuse without decoding.

use forebay_contract::{MediaType, ProblemCode, catalog::ImageLimits};

use super::Refusal;

/// A picture's size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
}

/// Why a header was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderError {
    /// It is not this kind of picture at all, or ends too soon.
    Unrecognized,
    /// It is, but of a variety that models do not read.
    Unsupported(&'static str),
}

/// Checks that `bytes` begin like the picture `media_type` promises, within what the model takes.
pub fn check(media_type: MediaType, bytes: &[u8], limits: &ImageLimits) -> Result<(), Refusal> {
    let read = match media_type {
        MediaType::Png => png(bytes),
        _ => jpeg(bytes),
    };
    let size = read.map_err(|error| match error {
        HeaderError::Unrecognized => {
            let detail = format!("the bytes are not a whole {} header", media_type.name());
            Refusal::new(ProblemCode::ImageUnrecognized, detail)
        }
        HeaderError::Unsupported(what) => Refusal::new(ProblemCode::ImageUnsupported, what),
    })?;
    let Size { width, height } = size;
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        let detail = format!("the image is {width}×{height}; this model takes at most {} pixels", limits.max_pixels);
        return Err(Refusal::new(ProblemCode::ImageTooLarge, detail));
    }
    if width.min(height) < limits.min_side {
        let detail = format!("the image is {width}×{height}; this model takes no side below {}", limits.min_side);
        return Err(Refusal::new(ProblemCode::ImageTooSmall, detail));
    }
    Ok(())
}

/// The media type that the first bytes belong to: for pictures that come without a `Content-Type`.
pub fn sniff(bytes: &[u8]) -> Option<MediaType> {
    if bytes.starts_with(PNG_SIGNATURE) {
        Some(MediaType::Png)
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(MediaType::Jpeg)
    } else {
        None
    }
}

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The IHDR chunk comes first (W3C PNG §5.6) and begins with width and height.
fn png(bytes: &[u8]) -> Result<Size, HeaderError> {
    let rest = bytes.strip_prefix(PNG_SIGNATURE).ok_or(HeaderError::Unrecognized)?;
    let rest = rest.strip_prefix(b"\0\0\0\x0dIHDR").ok_or(HeaderError::Unrecognized)?;
    let (width, rest) = rest.split_first_chunk().ok_or(HeaderError::Unrecognized)?;
    let (height, rest) = rest.split_first_chunk().ok_or(HeaderError::Unrecognized)?;
    if rest.len() < 5 {
        return Err(HeaderError::Unrecognized);
    }
    sized(u32::from_be_bytes(*width), u32::from_be_bytes(*height))
}

/// Walks the marker segments (ITU-T T.81 §B.1) up to the frame header.
fn jpeg(bytes: &[u8]) -> Result<Size, HeaderError> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or(HeaderError::Unrecognized)?;
    loop {
        rest = rest.strip_prefix(&[0xff]).ok_or(HeaderError::Unrecognized)?;
        let (&marker, after) = rest.split_first().ok_or(HeaderError::Unrecognized)?;
        match marker {
            // Fill bytes: any number may stand before a marker.
            0xff => continue,
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => rest = after,
            // A scan or the end before any frame header.
            0x00 | 0xd8..=0xda => return Err(HeaderError::Unrecognized),
            0xc0..=0xc2 => return frame(segment(after)?.0),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(HeaderError::Unsupported("lossless, hierarchical and arithmetic-coded JPEG are not read"));
            }
            _ => rest = segment(after)?.1,
        }
    }
}

/// Splits off a segment's content; its length field counts itself.
fn segment(bytes: &[u8]) -> Result<(&[u8], &[u8]), HeaderError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(HeaderError::Unrecognized)?;
    let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2).ok_or(HeaderError::Unrecognized)?;
    rest.split_at_checked(length).ok_or(HeaderError::Unrecognized)
}

/// A frame header: precision, height, width, number of components.
fn frame(content: &[u8]) -> Result<Size, HeaderError> {
    let &[precision, h1, h0, w1, w0, components, ..] = content else {
        return Err(HeaderError::Unrecognized);
    };
    match (precision, components) {
        (8, 1 | 3) => sized(u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()),
        (8, 4) => Err(HeaderError::Unsupported("CMYK images are not read: convert to RGB or greyscale")),
        (8, _) => Err(HeaderError::Unsupported("only greyscale and three-colour JPEG are read")),
        _ => Err(HeaderError::Unsupported("only JPEG of 8 bits a sample is read")),
    }
}

fn sized(width: u32, height: u32) -> Result<Size, HeaderError> {
    // PNG forbids 0 and 2³¹ upwards; a JPEG of height 0 tells it later, which no model's decoder reads.
    let whole = |side: u32| (1..=i32::MAX as u32).contains(&side);
    if whole(width) && whole(height) { Ok(Size { width, height }) } else { Err(HeaderError::Unrecognized) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = PNG_SIGNATURE.to_vec();
        bytes.extend(b"\0\0\0\x0dIHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        bytes
    }

    /// SOI, an APP0 segment of `padding` bytes, two fill bytes, then the frame header under `marker`.
    fn jpeg_of(marker: u8, width: u16, height: u16, components: u8, padding: u16) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
        bytes.extend((padding + 2).to_be_bytes());
        bytes.extend(std::iter::repeat_n(0x5a, padding.into()));
        bytes.extend([0xff, 0xff, 0xff, marker, 0, 8 + 3 * components, 8]);
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.push(components);
        bytes.extend(std::iter::repeat_n(0x11, 3 * usize::from(components)));
        bytes
    }

    fn check_code(media_type: MediaType, bytes: &[u8]) -> Option<ProblemCode> {
        let limits = ImageLimits { min_side: 8, max_pixels: 1_000_000 };
        check(media_type, bytes, &limits).err().map(|refusal| refusal.code)
    }

    #[test]
    fn sizes_and_varieties() {
        use MediaType::{Jpeg, Png};
        use ProblemCode::{ImageTooLarge, ImageTooSmall, ImageUnrecognized, ImageUnsupported};
        for (what, media_type, bytes, expect) in [
            ("png", Png, png_of(640, 480), None),
            ("1×1 png", Png, png_of(1, 1), Some(ImageTooSmall)),
            ("thin png", Png, png_of(1000, 7), Some(ImageTooSmall)),
            ("huge png", Png, png_of(20_000, 20_000), Some(ImageTooLarge)),
            ("overflowing png", Png, png_of(u32::MAX, u32::MAX), Some(ImageUnrecognized)),
            ("largest png", Png, png_of(i32::MAX as u32, i32::MAX as u32), Some(ImageTooLarge)),
            ("empty png", Png, png_of(0, 10), Some(ImageUnrecognized)),
            ("cut png", Png, png_of(640, 480)[..26].to_vec(), Some(ImageUnrecognized)),
            ("png called jpeg", Jpeg, png_of(640, 480), Some(ImageUnrecognized)),
            ("baseline", Jpeg, jpeg_of(0xc0, 640, 480, 3, 14), None),
            ("progressive grey", Jpeg, jpeg_of(0xc2, 640, 480, 1, 0), None),
            ("huge jpeg", Jpeg, jpeg_of(0xc0, 20_000, 20_000, 3, 14), Some(ImageTooLarge)),
            ("1×1 jpeg", Jpeg, jpeg_of(0xc0, 1, 1, 3, 14), Some(ImageTooSmall)),
            ("cmyk", Jpeg, jpeg_of(0xc0, 640, 480, 4, 14), Some(ImageUnsupported)),
            ("two components", Jpeg, jpeg_of(0xc0, 640, 480, 2, 14), Some(ImageUnsupported)),
            ("lossless", Jpeg, jpeg_of(0xc3, 640, 480, 3, 14), Some(ImageUnsupported)),
            ("arithmetic", Jpeg, jpeg_of(0xc9, 640, 480, 3, 14), Some(ImageUnsupported)),
            ("height later", Jpeg, jpeg_of(0xc0, 640, 0, 3, 14), Some(ImageUnrecognized)),
            ("scan first", Jpeg, vec![0xff, 0xd8, 0xff, 0xda, 0, 2], Some(ImageUnrecognized)),
            ("length below itself", Jpeg, vec![0xff, 0xd8, 0xff, 0xe0, 0, 1], Some(ImageUnrecognized)),
            ("text", Jpeg, b"hello".to_vec(), Some(ImageUnrecognized)),
            ("nothing", Png, Vec::new(), Some(ImageUnrecognized)),
        ] {
            assert_eq!(check_code(media_type, &bytes), expect, "{what}");
        }
    }

    #[test]
    fn every_cut_of_a_jpeg_is_unrecognized() {
        let whole = jpeg_of(0xc0, 640, 480, 3, 14);
        for length in 0..whole.len() {
            assert_eq!(check_code(MediaType::Jpeg, &whole[..length]), Some(ProblemCode::ImageUnrecognized), "{length}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = check_code(MediaType::Jpeg, &[&[0xff, 0xd8, 0xff], bytes.as_slice()].concat());
            let _ = check_code(MediaType::Png, &bytes);
        }
    }
}
