//! Pictures that decoders got wrong are right, or refused for what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::path::Path;

use forebay_backend::{input, model::Look};
use forebay_contract::FailureCode;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)).unwrap()
}

fn pixels(payload: &[u8]) -> (u32, u32, Vec<u8>) {
    input::pixels(payload, Look::default(), None).unwrap()
}

/// How many levels the pixels differ by, on average.
fn distance(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    sum as f64 / one.len() as f64
}

#[test]
fn a_scan_for_each_colour_gives_the_picture_that_it_was_made_of() {
    for (odd, source) in [
        ("odd/coffee_420_sep.jpg", "coffee.png"),
        ("odd/chelsea_420_sep_rst.jpg", "chelsea.png"),
        ("odd/coffee_noeoi.jpg", "coffee.png"),
    ] {
        let (width, height, found) = pixels(&fixture(odd));
        let (source_width, source_height, expected) = pixels(&fixture(source));
        assert_eq!((width, height), (source_width, source_height));
        let off = distance(&found, &expected);
        assert!(off < 6.0, "{odd}: {off} levels on average");
    }
}

#[test]
fn a_picture_that_lies_on_its_side_is_turned_upright_unless_the_model_says_otherwise() {
    let payload = fixture("odd/rocket_exif6.jpg");
    let (width, height, found) = pixels(&payload);
    let (.., expected) = pixels(&fixture("rocket.jpg"));
    assert_eq!((width, height), (640, 427));
    let off = distance(&found, &expected);
    assert!(off < 6.0, "{off} levels on average");
    let as_stored = Look { exif_orientation: false, ..Look::default() };
    let (width, height, _) = input::pixels(&payload, as_stored, None).unwrap();
    assert_eq!((width, height), (427, 640));
}

#[test]
fn what_is_cut_off_is_refused_as_undecodable() {
    let (coffee, chelsea) = (fixture("odd/coffee_noeoi.jpg"), fixture("odd/chelsea_trunc10.jpg"));
    // Up to its first scan's header, and not one pixel.
    let header_only = &chelsea[..623];
    for cut in [header_only, &chelsea, &coffee[..coffee.len() / 2]] {
        let failure = input::pixels(cut, Look::default(), None).unwrap_err();
        assert_eq!(failure.code, FailureCode::ImageUndecodable);
        assert!(failure.detail.contains("truncated"), "{}", failure.detail);
    }
}

#[test]
fn a_png_without_its_end_is_read_and_one_without_pixels_is_not() {
    let whole = fixture("coffee.png");
    assert_eq!(pixels(&whole[..whole.len() - 12]), pixels(&whole));
    let half = input::pixels(&whole[..whole.len() / 2], Look::default(), None).unwrap_err();
    assert_eq!(half.code, FailureCode::ImageUndecodable);
}
