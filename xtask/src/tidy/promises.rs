//! Every promise is in the README, and every promise there is one.

use std::collections::BTreeSet;

use super::{
    finding::{Finding, Rule},
    tree::Tree,
};

const FOLDER: &str = "tests/e2e/promises/";

/// What the README's table of promises lacks, and what it has too much.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.paths().filter_map(|path| path.strip_prefix(FOLDER)).filter_map(|name| name.strip_suffix(".rs"));
    let promises: BTreeSet<&str> = files.filter(|name| !name.contains('/') && *name != "mod").collect();
    let Some(readme) = tree.page("README.md") else { return Vec::new() };
    let finding = |line, what| Finding::new(&readme.path, line, Rule::Promise, what);
    let rows = || readme.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let Some((head, _)) = rows().find(|(_, line)| *line == "| promise | test |") else {
        return vec![finding(1, "there is no table with the head `| promise | test |`".to_owned())];
    };
    let mut listed = BTreeSet::new();
    let mut findings = Vec::new();
    for (number, row) in rows().skip(head + 1).take_while(|(_, row)| row.starts_with('|')) {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        for name in tests.split('`').skip(1).step_by(2) {
            if !promises.contains(name) {
                findings.push(finding(number, format!("{FOLDER}{name}.rs is not there")));
            }
            listed.insert(name);
        }
    }
    let missing = promises.difference(&listed);
    findings.extend(missing.map(|name| finding(head, format!("the table lacks the promise {name}"))));
    findings
}
