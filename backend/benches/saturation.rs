//! How much of the device the pipeline leaves to the model: the whole pipeline, saturated, over an in-memory queue and
//! store, beside a bare loop that only calls the model.
//!
//! Both run the same TorchScript with the same threads and the same batch size, which is the bare loop's best; rounds
//! of both alternate, so that a busy machine is busy for both. The bare loop's inputs lie ready as tensors; the
//! pipeline receives messages, decodes payloads, batches, infers, renders, stores, deletes.
//!
//! With `--aws` the same pipeline is also run over SQS and S3 as the environment names them (LocalStack, with
//! `AWS_ENDPOINT_URL`), once with the model and once with a stand-in that takes no time: what the calls alone allow.
//!
//! ```sh
//! cargo bench -p forebay-backend --bench saturation -- --models-dir models
//! ```

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use clap::Parser;
use forebay_backend::{
    BatchInput, DeviceLoad, Features, Shape, aws,
    engine::{
        DeterministicEngine, Devices, Engine,
        torch::{DeviceChoice, TorchEngine},
    },
    input,
    model::{Manifest, Model, Registry},
    pipeline::{self, Bounds, Parts},
    queue::{Lanes, MAX_PER_CALL, MemoryQueue, Queue, SqsQueue},
    settings::built_in_lanes,
    store::{MemoryStore, NewObject, S3Store, Store},
};
use forebay_contract::{
    Digest, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, ParameterValue, Parameters, ShardKey,
};
use serde::Serialize;
use tch::{CModule, Device, Kind, Tensor};
use tokio_util::sync::CancellationToken;

/// The backend at saturation beside a bare loop over the same model.
#[derive(Parser)]
struct Settings {
    /// The folder of NAME/VERSION/model.toml.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../models"))]
    models_dir: PathBuf,
    /// The device.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Any)]
    device: DeviceChoice,
    /// Threads of the model on the CPU; without it half of the cores.
    #[arg(long)]
    device_threads: Option<usize>,
    /// Only models whose name contains this.
    #[arg(long, default_value = "")]
    model: String,
    /// Seconds of one round of one side.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Rounds of both sides.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also over the SQS and S3 that the environment names, in a queue and a bucket that are made for it.
    #[arg(long)]
    aws: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

const DEFINITION: &str = "ratio = items/s of the whole pipeline (in-memory queue and store) / items/s of a bare loop that \
                          only calls the model; same model, threads and batch size (the bare loop's best), alternating \
                          rounds; idle = share of the time in which the device's thread ran no batch";

#[derive(Serialize)]
struct Figures {
    model: String,
    device: String,
    threads: usize,
    batch: usize,
    bare_items_per_s: f64,
    /// The same loop over texts that were sorted by length before; where they differ in it.
    bare_sorted_items_per_s: Option<f64>,
    pipeline_items_per_s: f64,
    ratio: f64,
    device_idle: f64,
    aws: Option<OverAws>,
    definition: &'static str,
}

/// The same over SQS and S3.
#[derive(Serialize)]
struct OverAws {
    items_per_s: f64,
    device_idle: f64,
    /// With an engine that takes no time.
    without_model_items_per_s: f64,
}

fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = settings.device_threads.unwrap_or((cores / 2).max(1));
    // The device is opened first, so that torch sees CUDA where it is.
    let device = match TorchEngine::open(settings.device, threads)?.device().as_str() {
        "cpu" => Device::Cpu,
        _ => Device::Cuda(0),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores.clamp(1, 4)).enable_all().build()?;
    let mut out = std::io::stdout();
    if !settings.json {
        writeln!(out, "{DEFINITION}\n")?;
    }
    for name in ["efficientnet-lite0", "all-minilm-l6-v2", "dcgan-faces"] {
        if !name.contains(&settings.model) {
            continue;
        }
        let figures = runtime.block_on(measure(&settings, name, device, threads))?;
        if settings.json {
            writeln!(out, "{}", serde_json::to_string(&figures)?)?;
        } else {
            writeln!(
                out,
                "{:<20} {} × {} threads, batch {:>3}: bare {:>8.1}/s, pipeline {:>8.1}/s, ratio {:.3}, idle {:.1} %",
                figures.model,
                figures.device,
                figures.threads,
                figures.batch,
                figures.bare_items_per_s,
                figures.pipeline_items_per_s,
                figures.ratio,
                figures.device_idle * 100.0
            )?;
            if let Some(aws) = figures.aws {
                writeln!(
                    out,
                    "{:<20} over SQS and S3: {:>8.1}/s, idle {:.1} %; {:>8.1}/s without the model",
                    "",
                    aws.items_per_s,
                    aws.device_idle * 100.0,
                    aws.without_model_items_per_s
                )?;
            }
        }
    }
    Ok(())
}

async fn measure(settings: &Settings, name: &str, device: Device, threads: usize) -> anyhow::Result<Figures> {
    let (registry, _) = Registry::scan(&settings.models_dir)?;
    let model = registry.open(&format!("{name}@1")).await.with_context(|| format!("{name} is not in models-dir"))??;
    let jobs = jobs(name);
    let features = jobs
        .iter()
        .map(|(input, parameters)| Ok(input::prepare(&model, &input.bytes, parameters)?.features))
        .collect::<Result<Vec<_>, forebay_backend::Failure>>();
    let Ok(features) = features else { bail!("{name} refuses its own examples") };

    let module = CModule::load_on_device(&model.manifest.weights, device)?;
    let sizes: &[usize] = if device == Device::Cpu { &[1, 2, 4, 8, 16, 32] } else { &[8, 16, 32, 64, 128, 256] };
    let mut best = (0, 0.0);
    for size in sizes {
        let batches = tensors(&features, *size)?;
        bare(&module, device, &batches, Duration::from_millis(300))?;
        let rate = bare(&module, device, &batches, Duration::from_secs_f64(settings.seconds / 4.0))?;
        if rate > best.1 {
            best = (*size, rate);
        }
    }
    let batch = best.0;
    let batches = tensors(&features, batch)?;
    let sorted = by_length(&features).map(|sorted| tensors(&sorted, batch)).transpose()?;
    let (mut bare_sum, mut sorted_sum, mut pipeline_sum, mut idle_sum) = (0.0, 0.0, 0.0, 0.0);
    let round = Duration::from_secs_f64(settings.seconds);
    for _ in 0..settings.rounds {
        bare_sum += bare(&module, device, &batches, round)?;
        if let Some(sorted) = &sorted {
            sorted_sum += bare(&module, device, sorted, round)?;
        }
        let engine = TorchEngine::open(settings.device, threads)?;
        let (rate, idle) = saturated(&model, engine, &jobs, batch, World::in_memory(), round).await?;
        pipeline_sum += rate;
        idle_sum += idle;
    }
    let aws = if settings.aws {
        let engine = TorchEngine::open(settings.device, threads)?;
        let (items_per_s, device_idle) = saturated(&model, engine, &jobs, batch, World::aws().await?, round).await?;
        let stand_in = DeterministicEngine::default();
        let (without, _) = saturated(&model, stand_in, &jobs, batch, World::aws().await?, round).await?;
        Some(OverAws { items_per_s, device_idle, without_model_items_per_s: without })
    } else {
        None
    };
    let rounds = settings.rounds as f64;
    Ok(Figures {
        model: name.to_owned(),
        device: if device == Device::Cpu { "cpu".to_owned() } else { "cuda".to_owned() },
        threads,
        batch,
        bare_items_per_s: bare_sum / rounds,
        bare_sorted_items_per_s: sorted.map(|_| sorted_sum / rounds),
        pipeline_items_per_s: pipeline_sum / rounds,
        ratio: pipeline_sum / bare_sum,
        device_idle: idle_sum / rounds,
        aws,
        definition: DEFINITION,
    })
}

/// The same texts, the shortest first; `None` where nothing differs in length.
fn by_length(features: &[Features]) -> Option<Vec<Features>> {
    let mut sorted = features.to_vec();
    let length = |features: &Features| match features.shape() {
        Shape::Padded(tokens) => tokens,
        Shape::Fixed(_) => 0,
    };
    sorted.sort_by_key(length);
    (sorted.first().map(length) != sorted.last().map(length)).then_some(sorted)
}

/// Batches in the order in which their jobs come, as tensors in main memory.
fn tensors(features: &[Features], size: usize) -> anyhow::Result<Vec<(usize, Vec<Tensor>)>> {
    let shaped =
        |shape: &[usize], tensor: Tensor| tensor.f_reshape(shape.iter().map(|side| *side as i64).collect::<Vec<_>>());
    let endless: Vec<&Features> =
        features.iter().cycle().take(features.len().max(size).div_ceil(size) * size).collect();
    endless
        .chunks(size)
        .map(|chunk| {
            let input = BatchInput::assemble(chunk.iter().copied()).context("examples do not fit together")?;
            let tensors = match &input {
                BatchInput::Rows(rows) => vec![shaped(rows.shape(), Tensor::f_from_slice(rows.data())?)?],
                BatchInput::Tokens { ids, mask } => vec![
                    shaped(ids.shape(), Tensor::f_from_slice(ids.data())?)?,
                    shaped(mask.shape(), Tensor::f_from_slice(mask.data())?)?,
                ],
            };
            Ok((input.rows(), tensors))
        })
        .collect()
}

/// Items a second of calling the model and nothing else.
fn bare(module: &CModule, device: Device, batches: &[(usize, Vec<Tensor>)], time: Duration) -> anyhow::Result<f64> {
    let _no_grad = tch::no_grad_guard();
    let started = Instant::now();
    let mut items = 0;
    for (rows, batch) in batches.iter().cycle() {
        let inputs = batch.iter().map(|tensor| tensor.f_to(device)).collect::<Result<Vec<_>, _>>()?;
        let output = module.forward_ts(&inputs)?.f_to_kind(Kind::Float)?.f_to(Device::Cpu)?;
        std::hint::black_box(&output);
        items += rows;
        if started.elapsed() >= time {
            break;
        }
    }
    Ok(items as f64 / started.elapsed().as_secs_f64())
}

/// Items a second of the whole pipeline, and the share of the time in which the device idled.
async fn saturated(
    model: &Model,
    engine: impl Engine + 'static,
    jobs: &[(Input, Parameters)],
    batch: usize,
    world: World,
    time: Duration,
) -> anyhow::Result<(f64, f64)> {
    let mut manifest: Manifest = model.manifest.clone();
    manifest.batch.max_items = batch;
    let mut registry = Registry::default();
    registry.insert(manifest);
    let prefetch = (4 * batch).max(32);
    let load = Arc::new(DeviceLoad::default());
    let lanes: Lanes = [(Lane::FREE_LIGHT, Arc::clone(&world.queue))].into();
    let parts = Parts {
        lanes,
        store: Arc::clone(&world.store),
        edge: None,
        registry: Arc::new(registry),
        devices: Devices::one(engine),
        load: Arc::clone(&load),
        vitals: Arc::default(),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu_threads = (cores / 2).max(1);
    let bounds = Bounds {
        worker: "bench".to_owned(),
        weights: built_in_lanes(),
        visibility: Duration::from_secs(60),
        prefetch,
        cpu_threads,
        decoded_bytes: 1 << 30,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(pipeline::run(parts, bounds, stop.clone()));
    let feed = Feed {
        world,
        load: Arc::clone(&load),
        model: model.manifest.spec.name.clone(),
        jobs: jobs.to_vec(),
        level: 2 * prefetch as u64,
    };
    let feeding = tokio::spawn(feed.run());

    // What is measured begins with the first finished batches: loading is not what is measured.
    let deadline = Instant::now() + Duration::from_secs(120);
    while load.rows() < 2 * batch as u64 {
        if Instant::now() > deadline || running.is_finished() || feeding.is_finished() {
            bail!("the pipeline runs nothing");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (rows, busy, started) = finished(&load).await;
    tokio::time::sleep(time).await;
    let (rows_then, busy_then, ended) = finished(&load).await;
    let wall = ended - started;
    feeding.abort();
    stop.cancel();
    running.await??;
    let idle = 1.0 - (busy_then - busy).as_secs_f64() / wall.as_secs_f64();
    Ok(((rows_then - rows) as f64 / wall.as_secs_f64(), idle.max(0.0)))
}

/// Read when a batch ends, so that no half batch is counted at either end.
async fn finished(load: &DeviceLoad) -> (u64, Duration, Instant) {
    let before = load.rows();
    while load.rows() == before {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    (load.rows(), load.busy(), Instant::now())
}

/// A queue and a store, and the way to send to it.
struct World {
    queue: Arc<dyn Queue>,
    store: Arc<dyn Store>,
    sender: Sender,
}

enum Sender {
    Memory(Arc<MemoryQueue>),
    Sqs { client: aws_sdk_sqs::Client, url: String },
}

impl World {
    fn in_memory() -> Self {
        let queue = Arc::new(MemoryQueue::default());
        let store = Arc::new(MemoryStore::default());
        Self { queue: Arc::clone(&queue) as Arc<dyn Queue>, store, sender: Sender::Memory(queue) }
    }

    /// A new queue and a new bucket.
    async fn aws() -> anyhow::Result<Self> {
        let name = format!("bench-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
        let config = aws::load().await;
        let (sqs, s3) = (aws::sqs(&config), aws::s3(&config));
        let url = sqs.create_queue().queue_name(&name).send().await?.queue_url.context("a queue without a URL")?;
        s3.create_bucket().bucket(&name).send().await?;
        let queue = Arc::new(SqsQueue::new(sqs.clone(), &url));
        Ok(Self { queue, store: Arc::new(S3Store::new(s3, name)), sender: Sender::Sqs { client: sqs, url } })
    }
}

impl Sender {
    async fn send(&self, bodies: Vec<String>) -> anyhow::Result<()> {
        match self {
            Self::Memory(queue) => bodies.into_iter().for_each(|body| queue.send(body)),
            Self::Sqs { client, url } => {
                let mut batch = client.send_message_batch().queue_url(url);
                for (number, body) in bodies.into_iter().enumerate() {
                    let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body);
                    batch = batch.entries(entry.build()?);
                }
                batch.send().await?;
            }
        }
        Ok(())
    }
}

/// Keeps messages waiting, ten sent at once; large inputs lie in the store, as the edge puts them.
struct Feed {
    world: World,
    load: Arc<DeviceLoad>,
    model: String,
    jobs: Vec<(Input, Parameters)>,
    level: u64,
}

impl Feed {
    async fn run(self) -> anyhow::Result<()> {
        let mut inputs = Vec::new();
        for (input, parameters) in &self.jobs {
            inputs.push((reference(input, self.world.store.as_ref()).await?, parameters));
        }
        let mut sent = 0;
        let mut endless = inputs.iter().cycle();
        loop {
            // Every job here is one row.
            while sent >= self.load.rows() + self.level {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let next = endless.by_ref().take(MAX_PER_CALL);
            let bodies: Vec<String> = next.map(|(input, parameters)| self.message(input, parameters)).collect();
            sent += bodies.len() as u64;
            self.world.sender.send(bodies).await?;
        }
    }

    fn message(&self, input: &InputRef, parameters: &Parameters) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random.iter_mut().zip(number.to_be_bytes()).for_each(|(to, byte)| *to = byte);
        // Everyone has an account of their own, so that no job answers another.
        let account = number.to_string();
        let message = JobMessage {
            job_id: JobId::new(1_800_000_000_000, random, ShardKey::new(&account, 0)),
            digest: Digest::new(Namespace::Account(&account), &self.model, "1", parameters, &Input::empty()),
            account,
            model: self.model.clone(),
            version: "1".to_owned(),
            parameters: parameters.clone(),
            input: input.clone(),
            cost_ms: 1.0,
            accepted_ms: 1_800_000_000_000,
            deadline_ms: None,
            traceparent: None,
        };
        message.to_json().unwrap_or_default()
    }
}

async fn reference(input: &Input, store: &dyn Store) -> anyhow::Result<InputRef> {
    const INLINE_LIMIT: usize = 65_536;
    let media_type = input.media_type;
    if input.bytes.len() <= INLINE_LIMIT {
        return Ok(InputRef::Inline { media_type, data: input.bytes.clone() });
    }
    let sha256 = hex::encode(input.sha256());
    let key = format!("inputs/{sha256}");
    store.put_if_absent(&key, NewObject::new(input.bytes.clone(), media_type.name())).await?;
    Ok(InputRef::Stored { media_type, key, bytes: input.bytes.len() as u64, sha256 })
}

/// Examples of what clients send.
fn jobs(model: &str) -> Vec<(Input, Parameters)> {
    match model {
        "efficientnet-lite0" => {
            let picture = |media_type, bytes: &[u8]| (Input { media_type, bytes: bytes.to_vec() }, Parameters::new());
            vec![
                picture(MediaType::Png, include_bytes!("../../tests/fixtures/chelsea.png")),
                picture(MediaType::Png, include_bytes!("../../tests/fixtures/coffee.png")),
                picture(MediaType::Jpeg, include_bytes!("../../tests/fixtures/rocket.jpg")),
            ]
        }
        "all-minilm-l6-v2" => (0..256).map(|number| (text(number), Parameters::new())).collect(),
        _ => (0..64)
            .map(|seed| {
                let parameters = [("seed", seed), ("count", 1)];
                let parameters = parameters.map(|(name, value)| (name.to_owned(), ParameterValue::Integer(value)));
                (Input::empty(), Parameters::from(parameters))
            })
            .collect(),
    }
}

/// Texts of 5 to 200 tokens, short ones and long ones in turn as they come from clients.
fn text(number: u64) -> Input {
    const WORDS: [&str; 12] =
        ["the", "river", "turns", "a", "wheel", "while", "water", "waits", "in", "its", "pool", "above"];
    // A multiplicative hash: spread evenly, and the same in every run.
    let words = 3 + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 196;
    let start = usize::try_from(number % 12).unwrap_or(0);
    let text: Vec<&str> = WORDS.iter().copied().cycle().skip(start).step_by(7).take(words as usize).collect();
    Input { media_type: MediaType::PlainText, bytes: text.join(" ").into_bytes() }
}
