//! The worker's settings: flags, each with its environment variable; clap says what is wrong with them.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum, builder::RangedU64ValueParser};

#[cfg(feature = "tch")]
use crate::engine::torch::{DeviceChoice, LoadLimits};
use crate::{engine::Patience, model::FetchLimits};

/// Takes jobs from SQS, batches them on the device and stores the results in S3.
///
/// AWS region, credentials and endpoint are read as by every AWS tool: AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID,
/// AWS_ENDPOINT_URL and so on. Logs are JSON lines on standard error; FOREBAY_LOG sets their level. SIGTERM finishes
/// what runs, hands back the rest and ends within 30 seconds.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "forebay-worker",
    version,
    after_help = "Example:\n  forebay-worker --queue-url-prefix https://sqs.eu-west-1.amazonaws.com/123456789012/forebay \\\n    \
                  --bucket forebay-data --models-dir models --edge-url https://jobs.example.com"
)]
pub struct Settings {
    /// Queue URLs without their `-LANE` end, as infra's output QueueUrlPrefix says.
    #[arg(long, env = "FOREBAY_QUEUE_URL_PREFIX", value_name = "URL")]
    pub queue_url_prefix: String,

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
    #[arg(long, env = "FOREBAY_EDGE_URL", value_name = "URL", requires = "report_secret")]
    pub edge_url: Option<String>,

    /// Shared with the edge; signs the reports.
    #[arg(long, env = "FOREBAY_REPORT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub report_secret: Option<String>,

    /// How long a message stays hidden without a sign of life from this worker, in seconds; renewed at a third.
    #[arg(long, env = "FOREBAY_LEASE_S", value_name = "S", default_value_t = 30, value_parser = range(3, 43_200))]
    pub lease_s: u64,

    /// The most messages held at once, fewer where they are much work; without it four of the largest batches, at least 32.
    #[arg(long, env = "FOREBAY_PREFETCH", value_name = "N", value_parser = range(1, 100_000))]
    pub prefetch: Option<u64>,

    /// Threads that decode pictures, as many again for other inputs and for outputs; without it half of the cores.
    #[arg(long, env = "FOREBAY_CPU_THREADS", value_name = "N", value_parser = range(1, 1024))]
    pub cpu_threads: Option<u64>,

    /// What runs the models.
    #[arg(long, env = "FOREBAY_ENGINE", value_enum, default_value_t = EngineChoice::default())]
    pub engine: EngineChoice,

    /// The device; auto takes CUDA where it is found.
    #[cfg(feature = "tch")]
    #[arg(long, env = "FOREBAY_DEVICE", value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// Threads of one model on the CPU; without it the cores that decoding leaves.
    #[cfg(feature = "tch")]
    #[arg(long, env = "FOREBAY_DEVICE_THREADS", value_name = "N", value_parser = range(1, 1024))]
    pub device_threads: Option<u64>,

    /// A device's call that lasts longer than so many times its prediction, and longer than --hang-floor-s, has hung:
    /// the worker ends with status 75.
    #[arg(long, env = "FOREBAY_HANG_FACTOR", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub hang_factor: u32,

    /// No device's call has hung before it lasted so many seconds.
    #[arg(long, env = "FOREBAY_HANG_FLOOR_S", value_name = "S", default_value_t = 60, value_parser = range(1, 86_400))]
    pub hang_floor_s: u64,

    /// The longest that loading a model may take, in seconds.
    #[arg(long, env = "FOREBAY_MODEL_LOAD_S", value_name = "S", default_value_t = 300, value_parser = range(1, 86_400))]
    pub model_load_s: u64,

    /// The largest file of weights, in MiB.
    #[arg(long, env = "FOREBAY_MODEL_MAX_MIB", value_name = "MIB", default_value_t = 65_536, value_parser = range(1, 1 << 30))]
    pub model_max_mib: u64,

    /// The most weights that one device holds at once, in MiB; the least recently used model makes room. Without it
    /// half of the machine's memory on the CPU, and on a GPU as much as fits.
    #[arg(long, env = "FOREBAY_MODEL_MEMORY_MIB", value_name = "MIB", value_parser = range(1, 1 << 30))]
    pub model_memory_mib: Option<u64>,

    /// How long a batch takes with the test engine, in milliseconds.
    #[arg(long, env = "FOREBAY_TEST_ENGINE_DELAY_MS", value_name = "MS", default_value_t = 0, value_parser = range(0, 600_000))]
    pub test_engine_delay_ms: u64,

    /// The worker's name in reports and logs; without it the machine's name and the process number.
    #[arg(long, env = "FOREBAY_WORKER_NAME", value_name = "NAME")]
    pub worker_name: Option<String>,
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

fn range(min: u64, max: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(min..=max)
}

impl Settings {
    /// The lease's length.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
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
mod tests {
    use super::*;

    fn parse(more: &[&str]) -> Result<Settings, String> {
        let given = ["forebay-worker", "--queue-url-prefix", "http://q/forebay", "--bucket", "b"];
        Settings::try_parse_from(given.iter().chain(more)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.lease(), Duration::from_secs(30));
        assert_eq!((settings.prefetch_for(1), settings.prefetch_for(64)), (32, 256));
        assert_eq!((settings.cpu_threads_of(1), settings.cpu_threads_of(16)), (1, 8));
    }

    #[test]
    fn wrong_settings_are_told_with_name_found_and_allowed() {
        for (given, expect) in [
            (&["--lease-s", "2"][..], &["'2'", "--lease-s <S>", "3..=43200"][..]),
            (&["--engine", "gpu"], &["'gpu'", "--engine", "test"]),
            (&["--edge-url", "http://e"], &["--report-secret"]),
            (&["--prefetch", "none"], &["'none'", "--prefetch <N>"]),
        ] {
            let found = parse(given).unwrap_err();
            assert!(expect.iter().all(|part| found.contains(part)), "{found}");
        }
    }
}
