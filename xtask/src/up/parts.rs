use std::{collections::BTreeMap, thread, time::Instant};

use anyhow::{Context as _, Result, anyhow};

use super::{arguments::UpArguments, client::Client, state::State};
use crate::{
    build::{catalog, worker_path},
    console::{self, Console},
    process::Failure,
    repository::Repository,
    stack::{ApiKey, Deployment, Edge, EdgeOptions, LocalStack, Worker, WorkerOptions, seed},
};

/// The account, the plan and the name of the demonstration's key.
const ACCOUNT: (&str, &str, &str) = ("demo", "free", "demonstration");
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
        let mut entries = BTreeMap::from([key.kv_entry(ACCOUNT.0, ACCOUNT.1, ACCOUNT.2)]);
        entries.insert("catalog".to_owned(), serde_json::to_string(&catalog(repository)?)?);
        let binary = worker_path(repository)?;

        let (seeded, deployed) = thread::scope(|scope| {
            let seeding = scope.spawn(|| seed(repository, &state.part("edge"), &entries, &state.log("wrangler-kv")));
            let deployed = deploy(repository, console, state, arguments.localstack_port);
            (seeding.join(), deployed)
        });
        let (localstack, deployment) = deployed?;
        seeded.map_err(|_| anyhow!("seeding the edge's KV panicked"))??;

        let edge_options = EdgeOptions {
            name: "edge".to_owned(),
            folder: state.part("edge"),
            log: state.log("edge"),
            port: arguments.edge_port,
            variables: EdgeOptions::variables_for(&deployment, secret.reveal()),
        };
        let edge_url = format!("http://127.0.0.1:{}", arguments.edge_port);
        let worker_options = WorkerOptions {
            name: "worker-1",
            binary: &binary,
            deployment: &deployment,
            edge_url: &edge_url,
            report_secret: secret.reveal(),
            models: &repository.path("models"),
            log: state.log("worker-1"),
            arguments: &[],
            environment: &[],
        };
        let (worker, edge) = thread::scope(|scope| {
            let worker = scope.spawn(|| timed(console, "worker", || Worker::start(&worker_options)));
            let edge = timed(console, "edge", || Edge::start(repository, edge_options));
            (worker.join(), edge)
        });
        let worker =
            worker.map_err(|_| anyhow!("starting the worker panicked"))?.context("the worker did not start")?;
        let edge = edge.context("the edge did not start")?;
        Ok(Self { worker, edge, localstack, deployment, key })
    }

    /// A client with the demonstration's key.
    pub(super) fn client(&self) -> Client {
        Client::new(self.edge.origin(), &self.key)
    }

    /// An error if one of them ended by itself.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.localstack.group().check_alive()?;
        self.edge.group().check_alive()?;
        self.worker.group().check_alive()
    }

    /// Stops everything, users of a part before it.
    pub(super) fn stop(mut self) {
        let patience = std::time::Duration::from_secs(10);
        self.worker.group().stop(patience);
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
        Deployment::deploy(repository, console, localstack.endpoint(), PREFIX, &state.log("infra"))
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
    console.failed(name, &format!("failed after {took}"));
    match error.downcast::<Failure>() {
        Ok(failure) => Err(failure.advise(advice(name)).into()),
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
