//! How a request ends early.

use forebay_contract::ProblemCode;

use forebay_admission::Refusal;

/// Why a request ends early.
#[derive(Debug)]
pub enum Stop {
    /// The caller can do something about it.
    Refused(Refusal),
    /// We must: the text is for the log alone.
    Broken(String),
}

impl Stop {
    /// Something went wrong on our side.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }

    /// The refusal the caller sees, and what only the log does.
    pub fn into_refusal(self) -> (Refusal, Option<String>) {
        match self {
            Self::Refused(refusal) => (refusal, None),
            Self::Broken(why) => {
                let detail = "try again; if it stays, tell the operator the request_id";
                (Refusal::new(ProblemCode::Internal, detail), Some(why))
            }
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<forebay_account::platform::Error> for Stop {
    fn from(error: forebay_account::platform::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<worker::Error> for Stop {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error.to_string())
    }
}
