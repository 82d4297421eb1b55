use std::{borrow::Cow, io::Cursor};

use forebay_contract::{FailureCode, catalog::ImageLimits};
use image::{codecs::png::PngDecoder, metadata::Orientation};

use super::{Rgb, bounds, codec, upright};
use crate::failure::Failure;

const SIGNATURE: usize = 8;
/// The chunk that ends every PNG, whole.
const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// A PNG whose pixels are all there; that it ends with IEND is not asked for, as Pillow and browsers do not.
pub(super) fn read(
    payload: &[u8],
    limits: Option<ImageLimits>,
    background: [u8; 3],
) -> Result<(Rgb, Orientation), Failure> {
    let found = look(payload);
    // An animation's default image need not be one of its frames at all.
    if found.frames > 1 {
        let detail = format!("the picture is animated, with {} frames: send one of them", found.frames);
        return Err(Failure::new(FailureCode::ImageAnimated, detail));
    }
    let whole = match found.unended {
        Some(end) => Cow::Owned([payload.get(..end).unwrap_or(payload), END].concat()),
        None => Cow::Borrowed(payload),
    };
    let decoder = PngDecoder::with_limits(Cursor::new(whole), bounds::alloc_limit()).map_err(codec::refused)?;
    Ok((codec::pixels(decoder, limits, background)?, found.orientation))
}

/// What the chunks say, wherever they stand; what is no chunk is left to the decoder.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    frames: u32,
    orientation: Orientation,
    /// Where the chunks end that belong to a picture without IEND whose pixels have begun; none where IEND is there.
    unended: Option<usize>,
}

/// Walks the chunks (W3C PNG §5.3): length, name, content, checksum.
fn look(png: &[u8]) -> Found {
    let mut found = Found { frames: 1, orientation: Orientation::NoTransforms, unended: None };
    let (mut at, mut begun) = (SIGNATURE, false);
    while let Some((name, content, after)) = chunk(png, at) {
        match name {
            b"IEND" => return found,
            b"IDAT" => begun = true,
            b"acTL" => found.frames = content.first_chunk().map_or(1, |frames| u32::from_be_bytes(*frames)),
            b"eXIf" => found.orientation = upright::orientation(content),
            _ => {}
        }
        at = after;
    }
    // Cut off within its pixels, the rest of them may be read, and is missed.
    let within = png.get(at..).and_then(|rest| rest.get(4..8)) == Some(b"IDAT");
    found.unended = (begun && !within).then_some(at);
    found
}

fn chunk(png: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let (length, rest) = png.get(at..)?.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    rest.get(4..)?;
    Some((name, content, at + 12 + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks(names: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, content) in names {
            png.extend((content.len() as u32).to_be_bytes());
            png.extend([&name[..], content, b"\0\0\0\0"].concat());
        }
        png
    }

    #[test]
    fn what_the_chunks_say_is_found_wherever_they_stand() {
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let whole = chunks(&[(b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0]), (b"IDAT", b"abc"), (b"eXIf", exif), (b"IEND", b"")]);
        assert_eq!(look(&whole), Found { frames: 3, orientation: Orientation::Rotate90, unended: None });
        let unended = &whole[..whole.len() - 12];
        assert_eq!(look(unended).unended, Some(unended.len()));
        assert_eq!(look(&whole[..whole.len() - 5]).unended, Some(unended.len()), "a part of IEND");
        let within = chunks(&[(b"IDAT", b"abc"), (b"IDAT", b"def")]);
        assert_eq!(look(&within[..within.len() - 5]).unended, None, "a part of the pixels");
    }

    proptest! {
        #[test]
        fn arbitrary_chunks_never_panic(noise: Vec<u8>, length: u32) {
            let _ = look(&noise);
            let _ = look(&[b"\x89PNG\r\n\x1a\n", &length.to_be_bytes()[..], b"IDAT", &noise].concat());
        }
    }
}
