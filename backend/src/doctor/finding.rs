use std::fmt;

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Fine,
    /// Work goes on, worse than it could.
    Doubtful,
    /// Work fails without it.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    pub(super) fn fine(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Fine, found: found.into(), advice: String::new() }
    }

    pub(super) fn doubtful(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Doubtful, ..Self::fine(subject, found) }
    }

    pub(super) fn missing(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { state: State::Missing, ..Self::fine(subject, found) }
    }

    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

/// One line, and one more where something is to be done.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fine => "ok",
            State::Doubtful => "hm",
            State::Missing => "NO",
        };
        // What a service says may have several lines.
        let found = self.found.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{state}  {:<26} {found}", self.subject)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "\n      → {}", self.advice) }
    }
}
