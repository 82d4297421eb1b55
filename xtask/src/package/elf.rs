use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::process::answer;

/// What a program or a library says of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elf {
    /// The libraries that it cannot start without.
    pub needed: Vec<String>,
    /// The folders that it names to look for them in.
    pub run_path: Vec<String>,
    /// The newest version that it asks for of each family of symbols: `GLIBC` → `[2, 34]`.
    pub versions: BTreeMap<String, Vec<u32>>,
}

impl Elf {
    /// Reads one, by binutils' `readelf`.
    pub fn read(file: &Path) -> Result<Self> {
        let mut readelf = Command::new("readelf");
        readelf.args(["--dynamic", "--version-info", "--wide"]).arg(file).env("LC_ALL", "C");
        let said = answer(&mut readelf).with_context(|| format!("readelf cannot read {}", file.display()))?;
        Ok(Self::parse(&said))
    }

    fn parse(said: &str) -> Self {
        let mut elf = Self::default();
        for line in said.lines() {
            let bracketed = || Some(line.rsplit_once('[')?.1.strip_suffix(']')?.to_owned());
            if line.contains("(NEEDED)") {
                elf.needed.extend(bracketed());
            } else if line.contains("(RUNPATH)") || line.contains("(RPATH)") {
                elf.run_path.extend(bracketed().iter().flat_map(|path| path.split(':')).map(str::to_owned));
            } else if let Some((family, version)) = asked_version(line) {
                let newest = elf.versions.entry(family).or_default();
                *newest = version.max(std::mem::take(newest));
            }
        }
        elf
    }
}

/// `0x0010:   Name: GLIBC_2.34  Flags: none  Version: 5`: what is asked for; versions that a library has itself stand with a
/// revision.
fn asked_version(line: &str) -> Option<(String, Vec<u32>)> {
    let name = line.split_once("Name: ").filter(|(before, _)| !before.contains("Rev:"))?.1.split_whitespace().next()?;
    let (family, version) = name.split_once('_')?;
    let version = version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    Some((family.to_owned(), version))
}

/// Numbers as people write versions.
pub(super) fn shown(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_where_it_is_sought_and_how_new_it_must_be_is_read() {
        let elf = Elf::parse(
            " 0x0000000000000001 (NEEDED)             Shared library: [libtorch_cpu.so]\n \
             0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n \
             0x000000000000000e (SONAME)             Library soname: [libmine.so]\n \
             0x000000000000001d (RUNPATH)            Library runpath: [$ORIGIN/lib:/opt/lib]\n  \
             000000: Rev: 1  Flags: BASE  Index: 1  Cnt: 1  Name: GLIBC_9.9\n  \
             000000: Version: 1  File: libc.so.6  Cnt: 3\n  \
             0x0010:   Name: GLIBC_2.9  Flags: none  Version: 5\n  \
             0x0020:   Name: GLIBC_2.34  Flags: none  Version: 4\n  \
             0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 3\n  \
             0x0040:   Name: GLIBCXX_3.4.29  Flags: none  Version: 2\n  \
             0x0050:   Name: GLIBC_PRIVATE  Flags: none  Version: 2\n",
        );
        assert_eq!(elf.needed, ["libtorch_cpu.so", "libc.so.6"]);
        assert_eq!(elf.run_path, ["$ORIGIN/lib", "/opt/lib"]);
        let versions: Vec<_> = elf.versions.iter().map(|(family, version)| (family.as_str(), shown(version))).collect();
        assert_eq!(versions, [("GLIBC", "2.34".to_owned()), ("GLIBCXX", "3.4.29".to_owned())]);
    }
}
