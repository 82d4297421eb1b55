use std::time::Duration;

use super::{
    error::Error,
    retry::{Repeat, Retry, is_transient},
};

/// The tries of one call, or of one connection that is made again and again, since it last went well.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tried: u32,
    /// What all pauses took together.
    waited: Duration,
}

impl Backoff {
    /// It went well: the next pause is the first again, and patience begins anew.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Pauses before the next try. The error comes back where it will not pass, or where patience has ended.
    pub(super) async fn pause(&mut self, retry: &Retry, error: Error, repeat: Repeat) -> Result<(), Error> {
        let named = error.problem().and_then(|problem| problem.retry_after);
        let pause = retry.pause(self.tried, self.waited, named, random());
        let Some(pause) = pause.filter(|_| is_transient(&error, repeat)) else { return Err(error) };
        tokio::time::sleep(pause).await;
        (self.tried, self.waited) = (self.tried + 1, self.waited + pause);
        Ok(())
    }
}

/// A number from 0 up to 1, so that those who were refused together do not come back together.
fn random() -> f64 {
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn silence() -> Error {
        Error::Unanswered("silence".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_until_patience_ends_and_begin_anew_when_it_went_well() {
        let retry = Retry { patience: Duration::from_secs(5), ..Retry::default() };
        let mut backoff = Backoff::default();
        let begun = Instant::now();
        let mut pauses = Vec::new();
        loop {
            let asked = Instant::now();
            if backoff.pause(&retry, silence(), Repeat::Harmless).await.is_err() {
                break;
            }
            pauses.push(asked.elapsed());
        }
        assert!(pauses.len() >= 4 && pauses.is_sorted(), "{pauses:?}");
        assert!(begun.elapsed() <= retry.patience + Duration::from_millis(10), "{pauses:?}");

        backoff.reset();
        let asked = Instant::now();
        backoff.pause(&retry, silence(), Repeat::Harmless).await.unwrap();
        assert!(asked.elapsed() <= retry.first_pause + Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_pass_is_not_waited_for() {
        let mut backoff = Backoff::default();
        let begun = Instant::now();
        let foreign = Error::Foreign("no service".to_owned());
        assert!(backoff.pause(&Retry::default(), foreign, Repeat::Harmless).await.is_err());
        assert!(backoff.pause(&Retry::default(), silence(), Repeat::AfterRefusal).await.is_err());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
