use std::sync::Arc;

use tokio::sync::Semaphore;

/// A few threads for decoding and rendering, so that these never hold up I/O and never crowd out the device's thread.
#[derive(Clone)]
pub(crate) struct CpuPool {
    threads: Arc<Semaphore>,
}

/// The work panicked; its thread lives on.
#[derive(Debug, thiserror::Error)]
#[error("work on the CPU pool panicked")]
pub(crate) struct Panicked;

impl CpuPool {
    /// A pool that runs `threads` pieces of work at once.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads.max(1))) }
    }

    /// Runs `work` when a thread is free.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Panicked> {
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Panicked)?;
        let work = move || {
            // Given up by the work's end, not by its caller's: who stops waiting does not free the thread.
            let _thread = thread;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Panicked)
    }
}
