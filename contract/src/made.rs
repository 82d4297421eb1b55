use crate::JobId;

/// How old a stored result may be until whoever finds it there for a new job writes it again, byte for byte: its life in
/// the bucket counts from its last write.
pub const RENEW_AFTER_MS: u64 = 86_400_000;

/// Which job's run made a stored result, and what it took: kept with the object, so that it is billed as the run's own
/// report would have been when that is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Made {
    /// The job that ran.
    pub job_id: JobId,
    /// Its share of the device's time, in milliseconds.
    pub device_ms: f64,
}

impl Made {
    /// The name under which an object's metadata has the job.
    pub const JOB: &'static str = "forebay-job";
    /// The name under which an object's metadata has the milliseconds.
    pub const DEVICE_MS: &'static str = "forebay-device-ms";

    /// Of an object's metadata; `None` when it does not say, or says what cannot be.
    pub fn read(job: Option<&str>, device_ms: Option<&str>) -> Option<Self> {
        let device_ms: f64 = device_ms?.parse().ok()?;
        let job_id = job?.parse().ok()?;
        (device_ms.is_finite() && device_ms >= 0.0).then_some(Self { job_id, device_ms })
    }

    /// As an object's metadata.
    pub fn metadata(&self) -> [(&'static str, String); 2] {
        [(Self::JOB, self.job_id.to_string()), (Self::DEVICE_MS, self.device_ms.to_string())]
    }

    /// What the job is billed: nothing when another one made the result.
    pub fn billed_to(&self, job_id: &JobId) -> Option<f64> {
        (self.job_id == *job_id).then_some(self.device_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ShardKey;

    fn job(random: u8) -> JobId {
        JobId::new(1_800_000_000_000, [random; 10], ShardKey::new("a", 0))
    }

    #[test]
    fn what_cannot_be_is_nothing() {
        let id = job(1).to_string();
        for (job, device_ms) in [
            (None, Some("1")),
            (Some(id.as_str()), None),
            (Some("job_x"), Some("1")),
            (Some(id.as_str()), Some("-1")),
            (Some(id.as_str()), Some("NaN")),
            (Some(id.as_str()), Some("inf")),
        ] {
            assert_eq!(Made::read(job, device_ms), None, "{job:?} {device_ms:?}");
        }
    }

    proptest! {
        #[test]
        fn metadata_is_read_as_it_was_written(device_ms in 0.0..1e9) {
            let made = Made { job_id: job(1), device_ms };
            let [(_, id), (_, ms)] = made.metadata();
            prop_assert_eq!(Made::read(Some(&id), Some(&ms)), Some(made));
            prop_assert_eq!((made.billed_to(&job(1)), made.billed_to(&job(2))), (Some(device_ms), None));
        }
    }
}
