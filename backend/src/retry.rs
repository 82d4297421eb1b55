use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::store::StoreError;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait before the next try: doubling, up to five seconds.
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(LONGEST);
        now
    }
}

/// Calls the store until it answers: a store that is away costs time, never a job. `None` when the worker is stopping.
pub(crate) async fn while_unavailable<T, F>(
    stop: &CancellationToken,
    mut call: impl FnMut() -> F,
) -> Option<Result<T, StoreError>>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut backoff = Backoff::default();
    loop {
        match call().await {
            Err(StoreError::Unavailable(error)) => {
                let wait = backoff.next();
                warn!(error, wait_ms = wait.as_millis(), "the store is unavailable, trying again");
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(wait) => {}
                }
            }
            answer => return Some(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_awaited_and_a_stop_ends_the_wait() {
        let stop = CancellationToken::new();
        let mut left = 3;
        let answer = while_unavailable(&stop, || {
            left -= 1;
            let answer = if left > 0 { Err(StoreError::Unavailable(String::new())) } else { Ok(7) };
            async move { answer }
        });
        assert!(matches!(answer.await, Some(Ok(7))));

        stop.cancel();
        let away = || async { Err::<(), _>(StoreError::Unavailable(String::new())) };
        assert!(while_unavailable(&stop, away).await.is_none());
    }
}
