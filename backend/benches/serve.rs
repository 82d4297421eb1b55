//! The pipeline behind a little HTTP/1.1, so that it can be loaded as other model servers are: one POST a job, whose
//! answer is the job's result. Queue and store are in memory; nothing here is for the world outside a bench.
//!
//! ```sh
//! cargo bench -p forebay-backend --bench serve -- --port 8123 --model all-minilm-l6-v2
//! ```

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use clap::Parser;
use forebay_backend::{
    DeviceLoad,
    engine::{
        Devices,
        torch::{DeviceChoice, TorchEngine},
    },
    model::Registry,
    pipeline::{self, Bounds, Parts},
    queue::{Lanes, MemoryQueue, Queue},
    settings::built_in_lanes,
    store::{Head, MemoryStore, NewObject, Put, Store, StoreError},
};
use forebay_contract::{
    Digest, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, ParameterValue, Parameters, ShardKey,
    storage_key,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

/// The pipeline as a model server, for benches.
#[derive(Parser)]
struct Settings {
    /// Where it listens on the loopback.
    #[arg(long)]
    port: u16,
    /// The folder of NAME/VERSION/model.toml.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../models"))]
    models_dir: PathBuf,
    /// The model.
    #[arg(long)]
    model: String,
    /// Threads of the model on the CPU.
    #[arg(long, default_value_t = 1)]
    device_threads: usize,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Front {
    model: String,
    queue: Arc<MemoryQueue>,
    store: Waited,
    number: AtomicU64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let engine = TorchEngine::open(DeviceChoice::Cpu, settings.device_threads)?;
    let (registry, _) = Registry::scan(&settings.models_dir)?;
    let id = format!("{}@1", settings.model);
    ensure!(registry.manifests().any(|manifest| manifest.id() == id), "{id} is not in models-dir");
    let front = Arc::new(Front {
        model: settings.model,
        queue: Arc::default(),
        store: Waited::default(),
        number: AtomicU64::new(0),
    });
    let lanes: Lanes = [(Lane::FREE_LIGHT, Arc::clone(&front.queue) as Arc<dyn Queue>)].into();
    let parts = Parts {
        lanes,
        store: Arc::new(Shared(Arc::clone(&front))),
        edge: None,
        registry: Arc::new(registry),
        devices: Devices::one(engine),
        vitals: Arc::default(),
        load: Arc::new(DeviceLoad::default()),
    };
    let bounds = Bounds {
        worker: "bench".to_owned(),
        weights: built_in_lanes(),
        visibility: Duration::from_secs(60),
        prefetch: 256,
        cpu_threads: 1,
        decoded_bytes: 1 << 30,
    };
    let running = tokio::spawn(pipeline::run(parts, bounds, CancellationToken::new()));
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    while !running.is_finished() {
        let (client, _) = listener.accept().await?;
        let front = Arc::clone(&front);
        // A client that goes away is none of the others' business.
        tokio::spawn(async move { front.serve(client).await });
    }
    Ok(running.await??)
}

impl Front {
    /// One request after the other, until the client closes.
    async fn serve(&self, client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut client = BufReader::new(client);
        while let Some((media_type, body)) = request(&mut client).await? {
            let (status, answer) = match self.run(media_type, body).await {
                Ok(result) => ("200 OK", result),
                Err(error) => ("422 Unprocessable Content", Bytes::from(error.to_string())),
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", answer.len());
            client.get_mut().write_all(&[head.as_bytes(), &answer].concat()).await?;
        }
        Ok(())
    }

    async fn run(&self, media_type: Option<MediaType>, body: Vec<u8>) -> Result<Bytes> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random.iter_mut().zip(number.to_be_bytes()).for_each(|(to, byte)| *to = byte);
        // Everyone has an account of their own, so that no job answers another.
        let account = number.to_string();
        let (input, parameters) = match media_type {
            Some(media_type) => (self.reference(Input { media_type, bytes: body }).await, Parameters::new()),
            None => {
                let seed: i64 = std::str::from_utf8(&body)?.trim().parse().context("a seed, or a content type")?;
                let parameters = [("seed", seed), ("count", 1)];
                let named = parameters.map(|(name, value)| (name.to_owned(), ParameterValue::Integer(value)));
                (InputRef::Inline { media_type: Input::empty().media_type, data: Vec::new() }, Parameters::from(named))
            }
        };
        let digest = Digest::new(Namespace::Account(&account), &self.model, "1", &parameters, &Input::empty());
        let message = JobMessage {
            job_id: JobId::new(1_800_000_000_000, random, ShardKey::new(&account, 0)),
            digest,
            account,
            model: self.model.clone(),
            version: "1".to_owned(),
            parameters,
            input,
            cost_ms: 1.0,
            accepted_ms: 1_800_000_000_000,
            deadline_ms: None,
            traceparent: None,
        };
        let result = self.store.expect(&storage_key::result(&digest));
        let failure = self.store.expect(&storage_key::failure(&message.job_id));
        self.queue.send(message.to_json()?);
        tokio::select! {
            result = result => Ok(result?),
            failure = failure => bail!("{}", String::from_utf8_lossy(&failure?)),
        }
    }

    /// Large inputs lie in the store, as the edge puts them.
    async fn reference(&self, input: Input) -> InputRef {
        const INLINE_LIMIT: usize = 65_536;
        let media_type = input.media_type;
        if input.bytes.len() <= INLINE_LIMIT {
            return InputRef::Inline { media_type, data: input.bytes };
        }
        let sha256 = hex::encode(input.sha256());
        let (key, bytes) = (format!("inputs/{sha256}"), input.bytes.len() as u64);
        let _ = self.store.inner.put_if_absent(&key, NewObject::new(input.bytes, media_type.name())).await;
        InputRef::Stored { media_type, key, bytes, sha256 }
    }
}

/// The body of the next request with its media type, if it says one; `None` at the end.
async fn request(client: &mut BufReader<TcpStream>) -> Result<Option<(Option<MediaType>, Vec<u8>)>> {
    let (mut length, mut media_type) = (0, None);
    let mut first = true;
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() && !first {
            break;
        }
        first = false;
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        } else if name.eq_ignore_ascii_case("content-type") {
            let named = [MediaType::Png, MediaType::Jpeg, MediaType::PlainText];
            media_type = named.into_iter().find(|media_type| media_type.name() == value.trim());
        }
    }
    ensure!(length <= 16 << 20, "the body is too large");
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    Ok(Some((media_type, body)))
}

/// A store that wakes who waits when something is put.
#[derive(Default)]
struct Waited {
    inner: MemoryStore,
    waiting: Mutex<HashMap<String, oneshot::Sender<Bytes>>>,
}

impl Waited {
    fn expect(&self, key: &str) -> oneshot::Receiver<Bytes> {
        let (wake, waiting) = oneshot::channel();
        let mut waiters = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|_, waiter| !waiter.is_closed());
        waiters.insert(key.to_owned(), wake);
        waiting
    }
}

/// The front's store as the pipeline takes it.
struct Shared(Arc<Front>);

#[async_trait]
impl Store for Shared {
    /// What is waited for is handed over and not kept: a bench makes hundreds of thousands.
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> std::result::Result<Put, StoreError> {
        let store = &self.0.store;
        let waiter = store.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        match waiter {
            Some(waiter) => {
                let _ = waiter.send(object.body);
                Ok(Put::Created)
            }
            None => store.inner.put_if_absent(key, object).await,
        }
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> std::result::Result<(), StoreError> {
        self.0.store.inner.overwrite(key, object).await
    }

    async fn get(&self, key: &str, max_bytes: u64) -> std::result::Result<Bytes, StoreError> {
        self.0.store.inner.get(key, max_bytes).await
    }

    async fn head(&self, key: &str) -> std::result::Result<Option<Head>, StoreError> {
        self.0.store.inner.head(key).await
    }

    async fn renew(&self, key: &str, head: &Head) -> std::result::Result<(), StoreError> {
        self.0.store.inner.renew(key, head).await
    }
}
