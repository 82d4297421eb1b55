//! What promises share: one stack for those that break nothing, and what stacks of their own are made of. Each part is
//! started by whoever needs it first.

use std::{
    env, fs,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result, anyhow};
use forebay_contract::catalog::Catalog;
use forebay_xtask::{
    build,
    console::Console,
    lanes,
    repository::Repository,
    stack::{Deploying, Deployment, EdgeRunner, LocalStack},
};

use crate::{
    guarded, keep, promises,
    schedule::Chosen,
    stack::{ANONYMOUS_PLAN, Infra, Options, Stack},
};

/// Everything that promises share.
pub struct Hall {
    repository: Repository,
    /// The LocalStack that `cargo xtask test` started.
    localstack: String,
    worker_binary: PathBuf,
    cli_binary: PathBuf,
    /// How many stacks are deployed at once: starting the deployer takes longer than deploying does.
    at_once: usize,
    /// What starts the edge that promises share: all of them see it as `cargo xtask up` starts it, one soon.
    runner: EdgeRunner,
    /// Sets this run's queues apart from those of an earlier run in the same LocalStack.
    run: String,
    shared: OnceLock<Result<Stack, String>>,
    /// Deployed and nobody's yet.
    deployments: Mutex<Vec<Deployment>>,
    common_infra: OnceLock<Result<Deployment, String>>,
    idle: OnceLock<Result<Stack, String>>,
    guarded: OnceLock<Result<Stack, String>>,
}

impl Hall {
    pub fn open(chosen: &Chosen) -> Result<Self> {
        let repository = Repository::find()?;
        let localstack = env::var("FOREBAY_TEST_LOCALSTACK")
            .context("FOREBAY_TEST_LOCALSTACK is not set: run this by `cargo xtask test --only e2e`")?;
        let deployments = match env::var_os("FOREBAY_TEST_DEPLOYED") {
            Some(outputs) => Deployment::read_all(&localstack, Path::new(&outputs))?,
            None => Vec::new(),
        };
        let worker_binary = build::WORKER.path(&repository)?;
        // Cargo puts them side by side, and takes a moment to say where.
        let cli_binary = worker_binary.with_file_name("forebay");
        let run = std::process::id().to_string();
        Ok(Self {
            repository,
            localstack,
            worker_binary,
            cli_binary,
            runner: if chosen.is_everything() { EdgeRunner::Wrangler } else { EdgeRunner::Miniflare },
            at_once: chosen.count().clamp(1, 4),
            run,
            shared: OnceLock::new(),
            deployments: Mutex::new(deployments),
            common_infra: OnceLock::new(),
            idle: OnceLock::new(),
            guarded: OnceLock::new(),
        })
    }

    /// The stack for promises that break nothing.
    pub fn shared(&self) -> Result<&Stack> {
        let made = self.shared.get_or_init(|| {
            let start = || {
                let options = Options { runner: Some(self.runner), ..Options::default() };
                let mut stack = self.own("shared", &options)?;
                stack.start_worker(&[])?;
                anyhow::Ok(stack)
            };
            start().map_err(|error| format!("{error:#}"))
        });
        made.as_ref().map_err(|error| anyhow!("the shared stack did not start: {error}"))
    }

    /// The stack for promises about admission alone: nothing that is admitted ever runs, and callers without credentials
    /// have a plan. Its plans are the shipped ones and [`promises::PLANS`].
    pub fn idle(&self) -> Result<&Stack> {
        let made = self.idle.get_or_init(|| {
            let start = || {
                let shipped = fs::read_to_string(self.path("catalog/plans.toml"))?;
                let options = Options {
                    plans: Some(shipped + &promises::PLANS.concat()),
                    identity: Some(format!("anonymous = \"{ANONYMOUS_PLAN}\"")),
                    infra: Infra::Common,
                    ..Options::default()
                };
                self.own("idle", &options)
            };
            start().map_err(|error: anyhow::Error| format!("{error:#}"))
        });
        made.as_ref().map_err(|error| anyhow!("the idle stack did not start: {error}"))
    }

    /// The stack for promises about what protects a backend: without any worker, its jobs end when a promise says so.
    pub fn guarded(&self) -> Result<&Stack> {
        let made = self.guarded.get_or_init(|| {
            let start = || self.own("guarded", &guarded::options(self.scratch("guarded-models")?)?);
            start().map_err(|error: anyhow::Error| format!("{error:#}"))
        });
        made.as_ref().map_err(|error| anyhow!("the guarded stack did not start: {error}"))
    }

    /// Those of the stacks that promises share that were started.
    pub fn shared_stacks(&self) -> impl Iterator<Item = &Stack> {
        [&self.shared, &self.idle, &self.guarded].into_iter().filter_map(|stack| stack.get()?.as_ref().ok())
    }

    /// LocalStack's address.
    pub fn localstack(&self) -> Result<SocketAddr> {
        self.localstack.trim_start_matches("http://").parse().context("LocalStack's address")
    }

    /// Another LocalStack, for a promise that does something to it.
    pub fn new_localstack(&self, port: u16, folder: &Path) -> Result<OwnLocalStack> {
        let (state, log) = (folder.join("state"), folder.join("localstack.log"));
        Ok(OwnLocalStack(LocalStack::start(&self.repository, port, &state, &log)?))
    }

    /// Queues and a bucket of nobody else's.
    fn deployment(&self) -> Result<Deployment> {
        static DEPLOYED: AtomicUsize = AtomicUsize::new(0);
        // Held while deploying: whoever waits meanwhile takes one of these.
        let mut free = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let first = DEPLOYED.fetch_add(self.at_once, Ordering::Relaxed);
            let prefix = |number| format!("e2e-{}-{number}", self.run);
            let prefixes: Vec<String> = (first..first + self.at_once).map(prefix).collect();
            let log = self.repository.run("e2e").join(format!("infra-{first}.log"));
            let wanted = Deploying { endpoint: &self.localstack, prefixes: &prefixes, templates: None, log: &log };
            *free = Deployment::deploy(&self.repository, Console::quiet(), &wanted)?;
        }
        free.pop().context("nothing was deployed")
    }

    /// What a stack of these options stands on; where it has lanes of its own, the queues of this catalog.
    pub fn deployed(&self, on: &StandsOn<'_>) -> Result<Deployment> {
        let StandsOn { name, options, catalog, folder } = *on;
        let own = |endpoint: &str, templates| {
            let (prefixes, log) = ([format!("e2e-{}-{name}", self.run)], folder.join("infra.log"));
            let wanted = Deploying { endpoint, prefixes: &prefixes, templates, log: &log };
            let deployed = Deployment::deploy(&self.repository, Console::quiet(), &wanted)?;
            deployed.into_iter().next().context("nothing was deployed")
        };
        match (options.infra, &options.aws, &options.lanes) {
            (_, _, Some(_)) => {
                lanes::write(&self.repository, catalog, folder)?;
                own(options.aws.as_deref().unwrap_or(&self.localstack), Some(folder))
            }
            (Infra::Common, _, None) => self.common_infra(),
            (Infra::Own, None, None) => self.deployment(),
            (Infra::Own, Some(endpoint), None) => own(endpoint, None),
        }
    }

    fn common_infra(&self) -> Result<Deployment> {
        let made = self.common_infra.get_or_init(|| self.deployment().map_err(|error| format!("{error:#}")));
        made.clone().map_err(|error| anyhow!("the common infrastructure was not deployed: {error}"))
    }

    /// A new stack without any worker.
    pub fn own(&self, name: &str, options: &Options) -> Result<Stack> {
        Stack::start(self, name, options)
    }

    /// The checkout under test.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// `forebay-worker`.
    pub fn worker_binary(&self) -> &Path {
        &self.worker_binary
    }

    /// The command line, `forebay`.
    pub fn cli(&self) -> &Path {
        &self.cli_binary
    }

    /// A path of the checkout under test.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.repository.path(relative)
    }

    /// An empty folder for this promise, of this name.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.repository.run("e2e").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// What is known of a stack before its queues and bucket are there.
#[derive(Debug, Clone, Copy)]
pub struct StandsOn<'a> {
    pub name: &'a str,
    pub options: &'a Options,
    pub catalog: &'a Catalog,
    /// The stack's own.
    pub folder: &'a Path,
}

/// A LocalStack that a promise has to itself.
pub struct OwnLocalStack(LocalStack);

impl Deref for OwnLocalStack {
    type Target = LocalStack;

    fn deref(&self) -> &LocalStack {
        &self.0
    }
}

impl Drop for OwnLocalStack {
    fn drop(&mut self) {
        if keep::is_on() {
            let said = format!("  a LocalStack of its own: {}", self.0.endpoint());
            keep::let_go(said, vec![self.0.group().leave()]);
        }
    }
}
