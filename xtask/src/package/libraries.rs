//! Which libraries of a libtorch a program takes along.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::elf::Elf;

/// What every machine of the kind has, glibc and GCC's run-time among it: to bring others along breaks more than it helps.
/// zlib is for cuDNN.
const SYSTEM: &[&str] = &[
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "libz.so.1",
];
/// What comes with NVIDIA's driver, and must fit it.
const DRIVER: &[&str] = &["libcuda.so.1", "libnvidia-ml.so.1"];
/// How the names begin of what is opened while the program runs, so that nothing says it is needed: torch's CUDA half by the
/// worker, its linear algebra and the run-time compiler by torch, cuDNN's parts by cuDNN.
const OPENED: &[&str] = &["libtorch_cuda", "libcaffe2_nvrtc.so", "libnvrtc.so", "libnvrtc-builtins.so", "libcudnn"];

/// The files to take along, by the name under which they are asked for. `folder` is the `lib` of a libtorch.
pub(super) fn needed(program: &Path, folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        there.extend(entry?.file_name().into_string());
    }
    let read = |name: &str| Ok(Elf::read(&folder.join(name))?.needed);
    let names = closure(Elf::read(program)?.needed, &there, read)?;
    Ok(names.into_iter().map(|name| (name.clone(), folder.join(name))).collect())
}

/// Everything among `there` that the program or a library in turn needs; what is nowhere is an error.
fn closure(
    needed: Vec<String>,
    there: &BTreeSet<String>,
    read: impl Fn(&str) -> Result<Vec<String>>,
) -> Result<BTreeSet<String>> {
    let opened = there.iter().filter(|name| OPENED.iter().any(|begin| name.starts_with(begin)));
    let by = |who: &str, names: Vec<String>| names.into_iter().map(|name| (name, who.to_owned())).collect::<Vec<_>>();
    let mut open = by("the program", needed);
    open.extend(by("torch", opened.cloned().collect()));
    let (mut taken, mut missing) = (BTreeSet::new(), BTreeSet::new());
    while let Some((name, who)) = open.pop() {
        if SYSTEM.contains(&name.as_str()) || DRIVER.contains(&name.as_str()) || taken.contains(&name) {
            continue;
        }
        if there.contains(&name) {
            open.extend(by(&name, read(&name)?));
            taken.insert(name);
        } else {
            missing.insert(format!("{name} (needed by {who})"));
        }
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().collect();
        bail!("libtorch lacks {}: run cargo xtask setup, or set LIBTORCH to a whole one", missing.join(", "));
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// A made-up libtorch.
    fn read(name: &str) -> Result<Vec<String>> {
        let needed: &[&str] = match name {
            "libtorch_cpu.so" => &["libc10.so", "libc.so.6"],
            "libtorch_cuda.so" => &["libtorch_cpu.so", "libcublas.so.13", "libcuda.so.1"],
            _ => &[],
        };
        Ok(needed.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn what_is_needed_in_turn_and_what_is_opened_by_name_is_taken_and_nothing_else() {
        let cpu = folder(&["libtorch_cpu.so", "libc10.so", "libtorch_python.so"]);
        let program = || vec!["libtorch_cpu.so".to_owned(), "libstdc++.so.6".to_owned()];
        assert_eq!(closure(program(), &cpu, read).unwrap(), folder(&["libtorch_cpu.so", "libc10.so"]));
        let mut cuda = cpu;
        cuda.extend(folder(&["libtorch_cuda.so", "libcublas.so.13", "libcudnn_ops.so.9"]));
        let taken = closure(program(), &cuda, read).unwrap();
        cuda.remove("libtorch_python.so");
        assert_eq!(taken, cuda);
    }

    #[test]
    fn a_library_that_is_nowhere_is_named_with_who_needs_it() {
        let there = folder(&["libtorch_cpu.so"]);
        let error = closure(vec!["libtorch_cpu.so".to_owned()], &there, read).unwrap_err().to_string();
        assert!(error.contains("libc10.so (needed by libtorch_cpu.so)"), "{error}");
    }
}
