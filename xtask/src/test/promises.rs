use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::repository::Repository;

/// Where each promise has its file.
const FOLDER: &str = "tests/e2e/promises";

/// A promise as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) name: String,
    /// The first sentence of the file.
    pub(super) claim: String,
}

/// All of them, by name.
pub(super) fn all(repository: &Repository) -> Result<Vec<Promise>> {
    let folder = repository.path(FOLDER);
    let mut promises = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if let Some(name) = name_of(&path) {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            promises.push(Promise { name: name.to_owned(), claim: first_sentence(&text) });
        }
    }
    promises.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(promises)
}

/// The promise that this is the file of.
pub(super) fn name_of(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?.strip_suffix(".rs")?;
    (name != "mod").then_some(name)
}

/// The first sentence of the comment with which a file begins.
pub(super) fn first_sentence(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let comment = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match comment.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => comment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_listed_by_the_first_sentence_of_its_file() {
        for (text, sentence) in [
            ("//! One line.\n\nuse x;\n", "One line."),
            ("//! Over two\n//! lines. And more.\n", "Over two lines."),
            ("//! A paragraph\n//!\n//! and another.\n", "A paragraph"),
            ("use x;\n", ""),
        ] {
            assert_eq!(first_sentence(text), sentence);
        }
    }

    #[test]
    fn every_promise_says_what_it_claims() {
        let promises = all(&Repository::find().unwrap()).unwrap();
        assert!(promises.len() > 50);
        for Promise { name, claim } in promises {
            assert!(claim.len() > 20, "{name} begins with no sentence");
        }
    }
}
