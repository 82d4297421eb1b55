use anyhow::{Result, bail};

use super::python;
use crate::{process::on_path, repository::Repository};

/// Programs that must be on the machine, what for, and the Debian or Ubuntu packages that bring them.
const PROGRAMS: [(&[&str], &str, &str); 6] = [
    (&["git"], "to find out what changed", "git"),
    (&["cc"], "to link Rust programs", "build-essential"),
    (&["c++", "g++"], "to build the bindings of libtorch", "build-essential"),
    (&["readelf"], "to lay out libtorch", "build-essential"),
    (&["node"], "to run the edge", "nodejs"),
    (&["npm"], "to install what runs the edge", "npm"),
];

/// Tells everything that is missing at once, with what to install.
pub fn check(repository: &Repository) -> Result<()> {
    let mut missing: Vec<(String, &str)> = Vec::new();
    for (names, purpose, package) in PROGRAMS {
        if !names.iter().any(|name| on_path(name).is_some()) {
            missing.push((format!("{} ({purpose})", names.join(" or ")), package));
        }
    }
    if python::is_needed(repository)
        && let Err(why) = python::find()
    {
        missing.push((why.what, why.package));
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(explain(&missing))
}

fn explain(missing: &[(String, &str)]) -> String {
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    let list: Vec<String> = missing.iter().map(|(what, _)| format!("  - {what}")).collect();
    format!(
        "some programs are missing on this machine:\n{}\n  what to do (Debian, Ubuntu): sudo apt install {}",
        list.join("\n"),
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_missing_is_told_at_once_and_each_package_once() {
        let told = explain(&[
            ("cc (to link)".into(), "build-essential"),
            ("npm (to install)".into(), "npm"),
            ("c++ (to build)".into(), "build-essential"),
        ]);
        assert!(told.contains("- cc (to link)\n  - npm (to install)\n  - c++"), "{told}");
        assert!(told.ends_with("sudo apt install build-essential npm"), "{told}");
    }
}
