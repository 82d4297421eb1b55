use forebay_contract::{Extensions, Problem, ProblemCode};

/// Why a request goes no further, and what the caller should do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which of the closed list.
    pub code: ProblemCode,
    /// What the caller should do; never anything internal.
    pub detail: String,
    /// Header fields that go with the answer.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What the problem says besides.
    pub extensions: Box<Extensions>,
}

impl Refusal {
    /// A refusal without extras.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let retryable = code.retryable();
        Self { code, detail: detail.into(), headers: Vec::new(), retryable, extensions: Box::default() }
    }

    /// Of a job that the caller has not, or that is not there any more.
    pub fn no_such_job() -> Self {
        Self::new(ProblemCode::JobNotFound, "you have no job of this id")
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As the caller reads it; under which request is not said yet.
    pub fn problem(&self) -> Problem {
        let mut problem = Problem::new(self.code, self.detail.clone());
        problem.retryable = self.retryable;
        problem.extensions = (*self.extensions).clone();
        problem
    }
}

/// At most 64 characters of what a client said, for repeating it to them.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 64;
    let short: String = text.chars().take(MOST).filter(|c| !c.is_control()).collect();
    if text.chars().nth(MOST).is_some() { format!("`{short}…`") } else { format!("`{short}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_back_is_short_and_printable() {
        assert_eq!(quoted("model"), "`model`");
        assert_eq!(quoted("a\u{1b}[2Jb\n"), "`a[2Jb`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 67);
    }
}
