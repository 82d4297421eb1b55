//! The licences of what a package holds, for whoever is given it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Packed;
use crate::{build::cargo, process::answer, repository::Repository};

/// How files begin that hold a licence or what it asks to be passed on.
const NAMES: &[&str] = &["license", "licence", "copying", "notice", "unlicense", "copyright"];
/// Folders in which Python's packages keep them.
const FOLDERS: &[&str] = &["licenses", "license_files"];

/// Puts the project's, the crates' and the libraries' own into `into`.
pub fn collect(repository: &Repository, packed: Packed, libraries: &[&Path], into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    fs::copy(repository.path("LICENSE"), into.join("LICENSE")).context("LICENSE")?;
    of_crates(repository, packed, into)?;
    ensure!(
        of_libraries(libraries, into)? > 0,
        "no licence lies beside libtorch, which may not be passed on without: unset LIBTORCH, for that of set-up has them"
    );
    Ok(())
}

/// `crates.txt`, a line a crate, and the files of each in a folder of its name.
fn of_crates(repository: &Repository, packed: Packed, into: &Path) -> Result<()> {
    let mut tree = cargo(repository);
    tree.args(["tree", "--locked", "--package", "forebay-backend", "--no-default-features", "--edges", "normal"]);
    tree.args(["--prefix", "none", "--format", "{p}\t{l}", "--features", packed.features()]);
    let used = answer(&mut tree).context("cargo tree does not answer")?;
    let mut metadata = cargo(repository);
    // Crates of other systems may never have been downloaded.
    metadata.args(["metadata", "--locked", "--format-version", "1", "--filter-platform"]);
    metadata.arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    let metadata: Value = serde_json::from_str(&answer(&mut metadata).context("cargo metadata does not answer")?)?;
    let folders = folders(&metadata);
    let crates = used_crates(&used);
    let mut list = String::new();
    for (name, licence) in &crates {
        list.push_str(&format!("{name} {licence}\n"));
        if let Some(folder) = folders.get(name) {
            copy_files(folder, &into.join("crates").join(name))?;
        }
    }
    fs::write(into.join("crates.txt"), list)?;
    Ok(())
}

/// `NAME-VERSION` of what comes from elsewhere, and its licence in SPDX's words: of lines as
/// `serde v1.0.228 (proc-macro)\tMIT OR Apache-2.0`. What is not published says its path.
fn used_crates(tree: &str) -> BTreeMap<String, &str> {
    let lines = tree.lines().filter(|line| !line.contains("(/"));
    let crates = lines.filter_map(|line| {
        let (package, licence) = line.split_once('\t')?;
        let mut words = package.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((format!("{name}-{version}"), licence.trim_end_matches(" (*)")))
    });
    crates.collect()
}

/// Where cargo keeps the source of each crate, by `NAME-VERSION`.
fn folders(metadata: &Value) -> BTreeMap<String, PathBuf> {
    let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    let folders = packages.filter_map(|package| {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        let folder = Path::new(text("manifest_path")?).parent()?;
        Some((format!("{}-{}", text("name")?, text("version")?), folder.to_path_buf()))
    });
    folders.collect()
}

/// Those of torch and NVIDIA, which stand in Python's records of what is installed, beside where the libraries really lie.
fn of_libraries(libraries: &[&Path], into: &Path) -> Result<usize> {
    let mut roots = std::collections::BTreeSet::new();
    for library in libraries {
        let real = fs::canonicalize(library).with_context(|| library.display().to_string())?;
        let is_root = |folder: &&Path| folder.join("torch").is_dir();
        roots.extend(real.ancestors().find(is_root).map(Path::to_path_buf));
    }
    let mut copied = 0;
    for root in roots {
        for entry in fs::read_dir(&root)? {
            let record = entry?.path();
            let name = record.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".dist-info") else { continue };
            if name.starts_with("torch-") || name.starts_with("nvidia") {
                let into = into.join("libraries").join(name);
                copied += copy_files(&record, &into)?;
                for folder in FOLDERS.iter().map(|folder| record.join(folder)).filter(|folder| folder.is_dir()) {
                    copied += copy_files(&folder, &into)?;
                }
            }
        }
    }
    Ok(copied)
}

/// Copies the files of licences that lie in a folder itself; how many.
fn copy_files(from: &Path, into: &Path) -> Result<usize> {
    let mut copied = 0;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let file = entry?.path();
        let Some(name) = file.file_name().map(|name| name.to_string_lossy().to_lowercase()) else { continue };
        if file.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            fs::create_dir_all(into)?;
            fs::copy(&file, into.join(file.file_name().unwrap_or_default()))?;
            copied += 1;
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_crates_are_told_with_their_licences_and_once() {
        let tree = "forebay-backend v0.1.0 (/here/backend)\tApache-2.0\nserde v1.0.1\tMIT OR Apache-2.0\n\
                    serde_derive v1.0.1 (proc-macro)\tMIT OR Apache-2.0\nserde v1.0.1\tMIT OR Apache-2.0 (*)\n";
        let crates: Vec<_> = used_crates(tree).into_iter().collect();
        let licence = "MIT OR Apache-2.0";
        assert_eq!(crates, [("serde-1.0.1".to_owned(), licence), ("serde_derive-1.0.1".to_owned(), licence)]);
    }
}
