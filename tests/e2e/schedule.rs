//! Which promises are looked at, and in which order.

use std::env;

use anyhow::{Context as _, Result};

use crate::promises::{ALL, ALONE, Check, FIRST};

/// The promises that were asked for by name; all where none was.
#[derive(Debug, Clone, Default)]
pub struct Chosen(Vec<String>);

impl Chosen {
    /// As `cargo xtask test` names them: their whole names, between commas.
    pub fn from_environment() -> Self {
        let names = env::var("FOREBAY_TEST_PROMISES").unwrap_or_default();
        Self(names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Whether none was named.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        if self.is_everything() { ALL.len() } else { self.0.len() }
    }

    fn has(&self, name: &str) -> bool {
        self.is_everything() || self.0.iter().any(|chosen| chosen == name)
    }
}

/// Promises in the order in which they begin.
pub struct Schedule {
    pub side_by_side: Vec<(&'static str, Check)>,
    pub alone: Vec<(&'static str, Check)>,
}

impl Schedule {
    /// The schedule of those promises that were asked for.
    pub fn of(chosen: &Chosen) -> Result<Self> {
        let named = FIRST.iter().chain(ALONE).copied().chain(chosen.0.iter().map(String::as_str));
        for name in named {
            ALL.iter().find(|(known, _)| *known == name).with_context(|| format!("{name} is no promise"))?;
        }
        let promises = ALL.iter().copied().filter(|(name, _)| chosen.has(name));
        let (alone, mut side_by_side): (Vec<_>, Vec<_>) = promises.partition(|(name, _)| ALONE.contains(name));
        side_by_side.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
        Ok(Self { side_by_side, alone })
    }
}
