//! ARCHITECTURE.md lists the stages of a submission in the order of the code.

use super::{
    finding::{Finding, Rule},
    tree::Tree,
};

/// Whose comments `// stage: …` are the order, and the page that has it twice: as a picture and as a table of costs.
const CODE: &str = "edge/src/handlers/submit/mod.rs";
const PAGE: &str = "ARCHITECTURE.md";

/// Where the page has another order.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(code), Some(page)) = (tree.page(CODE), tree.page(PAGE)) else { return Vec::new() };
    let stages: Vec<&str> = code.text.lines().filter_map(|line| stage(line.trim().strip_prefix("// ")?, ':')).collect();
    let lines = || page.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let picture =
        lines().skip_while(|(_, line)| !line.contains(CODE)).skip(1).take_while(|(_, line)| line.starts_with("  "));
    let picture = picture.filter_map(|(number, line)| Some((number, stage(line.strip_prefix("  ")?, ' ')?)));
    let table = lines().skip_while(|(_, line)| !line.starts_with("| stage |")).skip(2);
    let table = table.take_while(|(_, line)| line.starts_with('|'));
    let table = table.flat_map(|(number, line)| {
        let cell = line.split('|').nth(1).unwrap_or_default();
        cell.split(',').map(move |stage| (number, stage.trim())).collect::<Vec<_>>()
    });
    [picture.collect::<Vec<_>>(), table.collect()].iter().filter_map(|listed| differs(&stages, listed)).collect()
}

/// The word before the mark that ends it.
fn stage(line: &str, mark: char) -> Option<&str> {
    let word = line.split(mark).next().filter(|word| word.len() < line.len())?;
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(word)
}

fn differs(stages: &[&str], listed: &[(usize, &str)]) -> Option<Finding> {
    let at =
        (0..stages.len().max(listed.len())).find(|at| stages.get(*at) != listed.get(*at).map(|(_, stage)| stage))?;
    let line = listed.get(at).or(listed.last()).map_or(1, |(line, _)| *line);
    let what = match stages.get(at) {
        Some(stage) => format!("the next stage of {CODE} is {stage}; they are {}", stages.join(", ")),
        None => format!("{CODE} has no further stage; they are {}", stages.join(", ")),
    };
    Some(Finding::new(PAGE, line, Rule::Name, what))
}
