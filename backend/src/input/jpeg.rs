/// How many colour components a JPEG's frame has; `None` when no frame header is found.
///
/// The decoder turns CMYK into something like RGB without saying so; other readers get other colours from the same
/// file, so four components are refused, and this tells them.
pub(super) fn components(payload: &[u8]) -> Option<u8> {
    let mut rest = payload.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (marker, after) = match rest {
            // Fill bytes may stand before a marker.
            [0xFF, 0xFF, ..] => {
                rest = rest.get(1..)?;
                continue;
            }
            [0xFF, marker, after @ ..] => (*marker, after),
            _ => return None,
        };
        // Markers without a segment.
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            rest = after;
            continue;
        }
        let (length, _) = after.split_first_chunk::<2>()?;
        let segment = after.get(2..usize::from(u16::from_be_bytes(*length)))?;
        // Start of frame, all kinds; C4, C8 and CC are other things.
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            // precision, height (2), width (2), components
            return segment.get(5).copied();
        }
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_frame_header_is_found_behind_other_segments() {
        let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC4, 0, 3, 9];
        assert_eq!(components(&jpeg), None);
        jpeg.extend([0xFF, 0xC2, 0, 8, 8, 0, 1, 0, 1, 4]);
        assert_eq!(components(&jpeg), Some(4));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut payload: Vec<u8>) {
            let _ = components(&payload);
            payload.splice(0..0, [0xFF, 0xD8, 0xFF]);
            let _ = components(&payload);
        }
    }
}
