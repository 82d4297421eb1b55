//! The folder that a package is.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::{Packed, elf, elf::Elf, libraries, run_path};

/// What a folder says of itself, for people and for what installs it.
const VERSION: &str = "version.json";

/// What goes into a folder.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// What it is.
    pub packed: Packed,
    /// The program as cargo built it.
    pub program: &'a Path,
    /// The libtorch whose libraries go with it.
    pub libtorch: &'a Path,
    /// The commit that it was built of.
    pub commit: &'a str,
}

/// `version.json`
#[derive(Debug, Serialize)]
struct Version<'a> {
    name: &'a str,
    version: &'a str,
    commit: &'a str,
    torch: &'a str,
    cuda: bool,
    /// What the machine's own libraries must be at least, by family of symbols: `GLIBC`, `GLIBCXX`.
    needs: BTreeMap<String, String>,
}

/// Makes the folder anew, program and libraries, and returns what libraries it took. It is whole or not there: it gets its
/// name last.
pub fn fill(
    contents: &Contents<'_>,
    folder: &Path,
    more: impl FnOnce(&[&Path], &Path) -> Result<()>,
) -> Result<Vec<PathBuf>> {
    let is_ours = folder.join(VERSION).is_file();
    ensure!(is_ours || !folder.exists(), "{} is there and is no package: move it away", folder.display());
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(partial.join("lib")).with_context(|| partial.display().to_string())?;

    let program = partial.join(contents.packed.program());
    let mut bytes = fs::read(contents.program).with_context(|| contents.program.display().to_string())?;
    run_path::cut(&mut bytes)?;
    fs::write(&program, bytes)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let elf = Elf::read(&program)?;
    ensure!(elf.run_path == [run_path::BESIDE], "{} looks in {:?}", program.display(), elf.run_path);

    let libraries = libraries::needed(&program, &contents.libtorch.join("lib"))?;
    let mut elves = vec![elf];
    for (name, library) in &libraries {
        // The content: what libtorch's folder holds may be links.
        let copy = partial.join("lib").join(name);
        fs::copy(library, &copy).with_context(|| library.display().to_string())?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
        elves.push(Elf::read(&copy)?);
    }
    let taken: Vec<&Path> = libraries.values().map(PathBuf::as_path).collect();
    more(&taken, &partial)?;
    let torch = fs::read_to_string(contents.libtorch.join("build-version")).unwrap_or_default();
    let version = Version {
        name: contents.packed.folder(),
        version: env!("CARGO_PKG_VERSION"),
        commit: contents.commit,
        torch: torch.trim(),
        cuda: libraries.contains_key("libtorch_cuda.so"),
        needs: needs(&elves),
    };
    fs::write(partial.join(VERSION), serde_json::to_string_pretty(&version)? + "\n")?;

    if is_ours {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(&partial, folder).with_context(|| folder.display().to_string())?;
    Ok(libraries.into_values().collect())
}

/// The newest version of each family that any of them asks for: what the folder's own libraries define is no need.
fn needs(elves: &[Elf]) -> BTreeMap<String, String> {
    let mut newest: BTreeMap<&str, &Vec<u32>> = BTreeMap::new();
    for (family, version) in
        elves.iter().flat_map(|elf| &elf.versions).filter(|(family, _)| family.starts_with("GLIBC"))
    {
        let known = newest.entry(family).or_insert(version);
        *known = version.max(*known);
    }
    newest.into_iter().map(|(family, version)| (family.to_owned(), elf::shown(version))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_package_is_not_replaced() {
        let folder = std::env::temp_dir().join(format!("forebay-package-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let contents =
            Contents { packed: Packed::Worker, program: Path::new("/none"), libtorch: Path::new("/none"), commit: "" };
        let error = fill(&contents, &folder, |_, _| Ok(())).unwrap_err().to_string();
        assert!(error.contains("is no package"), "{error}");
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn the_newest_version_that_any_part_asks_for_is_needed() {
        let elf = |family: &str, version: &[u32]| Elf {
            versions: BTreeMap::from([(family.to_owned(), version.to_vec())]),
            ..Elf::default()
        };
        let elves = [elf("GLIBC", &[2, 9]), elf("GLIBC", &[2, 34]), elf("GLIBCXX", &[3, 4, 29]), elf("GCC", &[3, 0])];
        let needs: Vec<_> = needs(&elves).into_iter().collect();
        assert_eq!(needs, [("GLIBC".to_owned(), "2.34".to_owned()), ("GLIBCXX".to_owned(), "3.4.29".to_owned())]);
    }
}
