use std::fmt;

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the checkout.
    pub path: String,
    /// The line, from one.
    pub line: usize,
    /// The rule that was broken.
    pub rule: Rule,
    /// What was found, and what to do about it.
    pub what: String,
}

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A file or folder that is named exists.
    Path,
    /// A link leads somewhere.
    Link,
    /// A command that is named exists, with its options.
    Command,
    /// A setting (an environment variable, a key) that is named exists.
    Setting,
    /// A metric that is named exists.
    Metric,
    /// A name that is written as code is one of the code.
    Name,
    /// Every promise is in the README, and every promise there is one.
    Promise,
    /// A block of shell commands can be pasted.
    Shell,
    /// An action of CI is pinned by its commit.
    Pin,
    /// A line keeps its length.
    Line,
    /// A function keeps its length.
    Function,
    /// Modules at the top of a crate do not use each other in a ring.
    Ring,
    /// A pure crate has no runtime below it.
    Pure,
}

impl Finding {
    /// What was found in one line of a file.
    pub(super) fn new(path: &str, line: usize, rule: Rule, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::Path => "path",
            Rule::Link => "link",
            Rule::Command => "command",
            Rule::Setting => "setting",
            Rule::Metric => "metric",
            Rule::Name => "name",
            Rule::Promise => "promise",
            Rule::Shell => "shell",
            Rule::Pin => "pin",
            Rule::Line => "line",
            Rule::Function => "function",
            Rule::Ring => "ring",
            Rule::Pure => "pure",
        };
        write!(f, "{}:{}: {rule}: {}", self.path, self.line, self.what)
    }
}
