//! Installing what is missing, into the checkout's own ignored folders.
//!
//! One file a step. A step that is done is recognised by its stamp, a hash of what it was made from.

mod debian_wasm;
mod exporter;
mod fingerprint;
mod libtorch;
mod models;
mod node;
mod npm;
mod pinned;
mod prerequisites;
mod progress;
mod python;
mod rivals;
mod schedule;
mod step;
mod wasm_target;

use std::time::Instant;

use anyhow::Result;

use crate::{
    console::{self, Console},
    repository::Repository,
};

pub use fingerprint::Fingerprint;
pub use libtorch::{cuda_libtorch, libtorch_dir};
pub use node::{NodeVersion, node};
pub use pinned::{AWSCLI, CARGO_DENY, CFN_LINT, PYTHON_CLIENT};
pub use prerequisites::{Obstacle, Purpose, check as check_prerequisites};
pub use schedule::{Board, run as run_steps, run_noting as run_steps_noting};
pub use step::{About, Step, Work};
pub use wasm_target::{WasmToolchain, wasm_toolchain};

/// Every installation step, in the order in which the long ones should begin.
pub fn steps() -> Vec<Box<dyn Step>> {
    vec![
        Box::new(exporter::ExporterPython),
        Box::new(wasm_target::WasmTarget),
        Box::new(npm::EDGE_PACKAGES),
        Box::new(pinned::LOCALSTACK),
        Box::new(libtorch::Libtorch),
        Box::new(models::Models),
    ]
}

/// What only `cargo xtask test` needs.
pub fn test_steps() -> Vec<Box<dyn Step>> {
    vec![
        Box::new(CARGO_DENY),
        Box::new(CFN_LINT),
        Box::new(AWSCLI),
        Box::new(pinned::CARGO_LAMBDA),
        Box::new(npm::CONSOLE_TESTS),
        Box::new(pinned::SCHEMATHESIS),
        Box::new(PYTHON_CLIENT),
    ]
}

/// What only `cargo xtask bench` needs.
pub fn bench_steps() -> Vec<Box<dyn Step>> {
    vec![Box::new(rivals::RivalsPython)]
}

/// What only deployments need: the AWS command line, and with an edge what builds and sends it.
pub fn deploy_steps(has_edge: bool) -> Vec<Box<dyn Step>> {
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(AWSCLI)];
    if has_edge {
        steps.push(Box::new(wasm_target::WasmTarget));
        steps.push(Box::new(npm::EDGE_PACKAGES));
    }
    steps
}

/// What only `cargo xtask package` needs: a libtorch where none is given, and with `cuda` one with torch's CUDA half.
pub fn package_steps(repository: &Repository, cuda: bool) -> Vec<Box<dyn Step>> {
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    if !libtorch::is_given(repository) {
        steps.push(Box::new(exporter::ExporterPython));
        steps.push(Box::new(libtorch::Libtorch));
    }
    if cuda {
        steps.push(Box::new(libtorch::CudaLibtorch));
    }
    steps
}

/// `cargo xtask setup`
pub fn run(repository: &Repository, console: Console) -> Result<()> {
    let started = Instant::now();
    check_prerequisites(repository, Purpose::Up, Vec::new())?;
    let worked = run_steps(repository, console, &steps())?;
    let took = console::duration(started.elapsed());
    if worked == 0 {
        console.done("setup", &format!("everything is there ({took})"));
    } else {
        console.done("setup", &format!("{worked} steps in {took}"));
    }
    Ok(())
}
