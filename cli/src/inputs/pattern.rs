//! Patterns such as `photos/**/*.jpg`, for those whose shell leaves them to us.

use std::{
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};

use super::shown::shown;

/// As in a shell: `*` stays in its folder, and hides what is hidden.
const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
/// The deepest that `**` looks.
const DEEPEST: usize = 32;

/// Whether a name may be a pattern.
pub(super) fn is_pattern(path: &OsStr) -> bool {
    path.as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// A pattern in parts.
#[derive(Debug, PartialEq)]
struct Parts {
    /// The folders that are there by these names, whatever characters are in them.
    fixed: PathBuf,
    /// What is matched below.
    rest: PathBuf,
}

impl Parts {
    fn of(pattern: &Path) -> Self {
        let mut fixed = PathBuf::new();
        let mut rest = pattern.components();
        while let Some(part) = rest.clone().next() {
            let is_last = rest.clone().nth(1).is_none();
            match part {
                Component::Normal(name) if is_last || (is_pattern(name) && !fixed.join(name).is_dir()) => break,
                // Results of `./a` lie as those of `a` do.
                Component::CurDir => {}
                part => fixed.push(part),
            }
            rest.next();
        }
        Self { fixed, rest: rest.as_path().to_owned() }
    }
}

/// The files that a pattern names, at most `most`, each with what it is called below the pattern's fixed folders.
pub(super) fn matching(pattern: &OsStr, most: usize) -> Result<Vec<(PathBuf, PathBuf)>, String> {
    let Parts { fixed, rest } = Parts::of(Path::new(pattern));
    let unfit = |why: &str| format!("{:?} is no pattern: {why}", shown(pattern));
    let text = rest.to_str().ok_or_else(|| unfit("beyond the folders that are there it has to be UTF-8"))?;
    let compiled = Pattern::new(text).map_err(|error| unfit(&error.to_string()))?;
    let is_deep = rest.iter().any(|part| part == "**");
    let deepest = if is_deep { DEEPEST } else { rest.iter().count() };
    let mut walk = Walk { fixed: &fixed, pattern: &compiled, is_deep, most, found: Vec::new() };
    if !text.is_empty() {
        walk.folder(Path::new(""), deepest)?;
    }
    match walk.found {
        found if found.is_empty() => Err(format!("{:?} matches no file", shown(pattern))),
        found => Ok(found),
    }
}

struct Walk<'a> {
    fixed: &'a Path,
    pattern: &'a Pattern,
    is_deep: bool,
    most: usize,
    found: Vec<(PathBuf, PathBuf)>,
}

impl Walk<'_> {
    /// Looks into a folder below the fixed ones, and so many levels further.
    fn folder(&mut self, folder: &Path, levels: usize) -> Result<(), String> {
        let place = self.fixed.join(folder);
        let place = if place.as_os_str().is_empty() { PathBuf::from(".") } else { place };
        let unread = |error| format!("{} cannot be read: {error}", shown(&place));
        let entries = fs::read_dir(&place).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
        let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
        names.sort();
        for name in names {
            let relative = folder.join(name);
            let path = self.fixed.join(&relative);
            if path.is_dir() {
                // Links to folders may lead in circles.
                if levels > 1 && !(self.is_deep && path.is_symlink()) {
                    self.folder(&relative, levels - 1)?;
                }
            } else if path.is_file() && self.pattern.matches_with(&relative.to_string_lossy(), AS_IN_A_SHELL) {
                self.found.push((path, relative));
            }
            if self.found.len() > self.most {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;
    use crate::scratch::Scratch;

    fn folder() -> Scratch {
        let folder = Scratch::new();
        for name in [
            &b"a.png"[..],
            b"[2024]/b.png",
            b"2/c.png",
            b"[2024]/sub [x]/d.jpg",
            b"caf\xe9/e\xff.png",
            b".hidden/f.png",
            b"g?.png",
        ] {
            let path = folder.path().join(OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    #[test]
    fn folders_that_are_there_are_taken_by_their_names() {
        let folder = folder();
        for (pattern, expect) in [
            (&b"*.png"[..], &["a.png", "g?.png"][..]),
            (b"[2024]/*.png", &["b.png"]),
            (b"[2]/*.png", &["2/c.png"]),
            (b"[2024]/sub [x]/*", &["d.jpg"]),
            (b"[2024]/**/*.jpg", &["sub [x]/d.jpg"]),
            (b"**/*.png", &["[2024]/b.png", "2/c.png", "a.png", r"caf\xE9/e\xFF.png", "g?.png"]),
            (b"*/*.png", &["[2024]/b.png", "2/c.png", r"caf\xE9/e\xFF.png"]),
            (b"caf\xe9/*.png", &[r"e\xFF.png"]),
            (b"./[ag]*.png", &["a.png", "g?.png"]),
            (b".hid*/*.png", &[".hidden/f.png"]),
            (b"2/../*.png", &["a.png", "g?.png"]),
        ] {
            let path = folder.path().join(OsStr::from_bytes(pattern));
            let found = matching(path.as_os_str(), 100);
            let found = found.map(|found| found.iter().map(|(_, relative)| shown(relative)).collect::<Vec<_>>());
            let mut expect: Vec<_> = expect.iter().map(|name| (*name).to_owned()).collect();
            expect.sort();
            let found = found.map(|mut found| {
                found.sort();
                found
            });
            assert_eq!(found, Ok(expect), "{}", shown(&path));
        }
        for (pattern, why) in [
            (&b"*.gif"[..], "matches no file"),
            (b"[2024]/none.png", "matches no file"),
            (b"[a/*.png", "is no pattern"),
            (b"\xff*/a.png", "has to be UTF-8"),
        ] {
            let path = folder.path().join(OsStr::from_bytes(pattern));
            let error = matching(path.as_os_str(), 100).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_fixed_part_of_a_pattern() {
        for (pattern, fixed, rest) in [
            ("photos/**/*.jpg", "photos", "**/*.jpg"),
            ("*.jpg", "", "*.jpg"),
            ("./a/*.jpg", "a", "*.jpg"),
            ("/x/y*/z", "/x", "y*/z"),
            ("a/b", "a", "b"),
        ] {
            assert_eq!(Parts::of(Path::new(pattern)), Parts { fixed: fixed.into(), rest: rest.into() }, "{pattern}");
        }
    }
}
