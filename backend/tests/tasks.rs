//! Every task by its model.toml alone, with tiny modules made here, through the tch engine and the pipeline.
#![cfg(feature = "tch")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod world;

use std::{
    io::Cursor,
    path::{Path, PathBuf},
};

use forebay_backend::{
    engine::{
        Devices, Engine as _,
        torch::{DeviceChoice, LoadLimits, TorchEngine},
    },
    model::{Manifest, Model},
    store::Store as _,
};
use forebay_contract::{InputRef, JobMessage, MediaType, storage_key};
use tch::{CModule, Kind, Tensor};
use world::{
    World, eventually, job,
    manifests::{counting, toml},
    text_job,
};

/// A folder of its own for one test's model, under the target folder.
fn folder(name: &str, model: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).join(model).join("1");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn save(folder: &Path, example: &[Tensor], forward: &mut dyn FnMut(&[Tensor]) -> Tensor) {
    let mut module = |inputs: &[Tensor]| vec![forward(inputs)];
    CModule::create_by_tracing("tiny", "forward", example, &mut module).unwrap().save(folder.join("model.pt")).unwrap();
}

fn manifest(folder: &Path, head: &str, tables: &str) -> Manifest {
    Manifest::parse(&folder.join("model.toml"), &toml("tiny@1", &format!("{head}\n{tables}"))).unwrap()
}

fn message(number: u64, media_type: MediaType, data: Vec<u8>) -> JobMessage {
    let mut message = job(number, &format!("[{number}]"));
    "tiny".clone_into(&mut message.model);
    message.input = InputRef::Inline { media_type, data };
    message
}

/// Runs these jobs; their results in order.
async fn run(manifest: Manifest, messages: &[JobMessage]) -> Vec<Vec<u8>> {
    let world = World::new();
    messages.iter().for_each(|message| world.send(message));
    let engine = TorchEngine::open(DeviceChoice::Any, 1).unwrap();
    let worker = world.start_on(vec![manifest], Devices::one(engine));
    eventually("all are acknowledged", || world.queue.is_empty()).await;
    worker.drain().await;
    let mut results = Vec::new();
    for message in messages {
        let body = world.store.get(&storage_key::result(&message.digest), 1_000_000).await;
        let failed = world.store.get(&storage_key::failure(&message.job_id), 10_000).await;
        results.push(body.unwrap_or_else(|_| panic!("{failed:?}")).to_vec());
    }
    results
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(|byte| (byte * 7 % 256) as u8).collect();
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    image::ImageEncoder::write_image(encoder, &pixels, width, height, image::ExtendedColorType::Rgb8).unwrap();
    png
}

#[tokio::test]
async fn a_picture_is_upscaled_in_its_own_size() {
    let folder = folder("upscale", "tiny");
    save(&folder, &[Tensor::zeros([1, 3, 4, 4], (Kind::Float, tch::Device::Cpu))], &mut |inputs| {
        inputs[0].repeat_interleave_self_int(2, 2, None).repeat_interleave_self_int(2, 3, None)
    });
    let input = "input = { kind = \"image\", max_bytes = 100_000, image = { min_side = 1, max_pixels = 10_000 } }";
    let manifest = manifest(&folder, &format!("task = \"image-upscale\"\n{input}"), "[upscale]\nscale = 2\n");
    let sizes = [(5, 3), (8, 8), (3, 5)];
    let jobs: Vec<JobMessage> =
        (1..).zip(sizes).map(|(number, (width, height))| message(number, MediaType::Png, png(width, height))).collect();
    for ((width, height), body) in sizes.into_iter().zip(run(manifest, &jobs).await) {
        let large = image::load_from_memory(&body).unwrap().into_rgb8();
        let small = image::load_from_memory(&png(width, height)).unwrap().into_rgb8();
        assert_eq!(large.dimensions(), (width * 2, height * 2));
        assert!(large.enumerate_pixels().all(|(x, y, pixel)| pixel == small.get_pixel(x / 2, y / 2)));
    }
}

#[tokio::test]
async fn a_sound_is_classified() {
    let folder = folder("audio", "tiny");
    std::fs::write(folder.join("labels.json"), "[\"loud\", \"quiet\"]").unwrap();
    save(&folder, &[Tensor::zeros([1, 64], (Kind::Float, tch::Device::Cpu))], &mut |inputs| {
        let loudness = inputs[0].abs().mean_dim([1_i64].as_slice(), true, Kind::Float);
        Tensor::cat(&[loudness.shallow_clone() * 10.0, (loudness * -10.0) + 5.0], 1)
    });
    let input = "input = { kind = \"audio\", max_bytes = 100_000 }";
    let tables = "[audio]\nsample_rate = 8000\nsamples = 64\n[output]\nlabels = \"labels.json\"\n";
    let manifest = manifest(&folder, &format!("task = \"audio-classify\"\n{input}"), tables);
    let wav = |level: i16| {
        let mut file = Cursor::new(Vec::new());
        let (channels, sample_rate) = (1, 8000);
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        (0..64).for_each(|_| writer.write_sample(level).unwrap());
        writer.finalize().unwrap();
        file.into_inner()
    };
    let jobs = [message(1, MediaType::Wav, wav(20_000)), message(2, MediaType::Wav, wav(20))];
    for (body, expect) in run(manifest, &jobs).await.into_iter().zip(["loud", "quiet"]) {
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["classes"][0]["label"], expect);
    }
}

/// Logits say that the token after the last one is next; of every token, as models for texts answer.
fn counter(folder: &Path) {
    let next = Tensor::eye(10, (Kind::Float, tch::Device::Cpu)).roll([1_i64], [1_i64]) * 10.0;
    let (ids, mask) =
        (Tensor::from_slice(&[1_i64, 2]).reshape([1, 2]), Tensor::from_slice(&[1_i64, 1]).reshape([1, 2]));
    save(folder, &[ids, mask], &mut |inputs| Tensor::embedding(&next, &inputs[0], -1, false, false));
}

#[tokio::test]
async fn a_text_is_continued_behind_its_own_last_token() {
    let folder = folder("generate", "counter");
    counter(&folder);
    let jobs = [text_job(1, "t1 t2 t3"), text_job(2, "t5"), text_job(3, "t7 t7")];
    let results = run(counting(&folder, 3), &jobs).await;
    let texts: Vec<String> = results.into_iter().map(|body| String::from_utf8(body).unwrap()).collect();
    assert_eq!(
        texts,
        [
            r#"{"text":"t4 t5 t6","tokens":3,"finish":"length"}"#,
            r#"{"text":"t6 t7 t8","tokens":3,"finish":"length"}"#,
            r#"{"text":"t8","tokens":1,"finish":"stop"}"#
        ]
    );
}

fn doubler(folder: &Path) {
    save(folder, &[Tensor::zeros([1, 2], (Kind::Float, tch::Device::Cpu))], &mut |inputs| {
        let weight = &inputs[0] * 0.0 + 2.0;
        weight * &inputs[0]
    });
}

const TENSOR: &str = "task = \"tensor\"\ninput = { kind = \"tensor\", max_bytes = 1000 }";

#[tokio::test]
async fn a_model_computes_in_its_precision() {
    let folder = folder("precision", "tiny");
    doubler(&folder);
    for (precision, expect) in [("fp32", "2.0019531"), ("bf16", "2.0")] {
        let tables = format!("[tensor]\nshape = [2]\n[weights]\nprecision = \"{precision}\"\n");
        let job = message(1, MediaType::Json, b"[1.00097656, 1]".to_vec());
        let results = run(manifest(&folder, TENSOR, &tables), &[job]).await;
        assert_eq!(String::from_utf8(results[0].clone()).unwrap(), format!("{{\"output\":[{expect},2.0]}}"));
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read() {
    let folder = folder("large", "tiny");
    doubler(&folder);
    let model = Model::open(manifest(&folder, TENSOR, "[tensor]\nshape = [2]\n")).unwrap();
    let limits = LoadLimits { max_bytes: 100, ..LoadLimits::default() };
    let mut engines = TorchEngine::open_all(DeviceChoice::Cpu, 1, limits).unwrap();
    let error = engines[0].load(&model).unwrap_err().to_string();
    assert!(error.contains("allowed are 100"), "{error}");
    assert!(engines[0].footprint(&model) > 100 && engines[0].memory().is_some_and(|bytes| bytes > 1 << 20));
}

#[tokio::test]
async fn a_file_that_is_never_read_to_its_end_fails_its_own_model_only() {
    let folder = folder("endless", "tiny");
    let file = folder.join("model.pt");
    let _ = std::fs::remove_file(&file);
    // A pipe that nobody writes, as a disk that hangs.
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let model = Model::open(manifest(&folder, TENSOR, "[tensor]\nshape = [2]\n")).unwrap();
    let limits = LoadLimits { timeout: std::time::Duration::from_secs(5), ..LoadLimits::default() };
    let mut engines = TorchEngine::open_all(DeviceChoice::Cpu, 1, limits).unwrap();
    let error = engines[0].load(&model).unwrap_err().to_string();
    assert!(error.contains("not read within"), "{error}");
    let other = self::folder("endless", "other");
    doubler(&other);
    let other = Model::open(manifest(&other, TENSOR, "[tensor]\nshape = [2]\n")).unwrap();
    assert!(engines[0].load(&other).is_ok());
}
