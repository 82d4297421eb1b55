use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::tail;

/// A program ended badly: which, the end of what it said, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// The step or part.
    pub name: String,
    /// What happened to it.
    pub what: String,
    /// Where its whole output lies.
    pub log: PathBuf,
    /// The last lines of it.
    pub end: Vec<String>,
    /// What to do about it; may be empty.
    pub advice: String,
}

impl Failure {
    /// Reads the end of the log.
    pub fn new(name: &str, what: impl Into<String>, log: &Path) -> Self {
        Self {
            name: name.to_owned(),
            what: what.into(),
            log: log.to_path_buf(),
            end: tail(log, 30),
            advice: String::new(),
        }
    }

    /// The same failure with what to do about it.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.what)?;
        if !self.end.is_empty() {
            write!(f, "\n  the end of {}:", self.log.display())?;
            for line in &self.end {
                write!(f, "\n    {line}")?;
            }
        }
        if !self.advice.is_empty() {
            write!(f, "\n  what to do: {}", self.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
