use anyhow::Result;
use clap::ValueEnum as _;

use super::{Check, TestArguments, broken::Promises, changed, names, promises, seeds};
use crate::{console::Console, repository::Repository};

/// Steps that one promise alone needs, and that bring much.
const ONLY_FOR: [(&str, &str); 3] = [
    ("console-tests", "console_follows_jobs"),
    ("schemathesis", "document_holds_under_fuzzing"),
    ("python-client", "python_client_does_a_job"),
];

/// The checks that are run, and which tests of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// The checks, in the order of the table.
    pub(super) checks: Vec<Check>,
    /// The one of them of which only some tests are run, and those.
    pub(super) named: Option<(Check, Vec<String>)>,
}

impl Chosen {
    /// What the arguments ask for; a name that means nothing is an error at once, before anything is built. A test of
    /// cargo's is known when it is built.
    pub(super) fn by(arguments: &TestArguments, repository: &Repository, console: Console) -> Result<Self> {
        if arguments.changed {
            return Ok(changed::broken(repository, console)?.map(Self::broken).unwrap_or_default());
        }
        let wanted = |check: &Check| match arguments.only.as_slice() {
            [] => arguments.all || !check.is_long(),
            only => only.contains(check),
        };
        let checks: Vec<Check> = Check::value_variants().iter().copied().filter(wanted).collect();
        let named = match (checks.as_slice(), arguments.names.as_slice()) {
            (_, []) | ([], _) => None,
            ([check, ..], given) => Some((*check, Self::meant(*check, given, repository)?)),
        };
        Ok(Self { checks, named })
    }

    fn meant(check: Check, given: &[String], repository: &Repository) -> Result<Vec<String>> {
        match check {
            Check::E2e => {
                let promises = promises::all(repository)?;
                let known: Vec<&str> = promises.iter().map(|promise| promise.name.as_str()).collect();
                Ok(names::choose("promise", given, &known)?.into_iter().map(str::to_owned).collect())
            }
            Check::Simulation => given.iter().map(|name| seeds::parse(name).map(|_| name.clone())).collect(),
            _ => Ok(given.to_vec()),
        }
    }

    fn broken(broken: super::broken::Broken) -> Self {
        let named = match broken.promises {
            Promises::These(names) if !names.is_empty() => Some((Check::E2e, names.into_iter().collect())),
            _ => None,
        };
        Self { checks: broken.checks.into_iter().collect(), named }
    }

    /// Those of a check's tests that are run; all where none is named.
    pub(super) fn names(&self, check: Check) -> &[String] {
        self.named.as_ref().filter(|(named, _)| *named == check).map_or(&[], |(_, names)| names)
    }

    /// The steps of set-up that must be done before a check.
    pub(super) fn after(&self, check: Check) -> Vec<&'static str> {
        let names = self.names(check);
        let is_for_others = |step: &str| {
            let promise = ONLY_FOR.iter().find(|(only, _)| *only == step).map(|(_, promise)| *promise);
            check == Check::E2e
                && !names.is_empty()
                && promise.is_some_and(|promise| !names.iter().any(|name| name == promise))
        };
        check.after().iter().copied().filter(|step| !is_for_others(step)).collect()
    }

    /// How many stacks promises soon need.
    pub(super) fn stacks(&self) -> usize {
        const AT_ONCE: usize = 4;
        match self.names(Check::E2e) {
            [] => AT_ONCE,
            names => names.len().min(AT_ONCE),
        }
    }
}
