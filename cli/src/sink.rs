//! Where results go.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{IsTerminal as _, Write as _, stdout},
    path::{Path, PathBuf},
    process,
};

use forebay::JobResult;

use crate::{
    failure::Failure,
    inputs::{Item, Source, expand::RESULT_MARK, shown::shown},
};

/// Where the command puts the results of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sink {
    Stdout,
    File(PathBuf),
    /// Results lie below a folder, as the inputs lie below theirs.
    Folder(PathBuf),
    /// Next to each input.
    Beside,
}

/// How many results there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    One,
    Several,
}

/// What a result file may end with.
const EXTENSIONS: [(&str, &str); 4] =
    [("application/json", "json"), ("image/png", "png"), ("image/jpeg", "jpg"), ("text/plain", "txt")];
const OTHER: &str = "bin";

impl Sink {
    /// `--out PATH`: a folder where there is one, where the path ends with a slash, or where there are many results.
    pub(crate) fn out(path: &Path, count: Count) -> Self {
        let is_folder = count == Count::Several || path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder { Self::Folder(path.to_owned()) } else { Self::File(path.to_owned()) }
    }

    /// Where the results of one item lie, but for the extension.
    fn stem(&self, item: &Item) -> Option<PathBuf> {
        match (self, &item.source) {
            (Self::Stdout | Self::File(_), _) => None,
            (Self::Folder(folder), _) => Some(folder.join(&item.relative)),
            (Self::Beside, Source::File(path)) => Some(path.clone()),
            (Self::Beside, Source::Here(_)) => Some(item.relative.clone()),
        }
    }

    /// Where the result of an item lies already.
    pub(crate) fn found(&self, item: &Item) -> Option<PathBuf> {
        let stem = self.stem(item)?;
        let extensions = EXTENSIONS.iter().map(|(_, extension)| *extension).chain([OTHER]);
        extensions.map(|extension| marked(&stem, extension)).find(|path| path.is_file())
    }

    /// Two items whose results would be one file.
    pub(crate) fn collision<'a>(&self, items: &'a [Item]) -> Option<(&'a Item, &'a Item)> {
        let mut stems = BTreeMap::new();
        items.iter().find_map(|item| stems.insert(self.stem(item)?, item).map(|earlier| (earlier, item)))
    }

    /// The journal's place: with the results, or with the first input.
    pub(crate) fn journal(&self, first: &Item) -> Option<PathBuf> {
        const NAME: &str = ".forebay-journal";
        match self {
            Self::Stdout | Self::File(_) => None,
            Self::Folder(folder) => Some(folder.join(NAME)),
            Self::Beside => Some(self.stem(first)?.parent()?.join(NAME)),
        }
    }

    /// Puts a result where it belongs, and says where that is; `None` for standard output.
    pub(crate) fn put(&self, item: &Item, result: &JobResult) -> Result<Option<PathBuf>, Failure> {
        let path = match (self, self.stem(item)) {
            (Self::File(path), _) => path.clone(),
            (_, Some(stem)) => marked(&stem, extension(&result.media_type)),
            (_, None) => return to_stdout(result).map(|()| None),
        };
        write(&path, &result.bytes).map(|()| Some(path))
    }
}

fn marked(stem: &Path, extension: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(RESULT_MARK);
    path.push(extension);
    path.into()
}

/// What a file with a result of this type ends with.
pub(crate) fn extension(media_type: &str) -> &'static str {
    EXTENSIONS.iter().find(|(known, _)| *known == media_type).map_or(OTHER, |(_, extension)| extension)
}

/// Whether a result can stand among lines of text.
pub(crate) fn is_text(result: &JobResult) -> bool {
    result.media_type == "application/json" || result.media_type.starts_with("text/")
}

/// Text with a line's end; anything else as it is, though never onto a terminal.
pub(crate) fn to_stdout(result: &JobResult) -> Result<(), Failure> {
    let mut stdout = stdout().lock();
    if !is_text(result) && stdout.is_terminal() {
        let advice = format!("the result is {}: say where it goes, with --out FILE", result.media_type);
        return Err(Failure::Usage(advice));
    }
    stdout.write_all(&result.bytes)?;
    if is_text(result) && !result.bytes.ends_with(b"\n") {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
}

/// Writes a file so that nobody ever sees a part of it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritten = |error| Failure::File(format!("{} cannot be written: {error}", shown(path)));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(unwritten)?;
    let mut part = OsString::from(".");
    part.push(path.file_name().unwrap_or_default());
    part.push(format!(".{}.part", process::id()));
    let part = folder.join(part);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        // What is left of it is of no use; the first error is the one to report.
        let _ = fs::remove_file(&part);
        unwritten(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn item(path: &str, relative: &str) -> Item {
        Item { name: path.to_owned(), relative: relative.into(), source: Source::File(path.into()) }
    }

    fn result(media_type: &str) -> JobResult {
        JobResult { media_type: media_type.to_owned(), bytes: "x".into() }
    }

    #[test]
    fn results_lie_as_their_inputs_do_and_are_found_again() {
        let scratch = Scratch::new();
        let sink = Sink::out(&scratch.path().join("out"), Count::Several);
        let cat = item("in/sub/cat.png", "sub/cat.png");
        assert_eq!(sink.found(&cat), None);
        for (media_type, name) in [("image/webp", "bin"), ("application/json", "json")] {
            let path = sink.put(&cat, &result(media_type)).unwrap().unwrap();
            assert_eq!(path, scratch.path().join("out/sub").join(format!("cat.png.result.{name}")));
            assert_eq!(fs::read(&path).unwrap(), b"x");
            assert_eq!(sink.found(&cat), Some(path));
        }
        let left: Vec<_> = fs::read_dir(scratch.path().join("out/sub")).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
        let beside = Sink::Beside.journal(&cat);
        assert_eq!(beside, Some("in/sub/.forebay-journal".into()));
    }

    #[test]
    fn one_result_is_a_file_unless_a_folder_is_meant() {
        let scratch = Scratch::new();
        for (path, count, folder) in [
            (scratch.path().to_owned(), Count::One, true),
            ("new.json".into(), Count::One, false),
            ("new/".into(), Count::One, true),
            ("new".into(), Count::Several, true),
        ] {
            assert_eq!(matches!(Sink::out(&path, count), Sink::Folder(_)), folder, "{}", path.display());
        }
    }

    #[test]
    fn two_results_are_never_one_file() {
        let items = [item("a/x.png", "x.png"), item("b/x.png", "x.png")];
        assert!(Sink::Folder("out".into()).collision(&items).is_some());
        assert!(Sink::Beside.collision(&items).is_none());
    }
}
