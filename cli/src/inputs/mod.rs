//! What there is to submit: files, folders, patterns, standard input, texts.

pub(crate) mod content;
pub(crate) mod expand;
mod left_out;
pub(crate) mod parameter;
mod pattern;
pub(crate) mod shown;

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{Read as _, stdin},
    path::{self, PathBuf},
};

use clap::Args;
use forebay::Input;
use sha2::{Digest as _, Sha256};

use self::{
    content::Kind,
    expand::expand,
    left_out::LeftOut,
    shown::{exact, shown},
};
use crate::failure::Failure;

/// The most bytes of one input; the service takes 10 MB.
const MOST_BYTES: u64 = 16 << 20;

/// What there is to submit.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Inputs")]
pub(crate) struct InputArguments {
    /// Files, folders (with all below them), patterns such as 'photos/**/*.jpg', and - for standard input. What is there
    /// by its name is taken so, whatever characters it has
    #[arg(value_name = "INPUT", help_heading = None::<&'static str>)]
    pub(crate) paths: Vec<OsString>,

    /// A text; may be given again
    #[arg(long = "text", value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) texts: Vec<String>,

    /// Each line of the inputs is a text of its own
    #[arg(long)]
    pub(crate) lines: bool,

    /// What the inputs are; else told by their content. Of a folder, only such files are taken
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<Kind>,
}

/// One thing to submit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// What people call it.
    pub(crate) name: String,
    /// Where its result lies below the folder of results, but for what is added to the name.
    pub(crate) relative: PathBuf,
    pub(crate) source: Source,
}

/// All that is to be submitted.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) items: Vec<Item>,
    /// What was named, the same however much is in the folders by now: what makes it the same command.
    pub(crate) named: Vec<String>,
    /// What the folders have besides.
    pub(crate) left_out: Option<String>,
}

/// Where an input is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    File(PathBuf),
    Here(Input),
}

impl InputArguments {
    /// All inputs, in order. Without any, there is one that is empty: for models whose parameters say it all.
    pub(crate) fn gather(&self) -> Result<Inputs, Failure> {
        let mut items = Vec::new();
        let mut named = vec![format!("lines {} kind {:?}", self.lines, self.kind)];
        named.extend(self.texts.iter().map(|text| format!("text {text}")));
        for (number, text) in (1..).zip(&self.texts) {
            items.push(here(format!("text {number}"), format!("text-{number}"), Input::Text(text.clone())));
        }
        let (from_stdin, paths): (Vec<OsString>, _) = self.paths.iter().cloned().partition(|path| path == "-");
        let (files, left_out) = expand(&paths, self.kind).map_err(Failure::Usage)?;
        items.extend(files);
        named.extend(paths.iter().map(|path| exact(absolute(path).as_os_str())));
        if !from_stdin.is_empty() {
            let mut bytes = Vec::new();
            let unread = |error| Failure::Usage(format!("standard input cannot be read: {error}"));
            stdin().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
            named.push(format!("stdin {}", hex::encode(Sha256::digest(&bytes))));
            let input = content::read("standard input", bytes, self.kind.or(self.lines.then_some(Kind::Text)))
                .map_err(Failure::Usage)?;
            items.push(here("-".to_owned(), "stdin".to_owned(), input));
        }
        if self.lines {
            items = lines_of(items)?;
        }
        if items.is_empty() && !self.paths.is_empty() {
            return Err(Failure::Usage(self.nothing(&left_out)));
        }
        if items.is_empty() {
            items.push(here("no input".to_owned(), "result".to_owned(), Input::None));
        }
        Ok(Inputs {
            items,
            named,
            left_out: left_out.summary().map(|summary| format!("left out of the folders: {summary}")),
        })
    }
}

impl InputArguments {
    /// Why there is nothing to submit, and what to do about it.
    fn nothing(&self, left_out: &LeftOut) -> String {
        let why = match (self.lines, self.kind) {
            (true, _) => "no line has anything in it",
            (false, Some(_)) => "no file in these folders is of that kind, by its name; name the files themselves",
            (false, None) => {
                "folders are searched for .png, .jpg (.jpeg, .jpe, .jfif), .webp, .gif, .bmp, .tiff, .txt and .json; name \
                 other files themselves"
            }
        };
        let left_out = left_out.summary().map(|summary| format!(" (left out: {summary})")).unwrap_or_default();
        format!("there is nothing to submit: {why}{left_out}")
    }
}

/// A path or a pattern as it is from the root, with one spelling.
fn absolute(path: &OsStr) -> PathBuf {
    let whole = path::absolute(path).unwrap_or_else(|_| path.into());
    whole.components().collect()
}

impl Item {
    /// Reads the input itself: a file only now, so that a folder of them need not fit into memory.
    pub(crate) fn read(&self, kind: Option<Kind>) -> Result<Input, String> {
        match &self.source {
            Source::Here(input) => Ok(input.clone()),
            Source::File(path) => {
                let unread = |error| format!("{} cannot be read: {error}", shown(path));
                let file = fs::File::open(path).map_err(unread)?;
                let mut bytes = Vec::new();
                file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
                content::read(&self.name, bytes, kind)
            }
        }
    }
}

fn here(name: String, relative: impl Into<PathBuf>, input: Input) -> Item {
    Item { name, relative: relative.into(), source: Source::Here(input) }
}

/// Each line that is not blank as an item of its own, named by its number.
fn lines_of(items: Vec<Item>) -> Result<Vec<Item>, Failure> {
    let mut lines = Vec::new();
    for item in items {
        let input = item.read(Some(Kind::Text)).map_err(Failure::Usage)?;
        let Input::Text(text) = input else { continue };
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let mut relative = item.relative.clone().into_os_string();
            relative.push(format!(".{number}"));
            lines.push(here(format!("{}:{number}", item.name), relative, Input::Text(line.to_owned())));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn asked(paths: &[&str], texts: &[&str], lines: bool) -> InputArguments {
        let paths = paths.iter().map(OsString::from).collect();
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        InputArguments { paths, texts, lines, kind: None }
    }

    #[test]
    fn lines_are_inputs_of_their_own_and_blank_ones_are_none() {
        let items = asked(&[], &["one\n\n two \r\nthree"], true).gather().unwrap().items;
        let names: Vec<_> = items.iter().map(|item| (item.name.as_str(), item.read(None).unwrap())).collect();
        let text = |text: &str| Input::Text(text.to_owned());
        assert_eq!(names, [("text 1:1", text("one")), ("text 1:3", text(" two ")), ("text 1:4", text("three"))]);
    }

    #[test]
    fn nothing_given_is_one_empty_input() {
        let items = asked(&[], &[], false).gather().unwrap().items;
        assert_eq!((items.len(), items[0].read(None)), (1, Ok(Input::None)));
        assert!(asked(&["/nowhere/at/all"], &[], false).gather().is_err());
    }

    #[test]
    fn a_folder_is_the_same_however_it_is_spelt_and_whatever_is_in_it() {
        let folder = Scratch::new();
        let root = folder.path().display().to_string();
        let named = |paths: &[&str], lines: bool| asked(paths, &["x"], lines).gather().unwrap().named;
        std::fs::write(folder.path().join("a.txt"), "a").unwrap();
        let first = named(&[&root], false);
        std::fs::write(folder.path().join("b.txt"), "b").unwrap();
        assert_eq!(named(&[&format!("{root}/./")], false), first);
        assert_ne!(named(&[&format!("{root}/a.txt")], false), first);
        assert_ne!(named(&[&root], true), first);
    }
}
