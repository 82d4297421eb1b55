//! What folders have that is not submitted.

use std::{collections::BTreeMap, path::Path};

use super::shown::shown;

/// So many extensions are named; of more, how many there are.
const MOST_NAMED: usize = 8;

/// Files in folders that are not for us by their names, counted by extension, and links that are not followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    by_extension: BTreeMap<String, usize>,
    links: usize,
    deep: usize,
}

impl LeftOut {
    /// A file of another kind.
    pub(super) fn file(&mut self, path: &Path) {
        let extension = path.extension().map(|extension| shown(extension).to_lowercase()).unwrap_or_default();
        *self.by_extension.entry(extension).or_default() += 1;
    }

    /// A link to a folder, or to nothing.
    pub(super) fn link(&mut self) {
        self.links += 1;
    }

    /// A folder that is too deep to be looked into.
    pub(super) fn deep(&mut self) {
        self.deep += 1;
    }

    /// Such as `3 .pdf, 1 .heic, 2 without an extension`, the most first; `None` where nothing is left out.
    pub(crate) fn summary(&self) -> Option<String> {
        let mut kinds: Vec<_> = self.by_extension.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named = |(extension, count): &(&String, &usize)| match extension.as_str() {
            "" => format!("{count} without an extension"),
            extension => format!("{count} .{}", extension.replace(char::is_control, "?")),
        };
        let (most, more) = kinds.split_at(kinds.len().min(MOST_NAMED));
        let mut parts: Vec<_> = most.iter().map(named).collect();
        let more: usize = more.iter().map(|(_, count)| **count).sum();
        for (count, one, several) in [
            (more, "other", "others"),
            (self.links, "link to a folder or to nothing", "links to folders or to nothing"),
            (self.deep, "folder that is too deep", "folders that are too deep"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { several }));
            }
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_by_extension() {
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.summary(), None);
        ["a.HEIC", "b.pdf", "c.pdf", "d.PDF", "README"].iter().for_each(|name| left_out.file(Path::new(name)));
        assert_eq!(left_out.summary().unwrap(), "3 .pdf, 1 without an extension, 1 .heic");
        (0..9).for_each(|number| left_out.file(Path::new(&format!("x.e{number}"))));
        left_out.link();
        let summary = left_out.summary().unwrap();
        assert!(
            summary.starts_with("3 .pdf, ") && summary.ends_with(", 4 others, 1 link to a folder or to nothing"),
            "{summary}"
        );
    }
}
