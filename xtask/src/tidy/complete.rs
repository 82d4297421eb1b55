//! Pages that list commands, settings or metrics list all of them.

use super::{
    defined::Defined,
    finding::{Finding, Rule},
    tree::Tree,
};

/// What such a page leaves out. `xtask` is this program's own command line.
pub(super) fn check(tree: &Tree, defined: &Defined, xtask: &clap::Command) -> Vec<Finding> {
    let visible = xtask.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    let commands = visible.map(|command| format!("cargo xtask {}", command.get_name())).collect::<Vec<_>>();
    let metrics: Vec<String> = defined.metrics().map(|metric| format!("`{metric}")).collect();
    let variables: Vec<String> = variables(tree).into_iter().map(|variable| format!("`{variable}`")).collect();
    [
        ("xtask/README.md", Rule::Command, commands),
        ("backend/README.md", Rule::Metric, metrics),
        ("edge/README.md", Rule::Setting, variables),
    ]
    .into_iter()
    .flat_map(|(path, rule, wanted)| {
        let page = tree.page(path);
        let missing = wanted.into_iter().filter(move |wanted| page.is_some_and(|page| !page.text.contains(wanted)));
        missing.map(move |missing| {
            Finding::new(path, 1, rule, format!("the page leaves out {}", missing.trim_matches('`')))
        })
    })
    .collect()
}

/// What the edge's configuration asks for by name.
fn variables(tree: &Tree) -> Vec<String> {
    let text = tree.page("edge/src/config.rs").map_or("", |page| page.text.as_str());
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let strings = code.split('"').skip(1).step_by(2);
    let loud = |name: &&str| name.contains('_') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    strings.filter(loud).map(str::to_owned).collect()
}
