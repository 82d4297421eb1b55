//! From arguments to files.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    Item, Source,
    content::{Kind, by_name},
    left_out::LeftOut,
    pattern::{is_pattern, matching},
    shown::shown,
};

/// The most inputs of one command.
const MOST_INPUTS: usize = 100_000;
/// The deepest folder that is looked into.
const DEEPEST: usize = 32;
/// What results are called has this in it, so that they are no inputs of the next run.
pub(crate) const RESULT_MARK: &str = ".result.";

/// The files that `paths` name, each once, and what was left out of folders. Folders are taken with all below them, in
/// order of their names, but for hidden files, results and what is of no (or of another) kind. What is there is taken by
/// its name; what is not may be a pattern.
pub(super) fn expand(paths: &[OsString], kind: Option<Kind>) -> Result<(Vec<Item>, LeftOut), String> {
    let mut items = Vec::new();
    let mut left_out = LeftOut::default();
    let mut seen = BTreeSet::new();
    for named in paths {
        let path = Path::new(named);
        let mut found = if path.is_dir() {
            let mut walk = Walk { root: path, kind, found: Vec::new(), left_out: &mut left_out };
            walk.folder(path)?;
            walk.found
        } else if path.exists() {
            vec![item(path.to_owned(), path.file_name().map(PathBuf::from))]
        } else if is_pattern(named) {
            let found = matching(named, MOST_INPUTS)?;
            let ours = found.into_iter().filter(|(path, _)| !is_hidden(path) && !is_result(path));
            let found: Vec<_> = ours.map(|(path, relative)| item(path, Some(relative))).collect();
            if found.is_empty() {
                return Err(format!("{:?} matches hidden files and results alone", shown(named)));
            }
            found
        } else {
            return Err(format!("{:?}: there is no such file", shown(named)));
        };
        found.retain(|item| seen.insert(item.source.path().to_owned()));
        items.append(&mut found);
        if items.len() > MOST_INPUTS {
            return Err(format!("these are more than {MOST_INPUTS} inputs: submit them in parts"));
        }
    }
    Ok((items, left_out))
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
    let name = shown(&path);
    Item { name, relative: relative.unwrap_or_else(|| PathBuf::from("result")), source: Source::File(path) }
}

/// One folder with all below it.
struct Walk<'a> {
    root: &'a Path,
    kind: Option<Kind>,
    found: Vec<Item>,
    left_out: &'a mut LeftOut,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), String> {
        let unread = |error| format!("{} cannot be read: {error}", shown(folder));
        let entries = fs::read_dir(folder).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
        let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).filter(|path| !is_hidden(path)).collect();
        paths.sort();
        for path in paths {
            // Links to files are followed; links to folders may lead in circles.
            if path.is_dir() && !path.is_symlink() {
                let depth = path.components().count().saturating_sub(self.root.components().count());
                match depth <= DEEPEST {
                    true => self.folder(&path)?,
                    false => self.left_out.deep(),
                }
            } else if path.is_file() {
                self.file(path);
            } else if path.is_symlink() {
                self.left_out.link();
            }
            if self.found.len() > MOST_INPUTS {
                return Ok(());
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf) {
        if is_result(&path) {
            return;
        }
        if by_name(&path).is_none_or(|found| self.kind.is_some_and(|kind| kind != found)) {
            return self.left_out.file(&path);
        }
        let relative = path.strip_prefix(self.root).ok().map(Path::to_owned);
        self.found.push(item(path, relative));
    }
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default()
}

fn is_hidden(path: &Path) -> bool {
    name_of(path).starts_with(b".")
}

fn is_result(path: &Path) -> bool {
    name_of(path).windows(RESULT_MARK.len()).any(|part| part == RESULT_MARK.as_bytes())
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
        let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path).into_os_string()).collect();
        let (items, _) = expand(&paths, kind)?;
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
    fn what_is_left_out_of_a_folder_is_counted() {
        let folder = folder();
        std::os::unix::fs::symlink(folder.path().join("sub"), folder.path().join("circle")).unwrap();
        let summary = |kind| expand(&[folder.path().into()], kind).unwrap().1.summary();
        assert_eq!(summary(None).unwrap(), "1 .pdf, 1 link to a folder or to nothing");
        assert_eq!(
            summary(Some(Kind::Text)).unwrap(),
            "1 .jpeg, 1 .jpg, 1 .pdf, 1 .png, 1 link to a folder or to nothing"
        );
        let named = [folder.path().join("e.pdf").into_os_string()];
        assert_eq!(expand(&named, None).unwrap().1.summary(), None);
    }

    #[test]
    fn names_that_are_no_text_are_names() {
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        let folder = Scratch::new();
        for name in [&b"a\xff.png"[..], b"a\xfe.png", b".\xff.png", b"b\xff.png.result.json"] {
            fs::write(folder.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let names = |named: OsString| {
            let (items, _) = expand(&[named], None).unwrap();
            items.into_iter().map(|item| item.relative.into_os_string().into_vec()).collect::<Vec<_>>()
        };
        let both = vec![b"a\xfe.png".to_vec(), b"a\xff.png".to_vec()];
        assert_eq!(names(folder.path().into()), both);
        assert_eq!(names(folder.path().join("*.png").into()), both);
        assert_eq!(names(folder.path().join(OsStr::from_bytes(b"a\xff.png")).into()), both[1..]);
    }
}
