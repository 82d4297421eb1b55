use forebay::Problem;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The service said no.
    #[error("{0}")]
    Refused(Problem),
    /// The command was given something wrong.
    #[error("{0}")]
    Usage(String),
    /// The service did not answer, or something else answered in its place.
    #[error("{0}")]
    Unanswered(String),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Unwritten(#[from] std::io::Error),
}

impl Failure {
    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unanswered(_) | Self::Unwritten(_) => 3,
        }
    }
}
