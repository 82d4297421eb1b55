//! Actions of CI are pinned by commit: a tag can be moved.

use super::{
    finding::{Finding, Rule},
    tree::Page,
};

/// Actions that are named by something else than a commit.
pub(super) fn check(page: &Page) -> Vec<Finding> {
    if !page.path.starts_with(".github/") {
        return Vec::new();
    }
    let lines = page.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim().trim_start_matches("- ")));
    let used = lines.filter_map(|(number, line)| Some((number, line.strip_prefix("uses:")?.trim())));
    let foreign = used.filter(|(_, action)| !action.starts_with("./"));
    let loose = foreign.filter(|(_, action)| {
        let commit = action.split_once('@').map_or("", |(_, version)| version).split(' ').next().unwrap_or_default();
        commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let finding = |(number, action)| {
        let what = format!("{action} is not pinned: name a commit of 40 digits, and the version behind it");
        Finding::new(&page.path, number, Rule::Pin, what)
    };
    loose.map(finding).collect()
}
