//! The parts that a promise runs against.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::{
    EventKind, JobId, Report, ReportAnswer, ReportEvent, SIGNATURE_HEADER, report, sign, storage_key,
};
use forebay_xtask::{
    build::{self, CatalogSources},
    repository::Repository,
    stack::{Deployment, Edge, EdgeOptions, EdgeRunner, Worker, WorkerOptions, seed},
};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, id, text},
    keep,
};

pub use crate::hall::Hall;
use crate::hall::StandsOn;
pub use forebay_xtask::stack::free_port;

/// A plan that is soon used up: three at once, and no more as long as any promise takes.
pub const TINY_PLAN: &str = "tiny";
const TINY_PLAN_TOML: &str = r#"
[plans.tiny]
class = "free"
limits = [{ name = "submit", dimension = "account", algorithm = "token-bucket", quantity = 3, window = "1h", unit = "requests" }]
"#;

/// The plan of callers without credentials in the idle stack.
pub const ANONYMOUS_PLAN: &str = "nobodys";

/// What the operator manages keys with.
pub const ADMIN_TOKEN: &str = "operators-token-of-the-end-to-end-tests";

/// What reports are signed with, unless a promise changes it.
pub const REPORT_SECRET: &str = "the end-to-end tests sign with this";

/// What a stack of one's own may differ in.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long the edge waits without news before it looks into the bucket itself.
    pub reconcile_after_ms: Option<u64>,
    /// Other models than the shipped ones.
    pub models_dir: Option<PathBuf>,
    /// What answers to which name, in the words of `catalog/models.toml`.
    pub serving: Option<String>,
    /// Plans and limits, in the words of `catalog/plans.toml`; a plan `pro` must be among them.
    pub plans: Option<String>,
    /// Lanes, in the words of `catalog/lanes.toml`; whoever names some has queues of its own for them.
    pub lanes: Option<String>,
    /// Who may call besides the owners of keys, in the words of `catalog/identity.toml`.
    pub identity: Option<String>,
    /// Whose queues and bucket these are.
    pub infra: Infra,
    /// The address of another LocalStack than the shared one.
    pub aws: Option<String>,
    /// Where the edge sends messages instead of to LocalStack itself.
    pub queues: Option<SocketAddr>,
    /// Further variables and secrets of the edge.
    pub variables: BTreeMap<String, String>,
    /// What starts workerd; Miniflare alone unless said.
    pub runner: Option<EdgeRunner>,
    /// How often an address may knock; as shipped unless said.
    pub knocks: Option<u32>,
    /// A module around the Worker, which it imports as `./index.js`.
    pub around: Option<PathBuf>,
}

/// Whose queues and bucket a stack has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Infra {
    /// Its own, deployed for it.
    #[default]
    Own,
    /// Those of every stack that runs no job and counts no message: deploying takes longer than such a promise.
    Common,
}

/// Queues, a bucket, an edge and its workers. All of it ends when it is dropped.
pub struct Stack {
    repository: Repository,
    worker_binary: PathBuf,
    folder: PathBuf,
    deployment: Deployment,
    edge: Edge,
    workers: Vec<Worker>,
    /// The clients that have a key already, by account.
    keys: Mutex<BTreeMap<String, Client>>,
    models: PathBuf,
    catalog: Value,
}

impl Drop for Stack {
    fn drop(&mut self) {
        if keep::is_on() {
            let said = self.how_to_reach().unwrap_or_else(|error| format!("  {error:#}"));
            let workers = self.workers.iter_mut().map(|worker| worker.group().leave());
            let parts = workers.chain([self.edge.group().leave()]).collect();
            keep::let_go(said, parts);
        }
    }
}

impl Stack {
    /// A new one without any worker.
    pub fn start(hall: &Hall, name: &str, options: &Options) -> Result<Self> {
        let repository = hall.repository().clone();
        let folder = hall.scratch(name)?;
        let models = options.models_dir.clone().unwrap_or_else(|| repository.path("models"));
        let other = CatalogSources {
            models: &models,
            serving: options.serving.as_deref(),
            plans: options.plans.as_deref(),
            more_plans: TINY_PLAN_TOML,
            lanes: options.lanes.as_deref(),
            identity: options.identity.as_deref(),
        };
        let catalog = build::catalog_of(&repository, &other)?;
        let deployment = hall.deployed(&StandsOn { name, options, catalog: &catalog, folder: &folder })?;
        let catalog = serde_json::to_value(&catalog)?;

        let mut variables = EdgeOptions::variables_for(&deployment, REPORT_SECRET);
        variables.insert("ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned());
        if let Some(after_ms) = options.reconcile_after_ms {
            variables.insert("RECONCILE_AFTER_MS".to_owned(), after_ms.to_string());
        }
        if let Some(queues) = options.queues {
            let prefix = deployment.queue_url_prefix.replace(&deployment.endpoint, &format!("http://{queues}"));
            ensure!(prefix.contains(&queues.to_string()), "queues are not at {}: {prefix}", deployment.endpoint);
            variables.insert("QUEUE_URL_PREFIX".to_owned(), prefix);
        }
        variables.extend(options.variables.clone());
        let edge = Edge::start(
            &repository,
            EdgeOptions {
                name: format!("edge-{name}"),
                folder: folder.join("edge"),
                log: folder.join("edge.log"),
                port: free_port()?,
                variables,
                runner: options.runner.unwrap_or(EdgeRunner::Miniflare),
                bundle: None,
                knocks: options.knocks,
                around: options.around.clone(),
            },
        )?;
        let worker_binary = hall.worker_binary().to_path_buf();
        let keys = Mutex::default();
        let stack =
            Self { repository, worker_binary, folder, deployment, edge, workers: Vec::new(), keys, models, catalog };
        stack.operate("PUT", "/internal/v1/catalog", Some(&stack.catalog))?.expect(200)?;
        Ok(stack)
    }

    /// A caller with the account of that name, under the plan `pro`.
    pub fn client(&self, account: &str) -> Result<Client> {
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = self.new_client(account, "pro")?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), made.clone());
        Ok(made)
    }

    /// A new caller of a new account under `plan`; its key is made as an operator would.
    pub fn new_client(&self, account: &str, plan: &str) -> Result<Client> {
        self.new_client_of(&json!({"account": account, "plan": plan}))
    }

    /// The same for a key that says more, in the words of `POST /internal/v1/keys`.
    pub fn new_client_of(&self, key: &Value) -> Result<Client> {
        let made = self.operate("POST", "/internal/v1/keys", Some(key))?.expect(201)?.json()?;
        Ok(Client::new(&self.origin(), Some(text(&made, "secret")?)))
    }

    /// What the operator may send.
    pub fn operate(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let body = body.map(|body| body.to_string().into_bytes());
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        Client::new(&self.origin(), None).send(&Request { method, path, headers: &headers, body: body.as_deref() })
    }

    /// Tells the edge what no worker said: one event of the first attempt of a job.
    pub fn report(&self, job: &Value, kind: EventKind) -> Result<ReportAnswer> {
        self.report_at(job, now_ms()?, vec![kind])
    }

    /// The same, many at once, by a worker whose clock says `at_ms`.
    pub fn report_at(&self, job: &Value, at_ms: u64, kinds: Vec<EventKind>) -> Result<ReportAnswer> {
        let job_id = id(job)?.parse()?;
        let events = kinds.into_iter().map(|kind| ReportEvent { job_id, attempt: 1, at_ms, kind }).collect();
        let body = serde_json::to_vec(&Report { worker: "e2e".to_owned(), events })?;
        let now_ms = now_ms()?;
        let signature = sign(REPORT_SECRET.as_bytes(), now_ms, &body);
        let headers = [("content-type", "application/json"), (SIGNATURE_HEADER, signature.as_str())];
        let request = Request { method: "POST", path: report::PATH, headers: &headers, body: Some(&body) };
        let answer = Client::new(&self.origin(), None).send(&request)?.expect(200)?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// What the operator sees of a lane.
    pub fn lane(&self, name: &str) -> Result<Value> {
        let authorization = format!("Bearer {ADMIN_TOKEN}");
        let headers = [("authorization", authorization.as_str())];
        let request = Request { method: "GET", path: "/v1/lanes", headers: &headers, body: None };
        let listing = Client::new(&self.origin(), None).send(&request)?.expect(200)?.json()?;
        let lanes = listing["lanes"].as_array().context("no lanes")?;
        lanes.iter().find(|lane| lane["lane"] == name).cloned().with_context(|| format!("no {name} in {listing}"))
    }

    /// The catalog that the edge started with, as JSON.
    pub fn catalog(&self) -> &Value {
        &self.catalog
    }

    /// Puts another text in the catalog's place, as an operator would while the edge runs.
    pub fn override_catalog(&self, text: &str) -> Result<()> {
        let entries = BTreeMap::from([("catalog".to_owned(), text.to_owned())]);
        seed(&self.repository, &self.folder.join("edge"), &entries, &self.folder.join("kv-override.log"))
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

    /// The edge anew over the same state, with these variables and secrets in place of its own.
    pub fn deploy_edge(&mut self, variables: &[(&str, &str)]) -> Result<()> {
        self.edge
            .deploy_again(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// What a person needs to look at it, while it runs.
    pub fn how_to_reach(&self) -> Result<String> {
        let token = self.folder.join("admin-token");
        let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&token)?;
        writeln!(file, "{ADMIN_TOKEN}")?;
        let Deployment { endpoint, queue_url_prefix, bucket, .. } = &self.deployment;
        let (origin, logs) = (self.origin(), self.repository.shown(&self.folder));
        Ok(format!(
            "  edge        {origin}, {origin}/console\n  \
               operator    its token lies in {token}\n  \
               a key       FOREBAY_URL={origin} {forebay} keys create --account me --plan pro \
                           --admin-token-file {token}\n  \
               LocalStack  {endpoint}\n  \
               queues      {queue_url_prefix}-LANE\n  \
               bucket      {bucket}\n  \
               workers     {}\n  \
               logs        {logs}/",
            self.workers.len(),
            token = self.repository.shown(&token),
            forebay = self.repository.shown(&self.worker_binary.with_file_name("forebay")),
        ))
    }

    /// How many messages wait or are held in all lanes.
    pub fn messages_in_lanes(&self) -> Result<u64> {
        self.deployment.messages_in_lanes()
    }

    /// Its queues and its bucket.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// What the edge and the workers wrote down so far.
    pub fn logs(&self) -> Result<String> {
        let workers = (0..self.workers.len()).map(|number| format!("worker-{number}.log"));
        std::iter::once("edge.log".to_owned())
            .chain(workers)
            .map(|name| fs::read_to_string(self.folder.join(&name)).with_context(|| name))
            .collect()
    }

    /// Stores a result as a worker would; a dry run of the submission names its digest.
    pub fn store_result(&self, digest: &str, media_type: &str, result: &[u8]) -> Result<()> {
        self.deployment.store(&storage_key::result(&digest.parse()?), media_type, result)
    }

    /// How often the object that keeps this job has begun a life in memory.
    pub fn wakes(&self, job: &Value) -> Result<usize> {
        let shard = id(job)?.parse::<JobId>()?.shard().to_string();
        let is_of_it = |line: &&str| line.contains("account-wakes") && line.contains(&shard);
        Ok(self.logs()?.lines().filter(is_of_it).count())
    }

    /// Ends the edge, lets `change` work on what it has stored, and starts it again.
    pub fn while_edge_is_down(&mut self, change: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        self.edge.stop();
        change(&self.folder.join("edge/state"))?;
        self.edge.start_again()
    }

    /// How many results lie in the bucket.
    pub fn stored_results(&self) -> Result<usize> {
        Ok(self.deployment.stored("results/")?.len())
    }
}

/// Milliseconds since the epoch.
pub fn now_ms() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64)
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
