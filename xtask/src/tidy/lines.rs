//! Lines keep their length.

use super::{
    finding::{Finding, Rule},
    tree::Page,
};

/// rustfmt breaks code at 120; prose, and what rustfmt leaves as it is, may have a few more.
const WIDTH: usize = 125;

/// Written by people, line by line.
const EXTENSIONS: &[&str] =
    &["md", "rs", "py", "sh", "js", "mjs", "css", "html", "toml", "yaml", "yml", "jsonc", "capnp"];

/// Lines that are too long and could be broken: no rows of tables, no links, no strings of Rust, nothing between fences.
pub(super) fn check(page: &Page) -> Vec<Finding> {
    if !EXTENSIONS.contains(&page.extension()) || page.text.lines().all(|line| line.len() <= WIDTH) {
        return Vec::new();
    }
    let (mut findings, mut at, mut is_block) = (Vec::new(), 0, false);
    for (number, line) in page.text.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let line = line.trim_end();
        if page.is_document() && line.trim_start().starts_with("```") {
            is_block = !is_block;
        }
        let is_row = match page.extension() {
            "md" => line.trim_start().starts_with('|'),
            "toml" => line.contains('{'),
            _ => false,
        };
        if line.len() <= WIDTH || is_block || is_row || line.split_whitespace().any(is_unbreakable) {
            continue;
        }
        let width = line.chars().count();
        let edge = line.char_indices().nth(WIDTH - 1).map_or(line.len(), |(edge, _)| edge);
        if width > WIDTH && !page.rust().is_some_and(|rust| rust.is_in_string(start + edge)) {
            let what = format!("{width} columns; {WIDTH} are the most");
            findings.push(Finding::new(&page.path, number + 1, Rule::Line, what));
        }
    }
    findings
}

/// A link, or a word that fills half of a line.
fn is_unbreakable(word: &str) -> bool {
    word.contains("://") || word.contains("](") || word.len() > WIDTH / 2
}
