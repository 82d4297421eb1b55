//! Who does a pipeline's computing.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    clock::{self, Clock},
    cpu_pool::CpuPool,
    stages::{
        exits::Exits,
        infer::{self, Infer, Trouble},
        job::{Batched, Inferred},
    },
};

/// Who computes: runs batches, decodes and renders.
pub enum Executor {
    /// A thread for the device, and [`Bounds::cpu_threads`] for each kind of work beside it.
    Threads,
    /// The runtime's own threads, one thing after the other. On a runtime of one thread, whose clock is paused, nothing
    /// then depends on the machine: what simulations need.
    Runtime {
        /// How long a batch of so many rows keeps the device.
        batch_time: Box<dyn FnMut(usize) -> Duration + Send>,
        /// The time of day that deadlines are compared with.
        wall_ms: Clock,
    },
}

impl Executor {
    /// What decodes and renders, and the clock that deadlines are compared with.
    pub(super) fn beside_devices(&self, cpu_threads: usize) -> (CpuPool, Clock) {
        match self {
            Self::Threads => (CpuPool::new(cpu_threads), Arc::new(clock::wall_ms)),
            Self::Runtime { wall_ms, .. } => (CpuPool::without_threads(), Arc::clone(wall_ms)),
        }
    }

    /// Starts what runs the batches; says when a device is in trouble.
    pub(super) fn infer(
        self,
        stages: &mut JoinSet<()>,
        infer: Infer,
        batched: mpsc::Receiver<Batched>,
        exits: Exits<Inferred>,
    ) -> std::io::Result<oneshot::Receiver<Trouble>> {
        match self {
            Self::Threads => infer::spawn(infer, batched, exits),
            Self::Runtime { batch_time, .. } => {
                let (running, troubled) = infer::run(infer, batched, exits, batch_time);
                stages.spawn(running);
                Ok(troubled)
            }
        }
    }
}
