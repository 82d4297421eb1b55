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
pub(crate) fn check(media_type: MediaType, bytes: &[u8], limits: &ImageLimits) -> Result<(), Refusal> {
    let read = match media_type {
        MediaType::Png => png(bytes),
        MediaType::Webp => webp(bytes),
        MediaType::Gif => gif(bytes),
        MediaType::Bmp => bmp(bytes),
        // Its size may stand anywhere: the worker looks.
        MediaType::Tiff if MediaType::of_content(bytes) == Some(media_type) => return Ok(()),
        MediaType::Jpeg => jpeg(bytes),
        _ => Err(HeaderError::Unrecognized),
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

/// The first chunk (RFC 9649 §2.4): its name, length and content.
fn webp(bytes: &[u8]) -> Result<Size, HeaderError> {
    let short = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]));
    let long = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]);
    let chunk = bytes.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..)?.strip_prefix(b"WEBP"));
    match chunk.ok_or(HeaderError::Unrecognized)? {
        // Extended: flags, three reserved bytes, then both sides less one.
        [b'V', b'P', b'8', b'X', _, _, _, _, _, _, _, _, w0, w1, w2, h0, h1, h2, ..] => {
            sized(long(*w0, *w1, *w2) + 1, long(*h0, *h1, *h2) + 1)
        }
        // Lossless: 14 bits each, less one.
        [b'V', b'P', b'8', b'L', _, _, _, _, 0x2f, a, b, c, d, ..] => {
            let bits = u32::from_le_bytes([*a, *b, *c, *d]);
            sized((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        // Lossy: a frame tag and a start code, then 14 bits each and two of scaling.
        [b'V', b'P', b'8', b' ', _, _, _, _, _, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] => {
            sized(short(*w0, *w1) & 0x3fff, short(*h0, *h1) & 0x3fff)
        }
        _ => Err(HeaderError::Unrecognized),
    }
}

/// The logical screen: what the first frame is drawn on.
fn gif(bytes: &[u8]) -> Result<Size, HeaderError> {
    match bytes {
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', w0, w1, h0, h1, ..] => {
            sized(u16::from_le_bytes([*w0, *w1]).into(), u16::from_le_bytes([*h0, *h1]).into())
        }
        _ => Err(HeaderError::Unrecognized),
    }
}

/// The header behind the 14 bytes of the file's: its own length, width and height; negative where rows go down.
fn bmp(bytes: &[u8]) -> Result<Size, HeaderError> {
    let header = bytes.strip_prefix(b"BM").and_then(|rest| rest.get(12..)).ok_or(HeaderError::Unrecognized)?;
    match header {
        [12, 0, 0, 0, w0, w1, h0, h1, ..] => {
            sized(u16::from_le_bytes([*w0, *w1]).into(), u16::from_le_bytes([*h0, *h1]).into())
        }
        [_, 0, 0, 0, w0, w1, w2, w3, h0, h1, h2, h3, ..] => {
            let side = |bytes| i32::from_le_bytes(bytes).unsigned_abs();
            sized(side([*w0, *w1, *w2, *w3]), side([*h0, *h1, *h2, *h3]))
        }
        _ => Err(HeaderError::Unrecognized),
    }
}

/// Walks the marker segments (ITU-T T.81 §B.1) up to the frame header. Stray bytes between them are skipped, as readers
/// do.
fn jpeg(bytes: &[u8]) -> Result<Size, HeaderError> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8, 0xff]).ok_or(HeaderError::Unrecognized)?;
    loop {
        let (&marker, after) = rest.split_first().ok_or(HeaderError::Unrecognized)?;
        match marker {
            // Fill bytes: any number may stand before a marker.
            0xff => {
                rest = after;
                continue;
            }
            // No markers, and markers without a segment.
            0x00 | 0x01 | 0xd0..=0xd7 => rest = after,
            // Another picture, a scan or the end before any frame header.
            0xd8..=0xda => return Err(HeaderError::Unrecognized),
            0xc0..=0xc2 => return frame(segment(after)?.0),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(HeaderError::Unsupported("lossless, hierarchical and arithmetic-coded JPEG are not read"));
            }
            _ => rest = segment(after)?.1,
        }
        let next = rest.iter().position(|byte| *byte == 0xff).ok_or(HeaderError::Unrecognized)?;
        rest = rest.get(next + 1..).ok_or(HeaderError::Unrecognized)?;
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
    // PNG forbids 0 and 2³¹ upwards; a JPEG of height 0 gives it later, which no model's decoder reads.
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

    fn bmp_of(header: u32, width: i32, height: i32) -> Vec<u8> {
        let mut bytes = b"BM\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(header.to_le_bytes());
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
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
        use MediaType::{Bmp, Gif, Jpeg, Png, Tiff, Webp};
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
            (
                "stray bytes",
                Jpeg,
                [&[0xff, 0xd8, 0xff, 0xe0, 0, 2, 7, 7, 7], &jpeg_of(0xc0, 640, 480, 3, 0)[2..]].concat(),
                None,
            ),
            ("text", Jpeg, b"hello".to_vec(), Some(ImageUnrecognized)),
            (
                "wide webp",
                Webp,
                b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xff\xff\0".to_vec(),
                Some(ImageTooLarge),
            ),
            ("lossless webp", Webp, b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x31\x80\x0c\0".to_vec(), None),
            (
                "lossy webp",
                Webp,
                b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x07\0\x32\0".to_vec(),
                Some(ImageTooSmall),
            ),
            ("cut webp", Webp, b"RIFF\0\0\0\0WEBPVP8L".to_vec(), Some(ImageUnrecognized)),
            ("gif", Gif, b"GIF89a\x32\0\x32\0".to_vec(), None),
            ("huge gif", Gif, b"GIF87a\xff\xff\xff\xff".to_vec(), Some(ImageTooLarge)),
            ("cut gif", Gif, b"GIF89a\x32".to_vec(), Some(ImageUnrecognized)),
            ("bmp, rows down", Bmp, bmp_of(40, 50, -60), None),
            (
                "old bmp",
                Bmp,
                [&b"BM\0\0\0\0\0\0\0\0\0\0\0\0"[..], &[12, 0, 0, 0, 9, 0, 7, 0]].concat(),
                Some(ImageTooSmall),
            ),
            ("huge bmp", Bmp, bmp_of(124, i32::MAX, i32::MAX), Some(ImageTooLarge)),
            ("cut bmp", Bmp, b"BM\0\0".to_vec(), Some(ImageUnrecognized)),
            ("tiff", Tiff, b"II*\0".to_vec(), None),
            ("png called tiff", Tiff, png_of(640, 480), Some(ImageUnrecognized)),
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
            for (media_type, magic) in [
                (MediaType::Png, &b""[..]),
                (MediaType::Webp, b"RIFF\0\0\0\0WEBPVP8X"),
                (MediaType::Gif, b"GIF89a"),
                (MediaType::Bmp, b"BM"),
                (MediaType::Tiff, b"II*\0"),
            ] {
                let _ = check_code(media_type, &[magic, bytes.as_slice()].concat());
            }
        }
    }
}
