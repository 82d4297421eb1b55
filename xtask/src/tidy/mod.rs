//! `cargo xtask tidy`, the check `tidy` of `cargo xtask test`: what documents and comments name exists, what they show can
//! be pasted, lines and functions keep their lengths, modules use each other in no ring, and pure crates have no runtime
//! below them.
//!
//! [`look`] is a function of the texts alone; [`run`] brings them, and asks cargo what pure crates are built from.
//! Definitions are found by text where asking the program itself would mean to compile it: this crate compiles first on a
//! new machine.

mod commands;
mod complete;
mod defined;
mod finding;
mod functions;
mod lines;
mod names;
mod passages;
mod paths;
mod pins;
mod promises;
mod pure;
mod rings;
mod rust;
mod shell;
mod stages;
mod tree;
mod uses;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

pub use finding::{Finding, Rule};
pub use tree::{Page, Tree};

use crate::{
    console::{self, Console},
    process::answer,
    repository::Repository,
};
use defined::Defined;

/// Everything that is wrong, in the order of the files. `xtask` is this program's own command line, `before` what the list
/// of long functions was in the commits that this one comes from.
pub fn look(tree: &Tree, xtask: &clap::Command, before: &[String]) -> Vec<Finding> {
    let defined = Defined::of(tree, xtask);
    let mut findings = Vec::new();
    for page in tree.pages() {
        let passages = passages::of(page);
        findings.extend(paths::check(tree, page, &passages));
        findings.extend(commands::check(&defined, xtask, page, &passages));
        findings.extend(names::check(&defined, page, &passages));
        findings.extend(shell::check(page, &passages));
        findings.extend(lines::check(page));
        findings.extend(pins::check(page));
    }
    findings.extend(complete::check(tree, &defined, xtask));
    findings.extend(promises::check(tree));
    findings.extend(stages::check(tree));
    findings.extend(functions::check(tree, before));
    findings.extend(rings::check(tree));
    findings.sort();
    findings.dedup();
    findings
}

/// Looks at the checkout, and says what is wrong.
pub fn run(repository: &Repository, console: Console, xtask: &clap::Command) -> Result<()> {
    let started = Instant::now();
    let tree = Tree::read(repository)?;
    let mut findings = look(&tree, xtask, &lists_before(repository));
    findings.extend(pure::check(repository)?);
    for finding in &findings {
        console.line(finding.to_string());
    }
    let took = console::duration(started.elapsed().max(Duration::from_millis(1)));
    if findings.is_empty() {
        console.done("tidy", &format!("{} files in {took}", tree.pages().len()));
        return Ok(());
    }
    bail!("{} places to mend, each is named above ({took})", findings.len())
}

/// The list of long functions in the last commit and in the one before it, which on a pull request is the main branch.
fn lists_before(repository: &Repository) -> Vec<String> {
    let list = |commit: &str| {
        let object = format!("{commit}:{}", functions::LIST);
        answer(Command::new("git").args(["show", &object]).current_dir(repository.root()))
    };
    ["HEAD", "HEAD^1"].into_iter().filter_map(list).collect()
}

#[cfg(test)]
mod tests;
