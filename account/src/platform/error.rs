/// Why an object could not do what it was asked. For the log: callers are told what concerns them by the answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The object may store no more; deletes still work.
    #[error("the object is full: {0}")]
    Full(String),
    /// SQLite, or the runtime below it, said no.
    #[error("storage: {0}")]
    Storage(String),
    /// What the operator has set is wrong.
    #[error("configuration: {0}")]
    Config(String),
    /// Something cannot be read or written: a call, a row, an answer.
    #[error("{0}")]
    Unreadable(String),
    /// The runtime's cryptography, or something like it, failed.
    #[error("{0}")]
    Broken(String),
}

/// What an object did, or why it could not.
pub type Result<T> = std::result::Result<T, Error>;

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Why another object did not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct CallError {
    /// For the log.
    pub what: String,
    /// Whether the object has too much to do: asking it again makes that worse. With it and the next see
    /// <https://developers.cloudflare.com/durable-objects/best-practices/error-handling/>.
    pub overloaded: bool,
    /// Whether the same call may go well at once: the object was moved, or its program replaced.
    pub retryable: bool,
}

impl CallError {
    /// Of an answer that cannot be read.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// Of an answer that did not come within so long: nobody knows whether the call arrived.
    pub fn late(ms: u64) -> Self {
        Self { retryable: true, ..Self::new(format!("no answer within {ms} ms")) }
    }

    /// Whether the same call may go well at once.
    pub fn may_pass(&self) -> bool {
        self.retryable && !self.overloaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overloaded_is_not_asked_at_once() {
        for (overloaded, retryable, expect) in
            [(false, true, true), (false, false, false), (true, true, false), (true, false, false)]
        {
            assert_eq!(CallError { overloaded, retryable, ..CallError::default() }.may_pass(), expect);
        }
        assert!(CallError::late(5).may_pass() && !CallError::new("x").may_pass());
    }
}
