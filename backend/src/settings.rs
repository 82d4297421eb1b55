//! The worker's settings. Each is a flag, a variable and a key of a TOML file, in this order of precedence.

mod complaint;
mod effective;
mod file;
mod lanes;
mod layers;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use tracing_subscriber::filter::Targets;

pub use complaint::Unusable;
pub use effective::Effective;
pub use lanes::built_in_lanes;

#[cfg(feature = "tch")]
use crate::engine::torch::{DeviceChoice, LoadLimits};
use crate::{batch::LaneWeights, engine::Patience, model::FetchLimits};

/// Takes jobs from SQS, batches them on the device and stores the results in S3.
///
/// AWS region, credentials and endpoint are read as by every AWS tool: AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID,
/// AWS_ENDPOINT_URL and so on. A flag wins over its variable, the variable over the file, the file over the default; in
/// the file a setting is called as its flag, with `_` for `-`. Logs are JSON lines on standard error. SIGTERM and a
/// Spot interruption notice finish what runs, hand back the rest and end within 30 seconds.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "forebay-worker",
    version,
    after_help = "Example:\n  forebay-worker --queue-url-prefix https://sqs.eu-west-1.amazonaws.com/123456789012/forebay \\\n    \
                  --bucket forebay-data --models-dir models --edge-url https://jobs.example.com"
)]
pub struct Settings {
    /// What to do.
    #[arg(value_name = "ACTION", value_enum, default_value_t = Action::Run)]
    pub action: Action,

    /// A TOML file of settings.
    #[arg(long, env = "FOREBAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print every setting with where it comes from, as a TOML file without the secrets, and end.
    #[arg(long)]
    pub print_config: bool,

    /// Queue URLs without their `-LANE` end, as infra's output QueueUrlPrefix says. Lambda functions need none.
    #[arg(long, env = "FOREBAY_QUEUE_URL_PREFIX", value_name = "URL")]
    pub queue_url_prefix: Option<String>,

    /// The lanes to serve, each with its share while others wait too; a name alone has its weight in the catalog that was
    /// built in, or 1. A customer's own workers serve theirs alone: --lanes acme.
    #[arg(long, env = "FOREBAY_LANES", value_name = "NAME=WEIGHT,…")]
    #[arg(default_value = lanes::BUILT_IN, value_parser = lanes::lanes)]
    pub lanes: LaneWeights,

    /// The bucket of inputs, results and failures.
    #[arg(long, env = "FOREBAY_BUCKET", value_name = "NAME")]
    pub bucket: String,

    /// The folder of NAME/VERSION/model.toml, or s3://BUCKET/PREFIX: then files are fetched when a model is first used.
    #[arg(long, env = "FOREBAY_MODELS_DIR", value_name = "FOLDER", default_value = "models")]
    pub models_dir: PathBuf,

    /// Where models are kept that come from S3.
    #[arg(long, env = "FOREBAY_MODELS_CACHE", value_name = "FOLDER", default_value = "/var/tmp/forebay-models")]
    pub models_cache: PathBuf,

    /// Where reports go. Without it jobs run all the same; clients then hear of results a little later.
    #[arg(long, env = "FOREBAY_EDGE_URL", value_name = "URL")]
    pub edge_url: Option<String>,

    /// Shared with the edge, of 32 characters and more; signs the reports.
    #[arg(long, env = "FOREBAY_REPORT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub report_secret: Option<String>,

    /// The report secret's name or ARN in Secrets Manager, where it is not given itself; read once, at the start.
    #[arg(long, env = "FOREBAY_REPORT_SECRET_ID", value_name = "ID")]
    pub report_secret_id: Option<String>,

    /// How long a message stays hidden without a sign of life from this worker, in seconds; renewed at a third.
    #[arg(
        id = "lease_s",
        long = "lease-s",
        env = "FOREBAY_LEASE_S",
        value_name = "S",
        default_value_t = 30,
        value_parser = range(3, 43_200)
    )]
    pub visibility_s: u64,

    /// The most messages held at once, fewer where they are much work; without it four of the largest batches, at least 32.
    #[arg(long, env = "FOREBAY_PREFETCH", value_name = "N", value_parser = range(1, 100_000))]
    pub prefetch: Option<u64>,

    /// Threads that decode pictures, as many again for sounds, other inputs and outputs; without it half of the cores.
    #[arg(long, env = "FOREBAY_CPU_THREADS", value_name = "N", value_parser = range(1, 1024))]
    pub cpu_threads: Option<u64>,

    /// The most that decoded inputs take together until the device has answered, in MiB; one that takes more goes alone.
    #[arg(
        long,
        env = "FOREBAY_DECODED_MIB",
        value_name = "MIB",
        default_value_t = 1024,
        value_parser = range(1, 1 << 24)
    )]
    pub decoded_mib: u64,

    /// What runs the models.
    #[arg(long, env = "FOREBAY_ENGINE", value_enum, default_value_t = EngineChoice::default())]
    pub engine: EngineChoice,

    /// The device; auto takes CUDA where there is an NVIDIA GPU, and does not start where it cannot be used. `any` and
    /// `cpu` allow the CPU beside a GPU.
    #[cfg(feature = "tch")]
    #[arg(long, env = "FOREBAY_DEVICE", value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// Threads of one model on the CPU; without it the cores that decoding leaves.
    #[cfg(feature = "tch")]
    #[arg(long, env = "FOREBAY_DEVICE_THREADS", value_name = "N", value_parser = range(1, 1024))]
    pub device_threads: Option<u64>,

    /// A device's call that lasts longer than so many times its prediction, and longer than --hang-floor-s, has hung:
    /// the worker ends with status 75.
    #[arg(
        long,
        env = "FOREBAY_HANG_FACTOR",
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub hang_factor: u32,

    /// No device's call has hung before it lasted so many seconds.
    #[arg(long, env = "FOREBAY_HANG_FLOOR_S", value_name = "S", default_value_t = 60, value_parser = range(1, 86_400))]
    pub hang_floor_s: u64,

    /// The longest that loading a model may take, in seconds.
    #[arg(long, env = "FOREBAY_MODEL_LOAD_S", value_name = "S", default_value_t = 300, value_parser = range(1, 86_400))]
    pub model_load_s: u64,

    /// The largest file of weights, in MiB.
    #[arg(
        long,
        env = "FOREBAY_MODEL_MAX_MIB",
        value_name = "MIB",
        default_value_t = 65_536,
        value_parser = range(1, 1 << 30)
    )]
    pub model_max_mib: u64,

    /// The most weights that one device holds at once, in MiB; the least recently used model makes room. Without it
    /// half of the machine's memory on the CPU, and of a GPU what is free at start less a tenth of the whole.
    #[arg(long, env = "FOREBAY_MODEL_MEMORY_MIB", value_name = "MIB", value_parser = range(1, 1 << 30))]
    pub model_memory_mib: Option<u64>,

    /// How long a batch takes with the test engine, in milliseconds.
    #[arg(
        long,
        env = "FOREBAY_TEST_ENGINE_DELAY_MS",
        value_name = "MS",
        default_value_t = 0,
        value_parser = range(0, 600_000)
    )]
    pub test_engine_delay_ms: u64,

    /// The worker's name in reports and logs; without it the machine's name and the process number.
    #[arg(long, env = "FOREBAY_WORKER_NAME", value_name = "NAME")]
    pub worker_name: Option<String>,

    /// Where /healthz, /readyz and /metrics are answered, to whoever asks; without it nowhere.
    #[arg(long, env = "FOREBAY_STATUS_ADDRESS", value_name = "IP:PORT")]
    pub status_address: Option<SocketAddr>,

    /// What is logged: error, warn, info, debug, trace, or target=level pairs.
    #[arg(long, env = "FOREBAY_LOG", value_name = "LEVELS", default_value = "info", value_parser = levels)]
    pub log: Targets,

    /// An OpenTelemetry collector, which spans are sent to as OTLP over HTTP; without it none are made.
    #[cfg(feature = "otlp")]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Where EC2's instance metadata is asked for Spot interruption notices; `off` asks nowhere.
    #[arg(
        long,
        env = "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        value_name = "URL",
        default_value = "http://169.254.169.254"
    )]
    pub metadata_url: String,
}

/// What the program is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Work until a signal.
    Run,
    /// Look whether everything that work needs is there, say what to do about what is not, and end: with 0 when nothing
    /// is missing.
    Doctor,
}

/// What runs the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EngineChoice {
    /// TorchScript.
    #[cfg(feature = "tch")]
    #[default]
    Tch,
    /// No weights: answers are a function of the input. For tests of everything around the engine.
    #[cfg_attr(not(feature = "tch"), default)]
    Test,
}

/// A whole number within bounds; its errors say what is allowed.
fn range(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| format!("a whole number from {min} to {max}"))
    }
}

fn levels(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|_| "error, warn, info, debug, trace, off, or target=level pairs".to_owned())
}

impl Settings {
    /// The prefix of the lanes' URLs.
    pub fn lanes_url(&self) -> Result<&str, Unusable> {
        let words = "queue_url_prefix: found nothing; set --queue-url-prefix, FOREBAY_QUEUE_URL_PREFIX or \
                     queue_url_prefix in a file";
        self.queue_url_prefix.as_deref().ok_or_else(|| Unusable::Setting(words.to_owned()))
    }

    /// The length of a visibility timeout.
    pub fn visibility(&self) -> Duration {
        Duration::from_secs(self.visibility_s)
    }

    /// When a device counts as hung. Reading the file has its own bound, warm-up comes on top.
    pub fn patience(&self) -> Patience {
        let floor = Duration::from_secs(self.hang_floor_s);
        let load = Duration::from_secs(self.model_load_s).saturating_add(floor.saturating_mul(2));
        Patience { floor, factor: self.hang_factor, load }
    }

    /// What fetching a model may cost.
    pub fn fetch_limits(&self) -> FetchLimits {
        FetchLimits { timeout: Duration::from_secs(self.model_load_s), max_bytes: self.model_max_mib << 20 }
    }

    /// What a file of weights may be.
    #[cfg(feature = "tch")]
    pub fn load_limits(&self) -> LoadLimits {
        LoadLimits { timeout: Duration::from_secs(self.model_load_s), max_bytes: self.model_max_mib << 20 }
    }

    /// The most bytes of weights that one device holds.
    pub fn model_memory(&self) -> Option<u64> {
        self.model_memory_mib.map(|mib| mib << 20)
    }

    /// The most messages of one lane, when the largest batch has `largest_batch` rows.
    pub fn prefetch_for(&self, largest_batch: usize) -> usize {
        self.prefetch.map_or(largest_batch.saturating_mul(4).max(32), |prefetch| prefetch as usize)
    }

    /// The most bytes of decoded inputs.
    pub fn decoded_bytes(&self) -> usize {
        usize::try_from(self.decoded_mib << 20).unwrap_or(usize::MAX)
    }

    /// Threads of each kind of work beside the device, on `cores` cores.
    pub fn cpu_threads_of(&self, cores: usize) -> usize {
        self.cpu_threads.map_or((cores / 2).max(1), |threads| threads as usize)
    }

    /// Threads of one model on `cores` cores: threads beyond the cores would spin against one another.
    #[cfg(feature = "tch")]
    pub fn device_threads_of(&self, cores: usize) -> usize {
        let left = cores.saturating_sub(self.cpu_threads_of(cores)).max(1);
        self.device_threads.map_or(left, |threads| threads as usize)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn parse(more: &[&str]) -> Result<Settings, String> {
        let given = ["forebay-worker", "--queue-url-prefix", "http://q/forebay", "--bucket", "b"];
        let given = given.iter().chain(more).map(std::ffi::OsString::from).collect::<Vec<_>>();
        layers::read(&given, &|_| None).map(|(settings, _)| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.visibility(), Duration::from_secs(30));
        assert_eq!((settings.prefetch_for(1), settings.prefetch_for(64)), (32, 256));
        assert_eq!(settings.decoded_bytes(), 1 << 30);
        assert_eq!((settings.cpu_threads_of(1), settings.cpu_threads_of(16)), (1, 8));
        assert_eq!(settings.action, Action::Run);
        assert_eq!(settings.lanes, built_in_lanes());
    }

    #[test]
    fn wrong_flags_are_named_with_what_was_found_and_what_is_allowed() {
        for (given, expect) in [
            (&["--lease-s", "2"][..], "--lease-s: found 2; allowed is a whole number from 3 to 43200"),
            (&["--decoded-mib", "0"], "--decoded-mib: found 0; allowed is a whole number from 1 to 16777216"),
            (&["--lease-s=x"], "--lease-s: found x; allowed is a whole number from 3 to 43200"),
            (&["--lanes", "acme=0"], "--lanes: found acme=0; allowed is NAME=WEIGHT,… of 1 to 20 lanes, each once"),
            (&["--status-address", "9464"], "--status-address: found 9464; allowed is an address IP:PORT"),
            (
                &["--log", "loud=very"],
                "--log: found loud=very; allowed is error, warn, info, debug, trace, off, or target=level pairs",
            ),
            (&["--edge-url", "http://e"], "report_secret: found nothing; allowed with edge_url is a secret of 32"),
            (
                &["--edge-url", "http://e", "--report-secret", "0123456789abcdef0123456789abcde"],
                "report_secret: found 31 characters; allowed with edge_url is a secret of 32 characters and more",
            ),
        ] {
            let found = parse(given).unwrap_err();
            assert!(found.starts_with(expect), "{found}");
        }
        let found = parse(&["--engine", "gpu"]).unwrap_err();
        assert!(found.starts_with("--engine: found gpu; allowed is ") && found.contains("test"), "{found}");
        assert!(parse(&["--speed"]).unwrap_err().contains("'--speed'"));
    }
}
