use std::{cell::OnceCell, collections::BTreeSet, fs, process::Command};

use anyhow::{Context as _, Result};

use super::rust::Rust;
use crate::{process::answer, repository::Repository};

/// One text of the checkout.
#[derive(Debug)]
pub struct Page {
    /// Where it lies, from the root of the checkout.
    pub path: String,
    /// The whole text of the file.
    pub text: String,
    /// Read once, for several rules ask for it.
    rust: OnceCell<Rust>,
}

impl Page {
    /// A text at a path from the root of the checkout.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), rust: OnceCell::new() }
    }

    /// What is code in it, if it is Rust.
    pub(super) fn rust(&self) -> Option<&Rust> {
        (self.extension() == "rs").then(|| self.rust.get_or_init(|| Rust::read(&self.text)))
    }

    /// `rs` of `src/lib.rs`, empty where there is none.
    pub(super) fn extension(&self) -> &str {
        self.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
    }

    /// The folder that it lies in, without a slash at its end.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether it is for people alone.
    pub(super) fn is_document(&self) -> bool {
        self.extension() == "md"
    }
}

/// What git does not ignore.
#[derive(Debug)]
pub struct Tree {
    pages: Vec<Page>,
    /// Every file and folder.
    paths: BTreeSet<String>,
    /// The ends of those, from any of their components on: what people write of a path that is clear anyway.
    ends: BTreeSet<String>,
}

impl Tree {
    /// A tree of these texts, and of files that are no texts.
    pub fn new(pages: Vec<Page>, others: &[String]) -> Self {
        let mut paths = BTreeSet::new();
        for path in pages.iter().map(|page| &page.path).chain(others) {
            paths.insert(path.clone());
            paths.extend(path.match_indices('/').map(|(at, _)| path.get(..at).unwrap_or_default().to_owned()));
        }
        let ends_of = |path: &String| {
            let ends = path.match_indices('/').filter_map(|(at, _)| path.get(at + 1..)).map(str::to_owned);
            ends.chain([path.clone()]).collect::<Vec<_>>()
        };
        let ends = paths.iter().flat_map(ends_of).collect();
        Self { pages, paths, ends }
    }

    /// Reads the checkout as it is now.
    pub fn read(repository: &Repository) -> Result<Self> {
        let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let files = answer(Command::new("git").args(listing).current_dir(repository.root()))
            .context("git does not say which files there are: tidy needs a checkout")?;
        let (mut pages, mut others) = (Vec::new(), Vec::new());
        for path in files.split('\0').filter(|path| !path.is_empty()) {
            // What is deleted and not committed yet is listed all the same.
            let Ok(bytes) = fs::read(repository.path(path)) else { continue };
            match String::from_utf8(bytes) {
                Ok(text) => pages.push(Page::new(path, text)),
                Err(_) => others.push(path.to_owned()),
            }
        }
        pages.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self::new(pages, &others))
    }

    /// Every file that is text, by its path.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The text at this path.
    pub(super) fn page(&self, path: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.path == path)
    }

    /// Every file and folder.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether there is a file or a folder of this path.
    pub(super) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// Whether the path of a file or a folder ends so.
    pub(super) fn has_end(&self, end: &str) -> bool {
        self.ends.contains(end)
    }
}
