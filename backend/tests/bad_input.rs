//! Bad inputs end as their own job's failure, each with its own code, and the rest of the batch succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::path::Path;

use forebay_backend::{
    engine::{DeterministicEngine, Devices},
    model::Manifest,
    store::Store as _,
};
use forebay_contract::{FailureCode, InputRef, JobFailure, JobMessage, MediaType, storage_key};
use proptest::prelude::*;
use world::{
    World, eventually, job,
    manifests::{counting, listener, parsed, seer},
    picture_job, text_job,
};

fn manifests(name: &str) -> Vec<Manifest> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join("counter/1");
    let seed = "\n[model.parameters.seed]\ntype = \"integer\"\nmin = 1\nmax = 9\n[image]";
    let declares = seer("declares", 8, 100_000_000).replace("\n[image]", seed);
    vec![counting(&folder, 2), parsed(&listener(8000, 16)), parsed(&declares)]
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    let pixels = vec![9; (width * height * 3) as usize];
    image::ImageEncoder::write_image(encoder, &pixels, width, height, image::ExtendedColorType::Rgb8).unwrap();
    png
}

fn jpeg() -> Vec<u8> {
    let (format, sampling) = (libjpeg_turbo_rs::PixelFormat::Rgb, libjpeg_turbo_rs::Subsampling::S420);
    libjpeg_turbo_rs::compress(&[9; 48 * 16], 16, 16, format, 80, sampling).unwrap()
}

/// A chunk of a PNG with its length and checksum.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&name[..], data].concat();
    let bit = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
    let crc = !body.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit));
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
}

/// Says that it has this size; what follows the header is that of another.
fn says(width: u32, height: u32) -> Vec<u8> {
    let whole = png(16, 16);
    let mut header = whole[16..29].to_vec();
    header[..4].copy_from_slice(&width.to_be_bytes());
    header[4..8].copy_from_slice(&height.to_be_bytes());
    [&whole[..8], &chunk(b"IHDR", &header), &whole[33..]].concat()
}

fn animated() -> Vec<u8> {
    let whole = png(16, 16);
    [&whole[..33], &chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), &whole[33..]].concat()
}

fn wav(sample_rate: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let sample_format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    (0..16_i16).for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    file.into_inner()
}

/// A minute at eight kilohertz, written to a pipe: its header knows no length.
fn streamed() -> Vec<u8> {
    let mut stream = wav(8000);
    stream[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    stream[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    stream.resize(44 + 60 * 16_000, 1);
    stream
}

/// Job number `number` for `model` over these bytes.
fn sent(number: u64, model: &str, media_type: MediaType, data: &[u8]) -> JobMessage {
    let mut message = job(number, &format!("[{number}, 0, {}]", data.len()));
    model.clone_into(&mut message.model);
    message.input = InputRef::Inline { media_type, data: data.to_vec() };
    message
}

fn picture(number: u64, png: &[u8]) -> JobMessage {
    picture_job(number, png)
}

type Bad = Vec<(JobMessage, FailureCode)>;

fn bad_pictures() -> Bad {
    use FailureCode::*;
    let cmyk = [0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 9, 0, 9, 4];
    vec![
        (picture(100, &png(16, 16)[..60]), ImageUndecodable),
        (picture(101, b""), ImageUndecodable),
        (picture(102, &says(60_000, 60_000)), ImageTooLarge),
        (picture(103, &says(9_999, 9_999)), ImageTooLarge),
        (picture(104, &png(4, 16)), ImageTooSmall),
        (sent(105, "seer", MediaType::Jpeg, &cmyk), ImageUnsupported),
        (picture(106, b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00"), ImageUnsupported),
        (picture(107, &animated()), ImageAnimated),
        (picture(108, &jpeg()), InputMislabelled),
        (sent(109, "seer", MediaType::Jpeg, &jpeg()[..jpeg().len() - 10]), ImageUndecodable),
        (
            sent(110, "seer", MediaType::Gif, b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\0;"),
            ImageTooLarge,
        ),
        (sent(111, "seer", MediaType::Gif, b"GIF89a\x09\0\x09\0\0\0\0;"), ImageUndecodable),
        (
            sent(112, "seer", MediaType::Webp, b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\x7f\xff\xff\x7f"),
            ImageUndecodable,
        ),
        (sent(113, "seer", MediaType::Bmp, b"BM\0\0\0\0\0\0\0\0\x36\0\0\0"), ImageUndecodable),
        (sent(114, "seer", MediaType::Tiff, b"II*\0\x08\0\0\0"), ImageUndecodable),
    ]
}

fn bad_others() -> Bad {
    use FailureCode::*;
    let text = |number, bytes: &[u8]| sent(number, "counter", MediaType::PlainText, bytes);
    let tensor = |number, text: &str| sent(number, "doubler", MediaType::Json, text.as_bytes());
    let sound = |number, bytes: &[u8]| sent(number, "listener", MediaType::Wav, bytes);
    vec![
        (text(120, b""), TextEmpty),
        (text(121, &[b'x'; 101]), TextTooLong),
        (text(122, b"t1 \xC3\x28"), TextNotUtf8),
        (tensor(130, "[1, 2"), TensorInvalid),
        (tensor(131, "[1, 2, 3]"), TensorShape),
        (tensor(132, "[1, \"2\"]"), TensorType),
        (tensor(133, "[1, NaN]"), TensorNotFinite),
        (tensor(134, "[-777, 1]"), OutputInvalid),
        (sound(140, &wav(8000)[..50]), AudioUndecodable),
        (sound(141, &wav(200)), AudioUnsupported),
        (sound(142, &wav(8000)[..44]), AudioUndecodable),
        (sound(143, b"hello"), AudioUndecodable),
        (
            sent(144, "listener", MediaType::Ogg, include_bytes!("../../tests/fixtures/sounds/tone_opus.ogg")),
            AudioUnsupported,
        ),
        (
            sent(145, "listener", MediaType::Flac, &include_bytes!("../../tests/fixtures/sounds/tone.flac")[..200]),
            AudioUndecodable,
        ),
        (
            sent(146, "listener", MediaType::Flac, include_bytes!("../../tests/fixtures/sounds/tone.ogg")),
            InputMislabelled,
        ),
        (sent(150, "doubler", MediaType::PlainText, b"[1, 2]"), InputMismatch),
        (sent(151, "declares", MediaType::Png, &png(16, 16)), ParameterMissing),
    ]
}

#[tokio::test]
async fn every_bad_input_fails_alone_with_its_own_code() {
    let bad = [bad_pictures(), bad_others()].concat();
    let good = [
        picture(1, &png(16, 16)),
        sent(2, "seer", MediaType::Jpeg, &jpeg()),
        text_job(3, "t1"),
        job(4, "[1, 2]"),
        sent(5, "listener", MediaType::Wav, &wav(8000)),
        sent(6, "listener", MediaType::Wav, &wav(44_100)),
        sent(7, "listener", MediaType::Mp3, include_bytes!("../../tests/fixtures/sounds/tone.mp3")),
        sent(8, "listener", MediaType::Wav, &streamed()),
    ];
    let world = World::new();
    bad.iter().map(|(message, _)| message).chain(&good).for_each(|message| world.send(message));
    let worker = world.start_on(manifests("bad"), Devices::one(DeterministicEngine::default()));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    for (message, expect) in &bad {
        let body = world.store.get(&storage_key::failure(&message.job_id), 10_000).await.unwrap();
        let failure: JobFailure = serde_json::from_slice(&body).unwrap();
        assert_eq!(failure.code, *expect, "{} {}: {}", message.model, message.digest, failure.detail);
        assert!(failure.detail.len() < 400, "{}", failure.detail);
    }
    for message in &good {
        assert!(world.store.keys().contains(&storage_key::result(&message.digest)), "{}", message.model);
    }
}

/// A job message that is written by nobody we know.
fn messages() -> impl Strategy<Value = String> {
    let whole = job(1, "[1, 2]").to_json().unwrap();
    let places = whole.len();
    prop_oneof![
        ".{0,200}",
        (0..places, ".{0,20}").prop_map(move |(at, noise)| format!("{}{noise}{}", &whole[..at], &whole[at..])),
        Just("[".repeat(100_000)),
        Just("{\"v\":\"forebay.job.v1\"}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn arbitrary_messages_never_panic(body in messages()) {
        if let Ok(message) = JobMessage::from_json(&body) {
            prop_assert!(message.to_json().is_ok());
        }
    }
}
