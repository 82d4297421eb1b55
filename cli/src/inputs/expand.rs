//! From arguments to files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Item, Source,
    content::{Kind, by_name},
};

/// The most inputs of one command.
const MOST_INPUTS: usize = 100_000;
/// The deepest folder that is looked into.
const DEEPEST: usize = 32;
/// What results are called has this in it, so that they are no inputs of the next run.
pub(crate) const RESULT_MARK: &str = ".result.";

/// The files that `paths` name, each once. Folders are taken with all below them, in order of their names, but for
/// hidden files, results and what is of no (or of another) kind.
pub(crate) fn expand(paths: &[String], kind: Option<Kind>) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for text in paths {
        let path = Path::new(text);
        let mut found = if path.is_dir() {
            let mut found = Vec::new();
            walk(path, path, kind, &mut found)?;
            found
        } else if path.exists() {
            vec![item(path.to_owned(), path.file_name().map(PathBuf::from))]
        } else if text.contains(['*', '?', '[']) {
            matching(text)?
        } else {
            return Err(format!("{text:?}: there is no such file"));
        };
        found.retain(|item| seen.insert(item.source.path().to_owned()));
        items.append(&mut found);
        if items.len() > MOST_INPUTS {
            return Err(format!("these are more than {MOST_INPUTS} inputs: submit them in parts"));
        }
    }
    Ok(items)
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Here(_) => Path::new(""),
        }
    }
}

fn item(path: PathBuf, relative: Option<PathBuf>) -> Item {
    let name = path.display().to_string();
    Item { name, relative: relative.unwrap_or_else(|| PathBuf::from("result")), source: Source::File(path) }
}

fn walk(root: &Path, folder: &Path, kind: Option<Kind>, found: &mut Vec<Item>) -> Result<(), String> {
    let unread = |error| format!("{} cannot be read: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    let mut paths: Vec<_> = entries.iter().filter(|entry| !is_hidden(&entry.path())).map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        // Links to files are followed; links to folders may lead in circles.
        if path.is_dir() {
            let depth = path.components().count().saturating_sub(root.components().count());
            if !path.is_symlink() && depth <= DEEPEST {
                walk(root, &path, kind, found)?;
            }
        } else if path.is_file() && is_wanted(&path, kind) {
            let relative = path.strip_prefix(root).ok().map(Path::to_owned);
            found.push(item(path, relative));
            if found.len() > MOST_INPUTS {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.'))
}

fn is_result(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(RESULT_MARK))
}

fn is_wanted(path: &Path, kind: Option<Kind>) -> bool {
    !is_result(path) && by_name(path).is_some_and(|found| kind.is_none_or(|kind| kind == found))
}

/// The files that a pattern names; their results lie as they do below the pattern's fixed part.
fn matching(pattern: &str) -> Result<Vec<Item>, String> {
    let paths = glob::glob(pattern).map_err(|error| format!("{pattern:?} is no pattern: {error}"))?;
    let fixed = fixed_part(pattern);
    let mut found = Vec::new();
    for path in paths.take(MOST_INPUTS + 1) {
        let path = path.map_err(|error| error.to_string())?;
        if path.is_file() && !is_hidden(&path) && !is_result(&path) {
            let relative = path.strip_prefix(&fixed).ok().map(Path::to_owned);
            found.push(item(path, relative));
        }
    }
    if found.is_empty() { Err(format!("{pattern:?} matches no file")) } else { Ok(found) }
}

/// The folders of a pattern before the first that is not fixed.
fn fixed_part(pattern: &str) -> PathBuf {
    let mut fixed: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().contains(['*', '?', '[']),
            _ => true,
        })
        .collect();
    if fixed.as_path() == Path::new(pattern) {
        fixed.pop();
    }
    // glob's paths do not begin with `./`.
    fixed.strip_prefix(".").map(Path::to_owned).unwrap_or(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn folder() -> Scratch {
        let folder = Scratch::new();
        for name in
            ["b.png", "a.jpg", "sub/c.JPEG", "sub/d.txt", "e.pdf", ".hidden.png", "a.jpg.result.json", ".git/x.png"]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn expanded(folder: &Scratch, paths: &[&str], kind: Option<Kind>) -> Result<Vec<String>, String> {
        let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path).display().to_string()).collect();
        let items = expand(&paths, kind)?;
        Ok(items.iter().map(|item| item.relative.display().to_string()).collect())
    }

    #[test]
    fn folders_files_and_patterns() {
        let folder = folder();
        for (paths, kind, expect) in [
            (&["."][..], None, &["a.jpg", "b.png", "sub/c.JPEG", "sub/d.txt"][..]),
            (&["."], Some(Kind::Image), &["a.jpg", "b.png", "sub/c.JPEG"]),
            (&["sub"], None, &["c.JPEG", "d.txt"]),
            (&["e.pdf", "b.png", "b.png"], None, &["e.pdf", "b.png"]),
            (&["*.png"], None, &["b.png"]),
            (&["a*"], None, &["a.jpg"]),
            (&["**/*.[tJ]*"], None, &["sub/c.JPEG", "sub/d.txt"]),
        ] {
            assert_eq!(expanded(&folder, paths, kind).unwrap(), expect, "{paths:?}");
        }
        for paths in [&["none.png"][..], &["*.gif"], &["[.png"]] {
            assert!(expanded(&folder, paths, None).is_err(), "{paths:?}");
        }
    }

    #[test]
    fn the_fixed_part_of_a_pattern() {
        for (pattern, expect) in
            [("photos/**/*.jpg", "photos"), ("*.jpg", ""), ("./a/*.jpg", "a"), ("/x/y*/z", "/x"), ("a/b", "a")]
        {
            assert_eq!(fixed_part(pattern), PathBuf::from(expect), "{pattern}");
        }
    }
}
