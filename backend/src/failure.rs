use forebay_contract::{FailureCode, JobFailure, JobId};

/// Why one job failed, in words that may be shown to its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, for programs: one of a closed list.
    pub code: FailureCode,
    /// For people: what is wrong and what to do. Holds nothing internal.
    pub detail: String,
}

impl Failure {
    /// A failure with its text.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// What is stored of it.
    pub fn of(&self, job_id: JobId) -> JobFailure {
        JobFailure { job_id, code: self.code, detail: self.detail.clone() }
    }
}
