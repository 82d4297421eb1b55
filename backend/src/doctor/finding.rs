use std::fmt;

/// How much what was found matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
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
    /// How much it matters.
    pub severity: Severity,
    /// What was found of it.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    pub(super) fn fine(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject: subject.into(), severity: Severity::Fine, found: found.into(), advice: String::new() }
    }

    pub(super) fn doubtful(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { severity: Severity::Doubtful, ..Self::fine(subject, found) }
    }

    pub(super) fn missing(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { severity: Severity::Missing, ..Self::fine(subject, found) }
    }

    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

/// One line, and one more where something is to be done.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Fine => "ok",
            Severity::Doubtful => "hm",
            Severity::Missing => "NO",
        };
        // What a service says may have several lines.
        let found = self.found.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{mark}  {:<26} {found}", self.subject)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "\n      → {}", self.advice) }
    }
}
