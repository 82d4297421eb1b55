use image::{DynamicImage, RgbImage, metadata::Orientation};

use super::Rgb;

/// The picture as it is to be looked at: turned and mirrored as its EXIF orientation says. The metadata's other words
/// are not read.
pub(super) fn upright(picture: Rgb, orientation: Orientation) -> Rgb {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let Rgb { width, height, bytes } = picture;
    let Some(whole) = RgbImage::from_raw(width, height, bytes) else {
        // Every decoder gives width × height pixels; one that did not leaves nothing to turn.
        return Rgb { width, height, bytes: Vec::new() };
    };
    let mut whole = DynamicImage::ImageRgb8(whole);
    whole.apply_orientation(orientation);
    Rgb { width: whole.width(), height: whole.height(), bytes: whole.into_rgb8().into_raw() }
}

/// The orientation in a block of EXIF data, with or without the name that JPEG puts before it.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A block of EXIF data that holds an orientation and nothing else.
    pub(in crate::input::picture) fn exif(orientation: u8) -> Vec<u8> {
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], b"\0\0\0\0\0\0"].concat()
    }

    /// A, B, C over D, E, F.
    fn letters() -> Rgb {
        Rgb { width: 3, height: 2, bytes: b"ABCDEF".iter().flat_map(|letter| [*letter; 3]).collect() }
    }

    #[test]
    fn each_orientation_is_that_of_exif() {
        for (tag, rows) in [
            (1, "ABC DEF"),
            (2, "CBA FED"),
            (3, "FED CBA"),
            (4, "DEF ABC"),
            (5, "AD BE CF"),
            (6, "DA EB FC"),
            (7, "FC EB DA"),
            (8, "CF BE AD"),
            (0, "ABC DEF"),
            (9, "ABC DEF"),
        ] {
            let turned = upright(letters(), orientation(&exif(tag)));
            let seen: Vec<u8> = turned.bytes.iter().step_by(3).copied().collect();
            let lines: Vec<_> = seen.chunks(turned.width as usize).map(String::from_utf8_lossy).collect();
            assert_eq!(lines.join(" "), rows, "{tag}");
            assert_eq!(turned.height as usize, lines.len());
        }
        assert_eq!(orientation(&[b"Exif\0\0", exif(6).as_slice()].concat()), Orientation::Rotate90);
    }

    proptest! {
        #[test]
        fn arbitrary_metadata_never_panics(noise: Vec<u8>, tag: u8, at in 0_usize..26, byte: u8) {
            let _ = orientation(&noise);
            let mut broken = exif(tag);
            if let Some(place) = broken.get_mut(at) {
                *place = byte;
            }
            let _ = orientation(&broken);
        }
    }
}
