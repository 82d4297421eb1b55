//! The shipped models answer what PyTorch answers. Runs only when it is named, since it needs the exported weights:
//! `cargo test -p forebay-backend --test models`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![cfg(feature = "tch")]

use std::{path::PathBuf, sync::Arc};

use forebay_backend::{
    Array, BatchInput, Features,
    engine::{
        Engine as _,
        torch::{DeviceChoice, TorchEngine},
    },
    input,
    model::{Model, Registry},
    output,
};
use forebay_contract::{ParameterValue, Parameters};
use serde_json::Value;

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read_json(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(repository(path)).unwrap()).unwrap()
}

async fn open(id: &str) -> (TorchEngine, Arc<Model>) {
    let (registry, complaints) = Registry::scan(&repository("models")).unwrap();
    assert!(complaints.is_empty(), "{complaints:?}");
    let model = registry.open(id).await.expect("the model's folder is there").unwrap();
    let mut engine = TorchEngine::open(DeviceChoice::Any, 1).unwrap();
    engine.load(&model).unwrap();
    (engine, model)
}

fn run(engine: &mut TorchEngine, model: &Model, features: &[Features]) -> Array<f32> {
    engine.run(model, &BatchInput::assemble(features).unwrap()).unwrap()
}

#[tokio::test]
async fn efficientnet_names_the_same_five_classes_with_the_same_probabilities() {
    let (mut engine, model) = open("efficientnet-lite0@1").await;
    let expected = read_json("models/reference/efficientnet_lite0_top5.json");
    for (picture, expected) in expected.as_object().unwrap() {
        let payload = std::fs::read(repository("tests/fixtures").join(picture)).unwrap();
        let features = input::prepare(&model, &payload, &Parameters::new()).unwrap().features;
        let answer = run(&mut engine, &model, &[features]);
        let rendered = output::render(&model, &answer, &Parameters::new(), false).unwrap();
        assert_eq!(rendered.media_type, "application/json");
        let found: Value = serde_json::from_slice(&rendered.body).unwrap();
        let found = found["classes"].as_array().unwrap();
        assert_eq!(found.len(), 5);
        for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
            assert_eq!((&found["index"], &found["label"]), (&expected[0], &expected[1]), "{picture}");
            let off = found["probability"].as_f64().unwrap() - expected[2].as_f64().unwrap();
            assert!(off.abs() < 0.01, "{picture}: {found} is {off} off");
        }
    }
}

/// As the model answers to the pixels that Pillow decodes.
#[tokio::test]
async fn pictures_that_decoders_got_wrong_have_their_class() {
    let (mut engine, model) = open("efficientnet-lite0@1").await;
    for (picture, label, probability) in [
        ("coffee_420_sep.jpg", "espresso", 0.954),
        ("chelsea_420_sep_rst.jpg", "Egyptian cat", 0.379),
        ("coffee_noeoi.jpg", "espresso", 0.95),
        ("rocket_exif6.jpg", "missile", 0.395),
    ] {
        let payload = std::fs::read(repository("tests/fixtures/odd").join(picture)).unwrap();
        let features = input::prepare(&model, &payload, &Parameters::new()).unwrap().features;
        let answer = run(&mut engine, &model, &[features]);
        let rendered = output::render(&model, &answer, &Parameters::new(), false).unwrap();
        let found: Value = serde_json::from_slice(&rendered.body).unwrap();
        let first = &found["classes"][0];
        assert_eq!(first["label"], label, "{picture}");
        let off = first["probability"].as_f64().unwrap() - probability;
        assert!(off.abs() < 0.01, "{picture}: {first} is {off} off");
    }
}

#[tokio::test]
async fn minilm_makes_the_same_tokens_and_the_same_vectors() {
    let (mut engine, model) = open("all-minilm-l6-v2@1").await;
    let reference = read_json("models/reference/minilm.tokens.json");
    let vectors = npy(&std::fs::read(repository("models/reference/minilm.3.out.npy")).unwrap());
    let features: Vec<Features> = reference["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| input::prepare(&model, text.as_str().unwrap().as_bytes(), &Parameters::new()).unwrap().features)
        .collect();
    for (row, features) in features.iter().enumerate() {
        let column = |name: &str| -> Vec<i64> {
            reference[name][row].as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
        };
        let length = column("mask").iter().sum::<i64>() as usize;
        assert_eq!(*features, Features::Tokens(column("ids")[..length].to_vec()));
    }
    let together = run(&mut engine, &model, &features);
    for (row, features) in features.iter().enumerate() {
        let alone = run(&mut engine, &model, std::slice::from_ref(features));
        for (column, expected) in vectors[row * 384..(row + 1) * 384].iter().enumerate() {
            for found in [together.data()[row * 384 + column], alone.data()[column]] {
                assert!((found - expected).abs() < 1e-4, "text {row}, number {column}: {found} {expected}");
            }
        }
    }
}

/// The numbers of a little-endian float32 `.npy`, version 1.
fn npy(file: &[u8]) -> Vec<f32> {
    assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
    let header = usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert!(String::from_utf8_lossy(&file[10..10 + header]).contains("'<f4'"));
    file[10 + header..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[tokio::test]
async fn a_seed_names_one_face() {
    let (mut engine, model) = open("dcgan-faces@1").await;
    let mut face = |seed: i64, count: i64| {
        let parameters = Parameters::from([
            ("seed".to_owned(), ParameterValue::Integer(seed)),
            ("count".to_owned(), ParameterValue::Integer(count)),
        ]);
        let features = input::prepare(&model, b"", &parameters).unwrap().features;
        let answer = run(&mut engine, &model, &[features]);
        let rendered = output::render(&model, &answer, &parameters, false).unwrap();
        assert_eq!(rendered.media_type, "image/png");
        rendered.body
    };
    let one = face(7, 1);
    assert_eq!(face(7, 1), one);
    assert_ne!(face(8, 1), one);
    let sheet = image::load_from_memory(&face(7, 9)).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (192, 192));
}
