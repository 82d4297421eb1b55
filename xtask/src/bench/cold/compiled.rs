use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What cargo compiled for this machine. The edge's own steps are left out: what they compile, for wasm and in a profile of
/// its own, is another thing under the same name.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Compiled {
    /// How many packages cargo compiled.
    packages: usize,
    /// Which of them more than once: they had other features the second time.
    again: Vec<String>,
}

impl Compiled {
    pub(super) fn in_logs(folder: &Path) -> Result<Self> {
        let mut text = String::new();
        for log in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let log = log?.path();
            let is_edge = log.file_stem().is_some_and(|name| name == "edge" || name == "wasm-tools");
            if !is_edge && log.is_file() {
                text.push_str(&fs::read_to_string(&log)?);
            }
        }
        Ok(Self::in_log(&text))
    }

    fn in_log(text: &str) -> Self {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for line in text.lines() {
            // Packages of the checkout itself are followed by their folder.
            if let Some(package) = line.trim().strip_prefix("Compiling ").filter(|package| !package.ends_with(')')) {
                *counts.entry(package).or_default() += 1;
            }
        }
        let again = counts.iter().filter(|(_, count)| **count > 1).map(|(package, _)| (*package).to_owned()).collect();
        Self { packages: counts.len(), again }
    }
}

impl fmt::Display for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packages, {} of them compiled again", self.packages, self.again.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_are_compiled_again_are_found() {
        let log = "   Compiling syn v2.0.1\n   Compiling own v0.1.0 (/x/own)\n    Finished\n   Compiling own v0.1.0 (/x/own)\n  \
                   Compiling ring v0.17.1\n   Compiling syn v2.0.1\n   Compiling syn v3.0.0\n";
        let compiled = Compiled::in_log(log);
        assert_eq!(compiled, Compiled { packages: 3, again: vec!["syn v2.0.1".to_owned()] });
    }
}
