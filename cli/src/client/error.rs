use super::{
    answer::Answer,
    job::Job,
    problem::Problem,
    retry::{Repeat, is_transient},
};

/// Why a call did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service said no; the problem says what to do.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Nothing answered in time: ask again.
    #[error("{0}")]
    Unanswered(String),
    /// Something else answered in the service's place: look at the address.
    #[error("{0}")]
    Foreign(String),
    /// The job goes on, but the caller's patience is over: wait again with its id.
    #[error("{} is {} still", .0.id, .0.status)]
    TimedOut(Box<Answer<Job>>),
    /// What was given cannot be sent: correct it.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// The refusal, where it is one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same request may succeed later, where sending it twice does no harm.
    pub fn is_transient(&self) -> bool {
        is_transient(self, Repeat::Harmless)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}
