use forebay_contract::JobState;
use serde::Serialize;

/// What a webhook can be called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookEvent"))]
pub enum Event {
    /// A job's result is stored.
    #[serde(rename = "job.succeeded")]
    JobSucceeded,
    /// A job's failure is stored.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// A job was called off.
    #[serde(rename = "job.canceled")]
    JobCanceled,
    /// A job did not start in time, or was never heard of again.
    #[serde(rename = "job.expired")]
    JobExpired,
    /// The owner asked for a test.
    #[serde(rename = "webhook.test")]
    WebhookTest,
}

impl Event {
    /// Those that a webhook can be made for.
    pub const OF_JOBS: [Self; 4] = [Self::JobSucceeded, Self::JobFailed, Self::JobCanceled, Self::JobExpired];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::JobSucceeded => "job.succeeded",
            Self::JobFailed => "job.failed",
            Self::JobCanceled => "job.canceled",
            Self::JobExpired => "job.expired",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// The event of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_JOBS.into_iter().chain([Self::WebhookTest]).find(|event| event.name() == name)
    }

    /// The event when a job that was in state `before` (`None`: there was none) is in state `now`. A job's end is announced
    /// once, and once more when a stored result replaces a recorded failure; nothing is when a result's time is over.
    pub fn of(before: Option<JobState>, now: JobState) -> Option<Self> {
        let ends = before.is_none_or(|before| !before.is_final());
        let replaces = (before, now) == (Some(JobState::Failed), JobState::Succeeded);
        match now {
            _ if !ends && !replaces => None,
            JobState::Queued | JobState::Running => None,
            JobState::Succeeded => Some(Self::JobSucceeded),
            JobState::Failed => Some(Self::JobFailed),
            JobState::Canceled => Some(Self::JobCanceled),
            JobState::Expired => Some(Self::JobExpired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once_and_the_truth_once_more() {
        use JobState::{Canceled, Expired, Failed, Queued, Running, Succeeded};
        for (before, now, expect) in [
            (None, Succeeded, Some(Event::JobSucceeded)),
            (None, Queued, None),
            (Some(Queued), Running, None),
            (Some(Running), Queued, None),
            (Some(Running), Succeeded, Some(Event::JobSucceeded)),
            (Some(Queued), Failed, Some(Event::JobFailed)),
            (Some(Queued), Canceled, Some(Event::JobCanceled)),
            (Some(Queued), Expired, Some(Event::JobExpired)),
            (Some(Failed), Succeeded, Some(Event::JobSucceeded)),
            (Some(Succeeded), Expired, None),
            (Some(Succeeded), Succeeded, None),
            (Some(Canceled), Canceled, None),
        ] {
            assert_eq!(Event::of(before, now), expect, "{before:?} → {now:?}");
        }
    }

    #[test]
    fn names_are_the_same_in_json() {
        for event in Event::OF_JOBS.into_iter().chain([Event::WebhookTest]) {
            assert_eq!(serde_json::to_value(event).unwrap(), event.name());
            assert_eq!(Event::named(event.name()), Some(event));
        }
    }
}
