//! The segments of a JPEG (ITU-T T.81, Annex B), without its pixels.

/// What a frame header says (§B.2.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The marker: baseline, extended, progressive, …
    pub(super) kind: u8,
    pub(super) precision: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: u8,
    /// Whether another component has more samples than the first.
    pub(super) first_is_coarser: bool,
}

/// The frame header, if it stands before the first scan.
pub(super) fn frame(jpeg: &[u8]) -> Option<Frame> {
    for Segment { marker, content } in Segments::of(jpeg) {
        match marker {
            SCAN => return None,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [precision, h1, h0, w1, w0, components, each @ ..] = content else { return None };
                let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
                // Each component has an id, its sampling across and down, and a table.
                let (each, _) = each.as_chunks::<3>();
                let sides = |sampling: &u8| (sampling >> 4, sampling & 15);
                let first = each.first().map_or((15, 15), |[_, sampling, _]| sides(sampling));
                let finer = |[_, sampling, _]: &[u8; 3]| sides(sampling).0 > first.0 || sides(sampling).1 > first.1;
                return Some(Frame {
                    kind: marker,
                    precision: *precision,
                    width,
                    height,
                    components: *components,
                    first_is_coarser: each.iter().any(finer),
                });
            }
            _ => {}
        }
    }
    None
}

/// How many components each scan has.
pub(super) fn scans(jpeg: &[u8]) -> impl Iterator<Item = u8> {
    let scans = Segments::of(jpeg).filter(|segment| segment.marker == SCAN);
    scans.filter_map(|scan| scan.content.first().copied())
}

const SCAN: u8 = 0xDA;
const END: u8 = 0xD9;

/// A marker and what follows it, without its length.
struct Segment<'a> {
    marker: u8,
    content: &'a [u8],
}

/// Skips what lies between segments: entropy-coded bytes, and stray ones as libjpeg does.
struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    fn of(jpeg: &'a [u8]) -> Self {
        Self { rest: jpeg.get(2..).unwrap_or_default() }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let start = self.rest.iter().position(|byte| *byte == 0xFF)?;
            match self.rest.get(start + 1..)? {
                // Fill bytes: any number may stand before a marker.
                after @ [0xFF, ..] => self.rest = after,
                // No markers, or markers without a segment.
                [0x00 | 0x01 | 0xD0..=0xD8, after @ ..] => self.rest = after,
                [END, ..] | [] => return None,
                [marker, after @ ..] => {
                    let (length, after) = after.split_first_chunk::<2>()?;
                    let length = usize::from(u16::from_be_bytes(*length)).saturating_sub(2);
                    // A header that is cut off says what it says.
                    let (content, rest) = after.split_at_checked(length).unwrap_or((after, &[]));
                    self.rest = rest;
                    return Some(Segment { marker: *marker, content });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_frame_header_is_found_behind_other_segments_and_stray_bytes() {
        let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 7, 7, 7, 0xFF, 0xFF, 0xC4, 0, 3, 9];
        assert_eq!(frame(&jpeg), None);
        jpeg.extend([0xFF, 0xC2, 0, 11, 8, 0, 5, 1, 1, 1, 1, 0x22, 0]);
        let found = frame(&jpeg).unwrap();
        assert_eq!((found.kind, found.precision, found.width, found.height), (0xC2, 8, 257, 5));
        assert_eq!((found.components, found.first_is_coarser), (1, false));
    }

    #[test]
    fn coarse_brightness_is_seen() {
        let sampled = |y: u8, cb: u8| [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0, 5, 0, 5, 3, 1, y, 0, 2, cb, 0, 3, 0x11, 0];
        for (y, cb, expect) in [(0x22, 0x11, false), (0x11, 0x11, false), (0x11, 0x21, true), (0x21, 0x12, true)] {
            assert_eq!(frame(&sampled(y, cb)).unwrap().first_is_coarser, expect, "{y:x} {cb:x}");
        }
    }

    #[test]
    fn scans_are_counted_with_their_components() {
        let one = [0xFF, 0xDA, 0, 4, 1, 9, 7, 0xFF, 0, 7, 0xFF, 0xD3, 8];
        let two = [0xFF, 0xDA, 0, 5, 2, 9, 9, 7, 7];
        let jpeg = [&[0xFF, 0xD8][..], &one, &two, &[0xFF, 0xD9], &one].concat();
        assert_eq!(scans(&jpeg).collect::<Vec<_>>(), [1, 2], "what follows the end is no part of it");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut payload: Vec<u8>) {
            let _ = (frame(&payload), scans(&payload).count());
            payload.splice(0..0, [0xFF, 0xD8, 0xFF]);
            let _ = (frame(&payload), scans(&payload).count());
        }
    }
}
