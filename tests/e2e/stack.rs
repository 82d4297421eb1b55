//! The parts that promises run against: one shared stack, and stacks of their own for those that break something.

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context as _, Result, anyhow};
use forebay_xtask::{
    build,
    console::Console,
    repository::Repository,
    stack::{ApiKey, Deployment, Edge, EdgeOptions, Worker, WorkerOptions, seed},
};

use crate::{client::Client, promises};

pub use forebay_xtask::stack::free_port;

/// A plan that is soon used up: three at once, then one each two seconds.
pub const TINY_PLAN: &str = "tiny";
const TINY_PLAN_TOML: &str = r#"
[plans.tiny]
class = "free"
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 3, window = "6s", unit = "requests" }]
"#;

/// An account that no promise is about.
const STRANGER: &str = "somebody_else";

const REPORT_SECRET: &str = "the end-to-end tests sign with this";

/// Everything that promises share.
pub struct Hall {
    repository: Repository,
    /// The LocalStack that `cargo xtask test` started.
    localstack: String,
    worker_binary: PathBuf,
    /// Sets this run's queues apart from those of an earlier run in the same LocalStack.
    run: String,
    shared: OnceLock<Result<Stack, String>>,
}

/// What a stack of one's own may differ in.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// After how long without news the edge looks into the bucket itself.
    pub reconcile_after_ms: Option<u64>,
    /// Other models than the shipped ones.
    pub models_dir: Option<PathBuf>,
}

/// Queues, a bucket, an edge and its workers. All of it ends when it is dropped.
pub struct Stack {
    worker_binary: PathBuf,
    folder: PathBuf,
    deployment: Deployment,
    edge: Edge,
    workers: Vec<Worker>,
    keys: BTreeMap<String, ApiKey>,
    models: PathBuf,
}

impl Hall {
    pub fn open() -> Result<Self> {
        let repository = Repository::find()?;
        let localstack = env::var("FOREBAY_TEST_LOCALSTACK")
            .context("FOREBAY_TEST_LOCALSTACK is not set: run this by `cargo xtask test --only e2e`")?;
        let worker_binary = build::worker_path(&repository)?;
        Ok(Self { repository, localstack, worker_binary, run: std::process::id().to_string(), shared: OnceLock::new() })
    }

    /// The stack for promises that break nothing.
    pub fn shared(&self) -> Result<&Stack> {
        let made = self.shared.get_or_init(|| {
            let start = || {
                let mut stack = self.own("shared", &Options::default())?;
                stack.start_worker(&[])?;
                anyhow::Ok(stack)
            };
            start().map_err(|error| format!("{error:#}"))
        });
        made.as_ref().map_err(|error| anyhow!("the shared stack did not start: {error}"))
    }

    /// A new stack without any worker.
    pub fn own(&self, name: &str, options: &Options) -> Result<Stack> {
        Stack::start(self, name, options)
    }

    /// A path of the checkout under test.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.repository.path(relative)
    }

    /// An empty folder.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.repository.run("e2e").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

impl Stack {
    fn start(hall: &Hall, name: &str, options: &Options) -> Result<Self> {
        let repository = hall.repository.clone();
        let folder = hall.scratch(name)?;
        let prefix = format!("e2e-{}-{name}", hall.run);
        let deployment =
            Deployment::deploy(&repository, Console::quiet(), &hall.localstack, &prefix, &folder.join("infra.log"))?;

        let models = options.models_dir.clone().unwrap_or_else(|| repository.path("models"));
        let catalog = build::catalog_with_plans(&repository, &models, TINY_PLAN_TOML)?;
        let mut entries = BTreeMap::from([("catalog".to_owned(), serde_json::to_string(&catalog)?)]);
        let mut keys = BTreeMap::new();
        for (account, _) in promises::ALL.iter().copied().chain([(STRANGER, promises::ALL[0].1)]) {
            let plan = if account == "limited_client_gets_in_when_told" { TINY_PLAN } else { "pro" };
            let key = ApiKey::random()?;
            let (entry, value) = key.kv_entry(account, plan, "e2e");
            entries.insert(entry, value);
            keys.insert(account.to_owned(), key);
        }
        seed(&repository, &folder.join("edge"), &entries, &folder.join("kv.log"))?;

        let mut variables = EdgeOptions::variables_for(&deployment, REPORT_SECRET);
        if let Some(after_ms) = options.reconcile_after_ms {
            variables.insert("RECONCILE_AFTER_MS".to_owned(), after_ms.to_string());
        }
        let edge = Edge::start(
            &repository,
            EdgeOptions {
                name: format!("edge-{name}"),
                folder: folder.join("edge"),
                log: folder.join("edge.log"),
                port: free_port()?,
                variables,
            },
        )?;
        let worker_binary = hall.worker_binary.clone();
        Ok(Self { worker_binary, folder, deployment, edge, workers: Vec::new(), keys, models })
    }

    /// A caller with the account of that name.
    pub fn client(&self, account: &str) -> Client {
        Client::new(&self.origin(), Some(&self.key(account)))
    }

    /// The account's API key.
    pub fn key(&self, account: &str) -> String {
        self.keys.get(account).map(|key| key.reveal().to_owned()).unwrap_or_default()
    }

    /// Where the edge answers.
    pub fn origin(&self) -> String {
        self.edge.origin()
    }

    /// The same for those who speak TCP.
    pub fn address(&self) -> Result<SocketAddr> {
        self.origin().trim_start_matches("http://").parse().context("the origin is no address")
    }

    /// Starts a worker and waits until it polls; gives its number.
    pub fn start_worker(&mut self, arguments: &[&str]) -> Result<usize> {
        let number = self.workers.len();
        let name = format!("worker-{number}");
        self.workers.push(Worker::start(&WorkerOptions {
            name: &name,
            binary: &self.worker_binary,
            deployment: &self.deployment,
            edge_url: &self.edge.origin(),
            report_secret: REPORT_SECRET,
            models: &self.models,
            log: self.folder.join(format!("{name}.log")),
            arguments,
            environment: &[],
        })?);
        Ok(number)
    }

    /// `kill -9` of a worker.
    pub fn kill_worker(&mut self, number: usize) -> Result<()> {
        self.workers.get_mut(number).context("no such worker")?.kill();
        Ok(())
    }

    /// `kill -9` of the edge, and a new one over the same state.
    pub fn kill_and_restart_edge(&mut self) -> Result<()> {
        self.edge.kill();
        self.edge.start_again()
    }

    /// How many messages wait or are held in all lanes.
    pub fn messages_in_lanes(&self) -> Result<u64> {
        self.deployment.messages_in_lanes()
    }

    /// What the edge and the workers wrote down so far.
    pub fn logs(&self) -> Result<String> {
        let workers = (0..self.workers.len()).map(|number| format!("worker-{number}.log"));
        std::iter::once("edge.log".to_owned())
            .chain(workers)
            .map(|name| fs::read_to_string(self.folder.join(&name)).with_context(|| name))
            .collect()
    }

    /// How many results lie in the bucket.
    pub fn stored_results(&self) -> Result<usize> {
        Ok(self.deployment.stored("results/")?.len())
    }
}

/// A picture of `tests/fixtures`.
pub fn fixture(name: &str) -> Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    fs::read(&path).with_context(|| path.display().to_string())
}

/// The `n`th text of so many words; no two are alike.
pub fn words(n: usize, count: usize) -> String {
    const WORDS: [&str; 8] = ["water", "falls", "through", "the", "gates", "and", "turns", "wheels"];
    let word = |index: usize| WORDS[(index * (n + 3) + index / 7) % WORDS.len()];
    (0..count).map(word).fold(format!("Text {n}:"), |text, word| text + " " + word)
}
