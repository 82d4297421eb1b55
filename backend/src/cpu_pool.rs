use forebay_contract::InputKind;

use crate::gate::Gate;

/// A few threads for decoding and rendering, so that these never hold up I/O and never crowd out the device's thread.
///
/// A picture or a sound may take seconds, a text or an answer takes less than a millisecond. So each kind of work has
/// threads of its own and none waits behind another; between kinds the system shares out the cores.
#[derive(Clone)]
pub(crate) struct CpuPool {
    render: Gate,
    light: Gate,
    pictures: Gate,
    sounds: Gate,
    /// Whether work is done by threads, or by whoever asks for it.
    threads: bool,
}

/// What is to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// An output made into a result's body.
    Render,
    /// An input that is cheap: a text, a tensor, none.
    Light,
    /// An input that is a picture.
    Picture,
    /// An input that is a sound.
    Sound,
}

impl Work {
    /// The work that an input of this kind is.
    pub(crate) fn of(input: InputKind) -> Self {
        match input {
            InputKind::Image => Self::Picture,
            InputKind::Audio => Self::Sound,
            InputKind::Text | InputKind::Tensor | InputKind::None => Self::Light,
        }
    }
}

/// The work panicked; its thread lives on.
#[derive(Debug, thiserror::Error)]
#[error("work on the CPU pool panicked")]
pub(crate) struct Panicked;

impl CpuPool {
    /// A pool that runs `threads` pieces of each kind of work at once.
    pub(crate) fn new(threads: usize) -> Self {
        let [render, light, pictures, sounds] = std::array::from_fn(|_| Gate::new(threads));
        Self { render, light, pictures, sounds, threads: true }
    }

    /// A pool without threads: each piece of work is done at once by its caller.
    pub(crate) fn without_threads() -> Self {
        Self { threads: false, ..Self::new(1) }
    }

    /// Runs `task` when one of the kind's threads is free and it is the account's turn.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: Work,
        account: &str,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Panicked> {
        let gate = match work {
            Work::Render => &self.render,
            Work::Light => &self.light,
            Work::Picture => &self.pictures,
            Work::Sound => &self.sounds,
        };
        let pass = gate.enter(account).await;
        let task = move || {
            // The work's end gives the pass back, not its caller's: who stops waiting does not free the thread.
            let _pass = pass;
            task()
        };
        if self.threads { tokio::task::spawn_blocking(task).await.map_err(|_| Panicked) } else { Ok(task()) }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_picture_that_takes_long_holds_up_pictures_alone() {
        let pool = CpuPool::new(1);
        let (finish, finished) = mpsc::channel::<()>();
        let slow = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(Work::Picture, "a", move || finished.recv().is_ok()).await.unwrap() }
        });
        while pool.pictures.is_open() {
            tokio::task::yield_now().await;
        }
        let others = [InputKind::Text, InputKind::Tensor, InputKind::None, InputKind::Audio].map(Work::of);
        for work in others.into_iter().chain([Work::Render]) {
            let done = timeout(Duration::from_secs(10), pool.run(work, "a", || 7)).await;
            assert_eq!(done.expect("it need not wait").unwrap(), 7);
        }
        let another = timeout(Duration::from_millis(50), pool.run(Work::of(InputKind::Image), "b", || 7)).await;
        assert!(another.is_err(), "one thread decodes one picture");
        finish.send(()).unwrap();
        assert!(slow.await.unwrap());
        assert_eq!(pool.run(Work::Picture, "b", || 7).await.unwrap(), 7);
    }
}
