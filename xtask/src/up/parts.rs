use std::{
    collections::BTreeMap,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::{arguments::UpArguments, client::DemoClient, fast_edge::FastEdge, state::State};
use crate::{
    build::{WORKER, catalog},
    console::{self, Console},
    process::{Failure, interrupt::Interrupted},
    repository::Repository,
    stack::{
        ApiKey, Deploying, Deployment, Edge, EdgeOptions, EdgeRunner, Http, LocalStack, Worker, WorkerOptions, seed,
    },
};

/// The account, the plan and the name of the demonstration's key.
const ACCOUNT: (&str, &str, &str) = ("demo", "free", "demonstration");
/// How long a worker may take to hand back what it holds, and an edge to take a catalog.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the deployment's names begin with.
const PREFIX: &str = "forebay";

/// What runs. Fields drop in this order: who uses a part ends before it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) worker: Worker,
    pub(super) edge: Edge,
    pub(super) localstack: LocalStack,
    pub(super) deployment: Deployment,
    pub(super) key: ApiKey,
    admin_token: ApiKey,
    seat: WorkerSeat,
}

/// What the worker is started with, and started again.
#[derive(Debug)]
struct WorkerSeat {
    binary: PathBuf,
    models: PathBuf,
    edge_url: String,
    secret: ApiKey,
    log: PathBuf,
}

impl WorkerSeat {
    fn start(&self, deployment: &Deployment) -> Result<Worker> {
        Worker::start(&WorkerOptions {
            name: "worker-1",
            binary: &self.binary,
            deployment,
            edge_url: &self.edge_url,
            report_secret: self.secret.reveal(),
            models: &self.models,
            log: self.log.clone(),
            arguments: &[],
            environment: &[],
        })
    }
}

impl Parts {
    /// Starts everything; what does not need each other starts side by side.
    pub(super) fn start(
        repository: &Repository,
        console: Console,
        state: &State,
        arguments: &UpArguments,
    ) -> Result<Self> {
        console.heading("Starting");
        let key = ApiKey::random()?;
        let secret = ApiKey::random()?;
        let admin_token = ApiKey::random()?;
        state.keep_admin_token(admin_token.reveal())?;
        let mut entries = BTreeMap::from([key.kv_entry(ACCOUNT.0, ACCOUNT.1, ACCOUNT.2)]);
        entries.insert("catalog".to_owned(), serde_json::to_string(&catalog(repository)?)?);

        let (seeded, deployed) = thread::scope(|scope| {
            let seeding = scope.spawn(|| seed(repository, &state.part("edge"), &entries, &state.log("wrangler-kv")));
            let deployed = deploy(repository, console, state, arguments.localstack_port);
            (seeding.join(), deployed)
        });
        let (localstack, deployment) = deployed?;
        seeded.map_err(|_| anyhow!("seeding the edge's KV panicked"))??;

        let mut variables = EdgeOptions::variables_for(&deployment, secret.reveal());
        variables.insert("ADMIN_TOKEN".to_owned(), admin_token.reveal().to_owned());
        let edge_options = EdgeOptions {
            name: "edge".to_owned(),
            folder: state.part("edge"),
            log: state.log("edge"),
            port: arguments.edge_port,
            variables,
            runner: EdgeRunner::Wrangler,
            bundle: arguments.watch.then(|| FastEdge::bundle(repository)),
            knocks: None,
            around: None,
        };
        let seat = WorkerSeat {
            binary: WORKER.path(repository)?,
            models: repository.path("models"),
            edge_url: format!("http://127.0.0.1:{}", arguments.edge_port),
            secret,
            log: state.log("worker-1"),
        };
        let (worker, edge) = thread::scope(|scope| {
            let worker = scope.spawn(|| timed(console, "worker", || seat.start(&deployment)));
            let edge = timed(console, "edge", || Edge::start(repository, edge_options));
            (worker.join(), edge)
        });
        let worker =
            worker.map_err(|_| anyhow!("starting the worker panicked"))?.context("the worker did not start")?;
        let edge = edge.context("the edge did not start")?;
        Ok(Self { worker, edge, localstack, deployment, key, admin_token, seat })
    }

    /// A client with the demonstration's key.
    pub(super) fn client(&self) -> DemoClient {
        DemoClient::new(self.edge.origin(), &self.key)
    }

    /// Starts another worker in the place of the one that ended, or that is asked to.
    pub(super) fn start_worker_again(&mut self) -> Result<()> {
        self.worker.group().stop(PATIENCE);
        self.worker = self.seat.start(&self.deployment)?;
        Ok(())
    }

    /// Puts another catalog into force, as an operator would.
    pub(super) fn put_catalog(&self, catalog: &str) -> Result<()> {
        let url = format!("{}/internal/v1/catalog", self.edge.origin());
        let authorization = format!("Bearer {}", self.admin_token.reveal());
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = Http::new(PATIENCE).put(&url, &headers, catalog.as_bytes())?;
        ensure!(answer.status == 200, "{} {:.500}", answer.status, answer.text());
        Ok(())
    }

    /// Stops everything, users of a part before it.
    pub(super) fn stop(mut self) {
        self.worker.group().stop(PATIENCE);
        self.edge.stop();
        self.localstack.stop();
    }
}

fn deploy(repository: &Repository, console: Console, state: &State, port: u16) -> Result<(LocalStack, Deployment)> {
    let folder = state.part("localstack");
    let localstack =
        timed(console, "localstack", || LocalStack::start(repository, port, &folder, &state.log("localstack")))
            .context("LocalStack did not start")?;
    let deployment = timed(console, "infra", || {
        let prefixes = [PREFIX.to_owned()];
        let (endpoint, log) = (localstack.endpoint(), state.log("infra"));
        let wanted = Deploying { endpoint, prefixes: &prefixes, templates: None, log: &log };
        Deployment::deploy(repository, console, &wanted)?.pop().context("nothing was deployed")
    })
    .context("infra/ could not be deployed")?;
    Ok((localstack, deployment))
}

/// Says how long a part took to be ready, and what to do where it was not.
fn timed<T>(console: Console, name: &str, what: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let outcome = what();
    let took = console::duration(started.elapsed());
    let error = match outcome {
        Ok(part) => {
            console.done(name, &format!("ready in {took}"));
            return Ok(part);
        }
        Err(error) => error,
    };
    let how = if error.is::<Interrupted>() { "stopped" } else { "failed" };
    console.failed(name, &format!("{how} after {took}"));
    match error.downcast::<Failure>() {
        Ok(failure) if failure.advice.is_empty() => Err(failure.advise(advice(name)).into()),
        Ok(failure) => Err(failure.into()),
        Err(error) => Err(error),
    }
}

fn advice(part: &str) -> &'static str {
    match part {
        "localstack" | "infra" => "if its Python is broken, remove .tools/localstack; then run the command again",
        "edge" => {
            "if its packages or its build are broken, remove edge/node_modules and edge/build; then run the command again"
        }
        _ => "if its libtorch is broken, remove .tools/libtorch and .tools/python; then run the command again",
    }
}
