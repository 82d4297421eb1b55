use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    jobs::{self, Jobs},
    load::{Load, Measured, latency},
    ratio::{Ratio, Round},
    server::{Product, Server, cores},
};
use crate::{
    build::cargo,
    console::{self, Console},
    process::{Run, interrupt},
    repository::Repository,
};

/// Twice the largest batch of any shipped model: there is always a full one waiting.
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 7;
const WARM_UP: Duration = Duration::from_secs(5);
const ROUND: Duration = Duration::from_secs(8);

/// The worker's pipeline and other model servers over the same TorchScript, loaded in the same way.
pub(super) fn measure(repository: &Repository, console: Console, only: &str) -> Result<Vec<Ratio>> {
    let name = "build-serve";
    console.begin(name, "the pipeline behind HTTP (the release build takes 10 min the first time)");
    let run = Run::new(console, name, &repository.step_log(name))?;
    run.program(cargo(repository).args(["bench", "--package", "forebay-backend", "--bench", "serve", "--no-run"]))?;
    console.done(name, &console::duration(run.started.elapsed()));
    let all = jobs::all(repository)?;
    let wanted = all.iter().filter(|jobs| jobs.model.contains(only));
    Ok(wanted.map(|jobs| beside_each(repository, console, jobs)).collect::<Result<Vec<_>>>()?.concat())
}

/// All servers are there at once and loaded one after the other, round by round, so that a busy machine is busy for all.
fn beside_each(repository: &Repository, console: Console, jobs: &Jobs) -> Result<Vec<Ratio>> {
    let name = format!("rivals-{}", jobs.model);
    console.begin(&name, "one instance of the model each, in turn");
    let began = Instant::now();
    let products: Vec<Product> = std::iter::once(Product::Forebay).chain(Product::RIVALS).collect();
    let servers =
        products.iter().map(|product| Server::start(repository, *product, jobs)).collect::<Result<Vec<_>>>()?;
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); servers.len()];
    for server in &servers {
        load(server, WARM_UP)?;
    }
    for number in 0..ROUNDS {
        for (server, measured) in servers.iter().zip(&mut measured) {
            interrupt::check()?;
            let one = load(server, ROUND)?;
            let said = format!("round {}: {} {:.1}/s", number + 1, server.product.name(), one.per_second);
            console.note(&name, &said);
            measured.push(one);
        }
    }
    console.done(&name, &console::duration(began.elapsed()));
    let Some((ours, rivals)) = measured.split_first() else { return Ok(Vec::new()) };
    let ratio = |(product, rival): (&Product, &Vec<Measured>)| beside(jobs.model, ours, *product, rival);
    Ok(Product::RIVALS.iter().zip(rivals).map(ratio).collect())
}

fn load(server: &Server, lasting: Duration) -> Result<Measured> {
    let (request, counter) = (|number| server.request(number), AtomicU64::new(0));
    let load =
        Load { address: server.address, connections: CONNECTIONS, request: &request, expect: 200, counter: &counter };
    server.thaw();
    let measured = load.run(lasting);
    server.freeze();
    Ok(measured.with_context(|| format!("{}, under load", server.product.name()))?.measured())
}

fn beside(model: &str, ours: &[Measured], product: Product, rival: &[Measured]) -> Ratio {
    let definition = format!(
        "jobs/s of the pipeline ÷ jobs/s of {}: the same TorchScript, one instance of it with {} threads each, the \
         batch size and patience of its model.toml (BentoML finds its own, and gets a minute not to refuse anybody), {CONNECTIONS} connections over HTTP on the same cores that each wait \
         for their answer; ours with queue and store in memory; the median of the rounds",
        product.name(),
        cores()
    );
    let rounds = ours.iter().zip(rival).map(|(our, their)| Round { ours: our.per_second, bound: their.per_second });
    let name = format!("backend {model} beside {}", product.name());
    let mut ratio = Ratio::new(&name, &definition, 1.0, rounds.collect());
    ratio.notes.push(format!("a job of ours: {}; of {}: {}", latency(ours, 0), product.name(), latency(rival, 0)));
    ratio
}
