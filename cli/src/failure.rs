use std::io;

use forebay::Problem;

use crate::exit::Exit;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The service said no.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The service did what it could: a job failed, or was called off.
    #[error("{0}")]
    Job(String),
    /// The command was given something wrong.
    #[error("{0}")]
    Usage(String),
    /// The service did not answer, or something else answered in its place.
    #[error("{0}")]
    Unanswered(String),
    /// The time to wait is over.
    #[error("{0}")]
    TimedOut(String),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Unwritten(#[from] io::Error),
    /// A file could not be written.
    #[error("{0}")]
    File(String),
    /// Some of several did not go well, and each was reported when it did not.
    #[error("reported")]
    Reported(Exit),
    /// Somebody ended the program.
    #[error("{message}")]
    Ended { exit: Exit, message: String },
}

impl Failure {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::Job(_) => Exit::Refused,
            Self::Usage(_) => Exit::Usage,
            Self::Unanswered(_) => Exit::Unanswered,
            Self::TimedOut(_) => Exit::TimedOut,
            Self::Unwritten(_) | Self::File(_) => Exit::Unwritten,
            Self::Reported(exit) | Self::Ended { exit, .. } => *exit,
        }
    }

    /// Whether nothing is to be written of it: it was reported already, or who reads has read enough.
    pub(crate) fn is_unheard(&self) -> bool {
        match self {
            Self::Reported(_) => true,
            _ => self.is_closed_pipe(),
        }
    }

    /// Whether nobody reads the answer any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Unwritten(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<forebay::Error> for Failure {
    fn from(error: forebay::Error) -> Self {
        match error {
            forebay::Error::Refused(problem) => Self::Refused(problem),
            forebay::Error::Unanswered(why) | forebay::Error::Foreign(why) => Self::Unanswered(why),
            forebay::Error::TimedOut(job) => Self::TimedOut(format!(
                "{} is {} still; it goes on, and `forebay wait {}` waits again",
                job.id, job.status, job.id
            )),
            forebay::Error::Invalid(why) => Self::Usage(why),
        }
    }
}
