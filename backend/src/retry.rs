use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::store::StoreError;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// What a person must mend is not asked about as often.
const FIRST_REFUSED: Duration = Duration::from_secs(5);
const LONGEST_REFUSED: Duration = Duration::from_secs(60);

/// How long to wait before the next try: doubling, up to a bound.
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Default for Backoff {
    /// For what passes by itself.
    fn default() -> Self {
        Self { next: FIRST, longest: LONGEST }
    }
}

impl Backoff {
    /// For what passes when somebody has mended it.
    fn patient() -> Self {
        Self { next: FIRST_REFUSED, longest: LONGEST_REFUSED }
    }

    /// How long to wait now; the next wait is twice as long.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }
}

/// Calls the store until it answers: a store that is away, or refuses until its operator has mended that, costs time,
/// never a job. `None` when the worker is stopping.
pub(crate) async fn while_unavailable<T, F>(
    stop: &CancellationToken,
    mut call: impl FnMut() -> F,
) -> Option<Result<T, StoreError>>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let (mut backoff, mut patient) = (Backoff::default(), Backoff::patient());
    loop {
        let wait = match call().await {
            Err(StoreError::Unavailable(error)) => {
                let wait = backoff.next();
                warn!(error, wait_ms = wait.as_millis(), "the store is unavailable, trying again");
                wait
            }
            Err(StoreError::Refused(error)) => {
                let wait = patient.next();
                error!(error, wait_ms = wait.as_millis(), "the store refuses: see `forebay-worker doctor`");
                wait
            }
            answer => return Some(answer),
        };
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(wait) => {}
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
        let mut patient = Backoff::patient();
        let waits: Vec<u64> = (0..6).map(|_| patient.next().as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
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
