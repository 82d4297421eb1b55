//! Decoders of foreign bytes reserve no more than their bound, whatever the bytes promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[path = "world/manifests.rs"]
mod manifests;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    path::Path,
};

use forebay_backend::{
    input,
    model::{Manifest, Model},
};
use forebay_contract::{JobMessage, Parameters};
use proptest::prelude::*;

/// Counts what each thread holds and has held at most.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

fn hold(bytes: usize) {
    // A thread that ends has no counter any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get().saturating_add(bytes));
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

fn let_go(bytes: usize) {
    let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(bytes)));
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
#[allow(unsafe_code, reason = "allocators are unsafe by nature, and only one can see what is reserved")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let_go(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most bytes that `call` held at once, beyond what was held before.
fn most(call: impl FnOnce()) -> usize {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    call();
    MOST.with(Cell::get) - before
}

fn model(text: &str) -> Model {
    Model::open(manifests::parsed(text)).unwrap()
}

/// Of pictures of up to so many pixels.
fn seer(max_pixels: u32) -> Model {
    model(&manifests::seer("seer", 1, max_pixels))
}

/// Of sounds of an eighth of a second.
fn listener() -> Model {
    model(&manifests::listener(8000, 1000))
}

fn prepared(model: &Model, payload: &[u8]) -> usize {
    most(|| drop(input::prepare(model, payload, &Parameters::new())))
}

fn png(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    let pixels = vec![9; (side * side * 3) as usize];
    image::ImageEncoder::write_image(encoder, &pixels, side, side, image::ExtendedColorType::Rgb8).unwrap();
    png
}

fn small_jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..60 * 60 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
    let (format, sampling) = (libjpeg_turbo_rs::PixelFormat::Rgb, libjpeg_turbo_rs::Subsampling::S420);
    libjpeg_turbo_rs::compress(&pixels, 60, 60, format, 80, sampling).unwrap()
}

/// With these bytes put over it from `at` on.
fn over(mut whole: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    let start = at % whole.len();
    let end = (start + bytes.len()).min(whole.len());
    whole[start..end].copy_from_slice(&bytes[..end - start]);
    whole
}

/// What the counter itself must be able to see.
#[test]
fn what_is_reserved_is_counted() {
    assert!((1 << 20..2 << 20).contains(&most(|| drop(vec![1_u8; 1 << 20]))));
}

/// Each says in a header that its reader passes over what it says in the one that it reads.
#[test]
fn a_jpeg_of_two_headers_reserves_nothing() {
    let model = seer(50_000_000);
    for name in ["restart", "table", "interval", "sampling", "lossless", "size"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/fixtures/odd/two_headers/{name}.jpg"));
        let held = prepared(&model, &std::fs::read(file).unwrap());
        assert!(held < 200_000, "{name}: {held}");
    }
}

/// A million white pixels in two kilobytes: they are within the model's bound, so they may be held, and no more.
#[test]
fn a_picture_takes_what_its_pixels_take() {
    let held = prepared(&seer(1_000_000), &png(1000));
    assert!((3_000_000..8_000_000).contains(&held), "{held}");
    assert!(prepared(&seer(1_000_000), &png(1001)) < 200_000, "one pixel row too many is refused on the header");
}

proptest! {
    // Each is a quarter of a million pixels.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// As a camera's software writes it; half of the places are in its head.
    #[test]
    fn a_photograph_takes_what_its_pixels_take(
        noise in prop::collection::vec(any::<u8>(), 0..9), at: prop::sample::Index, head: bool,
    ) {
        let whole = include_bytes!("../../tests/fixtures/rocket.jpg").to_vec();
        let at = at.index(if head { 700 } else { whole.len() });
        let held = prepared(&seer(300_000), &over(whole, at, &noise));
        prop_assert!(held < 8_000_000, "{held}");
    }
}

/// Two hours and a third at a thousand samples a second: 33 MB of floats, were they all decoded.
#[test]
fn hours_of_sound_take_what_the_model_takes() {
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend([1000_u32.to_le_bytes(), 1000_u32.to_le_bytes()].concat());
    wav.extend(b"\x01\0\x08\0data\xff\xff\xff\xff");
    let header = wav.len();
    wav.resize(header + (8 << 20), 7);
    let copy = wav.len();
    let held = prepared(&listener(), &wav);
    assert!(held < copy + 262_144, "{held}: a copy of the payload, with a length that is there, and no more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sounds_of_every_kind_are_bounded(
        name in prop::sample::select(vec!["tone.flac", "tone.mp3", "tone.ogg", "tone_opus.ogg"]),
        at: prop::sample::Index, head: bool, noise in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let whole = std::fs::read(Path::new("../tests/fixtures/sounds").join(name)).unwrap();
        let at = at.index(if head { 200 } else { whole.len() });
        let held = prepared(&listener(), &over(whole, at, &noise));
        // A FLAC header may ask for blocks of 65,535 samples in eight channels, of four bytes in two buffers.
        prop_assert!(held < 6_000_000, "{held}");
    }

    #[test]
    fn pictures_of_every_kind_are_bounded(
        kind in 0_usize..5, at: prop::sample::Index, head: bool, noise in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let kinds = every_picture();
        let whole = kinds[kind].clone();
        let at = at.index(if head { 60.min(whole.len()) } else { whole.len() });
        let held = prepared(&seer(10_000), &over(whole, at, &noise));
        prop_assert!(held < 2_000_000, "{held}");
    }
}

/// One picture of each kind besides PNG and JPEG.
fn every_picture() -> Vec<Vec<u8>> {
    use image::{ExtendedColorType, ImageEncoder as _};
    let pixels: Vec<u8> = (0..60 * 60 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
    let (mut webp, mut bmp) = (Vec::new(), Vec::new());
    let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.write_image(&pixels, 60, 60, ExtendedColorType::Rgb8).unwrap();
    let encoder = image::codecs::bmp::BmpEncoder::new(&mut bmp);
    encoder.write_image(&pixels, 60, 60, ExtendedColorType::Rgb8).unwrap();
    let mut gif = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut gif).encode(&pixels, 60, 60, ExtendedColorType::Rgb8).unwrap();
    let mut raw = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut raw).unwrap();
    encoder.write_image::<tiff::encoder::colortype::RGB8>(60, 60, &pixels).unwrap();
    let mut lzw = std::io::Cursor::new(Vec::new());
    let mut encoder =
        tiff::encoder::TiffEncoder::new(&mut lzw).unwrap().with_compression(tiff::encoder::Compression::Lzw);
    encoder.write_image::<tiff::encoder::colortype::RGB8>(60, 60, &pixels).unwrap();
    vec![webp, bmp, gif, raw.into_inner(), lzw.into_inner()]
}

proptest! {
    #[test]
    fn pictures_are_bounded(noise in prop::collection::vec(any::<u8>(), 0..9), at in 0_usize..200) {
        let held = prepared(&seer(10_000), &over(png(60), at, &noise));
        prop_assert!(held < 2_000_000, "{held}");
    }

    #[test]
    fn photographs_are_bounded(noise in prop::collection::vec(any::<u8>(), 0..9), at in 0_usize..700) {
        let held = prepared(&seer(10_000), &over(small_jpeg(), at, &noise));
        prop_assert!(held < 2_000_000, "{held}");
    }

    #[test]
    fn tensors_take_no_more_than_their_text_and_their_shape(text in "[\\[\\],0-9. ]{0,300}", shape in 1_usize..100_000_000) {
        let shape = shape.min(1 << 26);
        let rest = format!("task = \"tensor\"\ninput = {{ kind = \"tensor\", max_bytes = 99 }}\n[tensor]\nshape = [{shape}]\n");
        let held = prepared(&model(&manifests::toml("m@1", &rest)), text.as_bytes());
        prop_assert!(held < 16_384 + 64 * text.len(), "{held} for {} bytes", text.len());
    }

    #[test]
    fn sounds_take_what_the_model_takes(noise in prop::collection::vec(any::<u8>(), 0..9), at in 0_usize..60) {
        let mut file = std::io::Cursor::new(Vec::new());
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        (0..9_i16).for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let held = prepared(&listener(), &over(file.into_inner(), at, &noise));
        // The reader's own ring takes 64 KiB.
        prop_assert!(held < 262_144, "{held}");
    }

    #[test]
    fn messages_take_a_few_times_their_length(noise in ".{0,300}") {
        for body in [noise.clone(), format!("{{\"v\":\"forebay.job.v1\",\"parameters\":{{\"a\":\"{noise}\"}}}}")] {
            let held = most(|| drop(JobMessage::from_json(&body)));
            prop_assert!(held < 16_384 + 16 * body.len(), "{held} for {} bytes", body.len());
        }
    }

    #[test]
    fn manifests_take_a_few_times_their_length(noise in ".{0,300}") {
        let text = manifests::toml("m@1", &noise);
        let held = most(|| drop(Manifest::parse(Path::new("m/1/model.toml"), &text)));
        prop_assert!(held < 262_144 + 64 * text.len(), "{held} for {} bytes", text.len());
    }
}
