//! Sounds of every kind that is read are what was recorded, at the model's rate, or are refused for what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[path = "world/manifests.rs"]
mod manifests;

use std::path::Path;

use forebay_backend::{
    Failure, Features,
    input::{self, Prepared},
    model::Model,
};
use forebay_contract::{FailureCode, Parameters};
use proptest::prelude::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sounds").join(name)).unwrap()
}

/// A model that takes so many samples at this rate.
fn listener(sample_rate: u32, samples: usize) -> Model {
    Model::open(manifests::parsed(&manifests::listener(sample_rate, samples))).unwrap()
}

fn heard(model: &Model, payload: &[u8]) -> Result<(Vec<f32>, bool), Failure> {
    let Prepared { features, truncated } = input::prepare(model, payload, &Parameters::new())?;
    let Features::Rows(array) = features else { panic!("rows") };
    Ok((array.data().to_vec(), truncated))
}

/// Both channels' mean of the tone that the fixtures hold.
fn tone(rate: u32, samples: usize) -> Vec<f32> {
    let phase = |i: usize| std::f64::consts::TAU * 440.0 * i as f64 / f64::from(rate);
    (0..samples).map(|i| (0.375 * phase(i).sin()) as f32).collect()
}

#[test]
fn every_kind_of_sound_is_what_was_recorded() {
    for rate in [44_100, 16_000] {
        let length = rate as usize * 2 / 5;
        for (name, levels) in [("tone.flac", 0.001), ("tone.mp3", 0.02), ("tone.ogg", 0.02)] {
            let (found, truncated) = heard(&listener(rate, length), &fixture(name)).unwrap();
            assert!(truncated, "{name} has a tenth of a second more");
            // The first samples have silence before them, which codecs that lose something smear.
            let pairs = found.iter().zip(tone(rate, length)).skip(500);
            let off = pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
            assert!(off < levels, "{name} at {rate}: {off}");
        }
    }
}

#[test]
fn a_whole_sound_ends_where_it_ends() {
    for name in ["tone.flac", "tone.mp3", "tone.ogg"] {
        let (found, truncated) = heard(&listener(44_100, 30_000), &fixture(name)).unwrap();
        assert!(!truncated, "{name}");
        let end = found.iter().rposition(|sample| *sample != 0.0).unwrap();
        assert!((22_000..22_051).contains(&end), "{name}: {end}");
    }
}

#[test]
fn what_is_cut_off_or_not_read_is_refused_for_it() {
    let model = listener(44_100, 30_000);
    for name in ["tone.flac", "tone.mp3"] {
        let whole = fixture(name);
        for tenth in 1..10 {
            let failure = heard(&model, &whole[..whole.len() * tenth / 10]).unwrap_err();
            assert_eq!(failure.code, FailureCode::AudioUndecodable, "{name} {tenth}: {}", failure.detail);
        }
    }
    let failure = heard(&model, &fixture("tone_opus.ogg")).unwrap_err();
    assert_eq!(failure.code, FailureCode::AudioUnsupported, "{}", failure.detail);
    assert!(failure.detail.contains("Ogg Vorbis"));
}

#[test]
fn a_model_that_takes_little_needs_no_more_of_a_sound() {
    let whole = fixture("tone.flac");
    let (found, truncated) = heard(&listener(44_100, 100), &whole[..whole.len() / 2]).unwrap();
    assert!(truncated && found.iter().any(|sample| *sample != 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn broken_sounds_never_panic(
        name in prop::sample::select(vec!["tone.flac", "tone.mp3", "tone.ogg", "tone_opus.ogg"]),
        at: prop::sample::Index, head: bool, noise in prop::collection::vec(any::<u8>(), 1..9), cut: bool,
    ) {
        let mut broken = fixture(name);
        let at = at.index(if head { 300 } else { broken.len() });
        broken.iter_mut().skip(at).zip(&noise).for_each(|(old, new)| *old = *new);
        if cut {
            broken.truncate(at);
        }
        if let Ok((found, _)) = heard(&listener(16_000, 4000), &broken) {
            prop_assert_eq!(found.len(), 4000);
            prop_assert!(found.iter().all(|sample| sample.is_finite()));
        }
    }

    #[test]
    fn arbitrary_bytes_behind_any_beginning_never_panic(
        magic in prop::sample::select(vec![&b"fLaC"[..], b"OggS", b"ID3\x04", b"\xff\xfb", b"RIFF\xff\xff\xff\xffWAVEfmt "]),
        noise: Vec<u8>,
    ) {
        let _ = heard(&listener(16_000, 4000), &[magic, noise.as_slice()].concat());
    }
}
