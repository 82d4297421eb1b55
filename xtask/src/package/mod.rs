//! `cargo xtask package`: the worker as a folder that can be moved, and an archive of it.
//!
//! The folder holds the program, `lib/` with what it needs of libtorch, `licences/`, `version.json`, and for machines what
//! `infra/worker/` has for systemd. Both Dockerfiles of `infra/` copy such a folder.

mod arguments;
mod elf;
mod folder;
mod libraries;
pub mod licences;
mod run_path;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

pub use arguments::{PackageArguments, Packed};
pub use elf::Elf;
pub use folder::{Contents, fill};
pub use run_path::BESIDE;

use crate::{
    build::{cargo, target_folder},
    console::{self, Console},
    process::{Run, answer},
    repository::Repository,
    setup::{self, Purpose, check_prerequisites, libtorch_dir},
};

/// Sets up what it needs, builds the program and packs it.
pub fn run(repository: &Repository, console: Console, arguments: &PackageArguments) -> Result<()> {
    check_prerequisites(repository, Purpose::Package, Vec::new())?;
    setup::run_steps(repository, console, &setup::package_steps(repository, arguments.cuda))?;
    let packed = arguments.packed;
    let work = Run::new(console, "package", &repository.step_log("package"))?;
    console.begin("package", &format!("building {}, optimised", packed.binary()));
    let mut build = cargo(repository);
    build.args(["build", "--release", "--locked", "--package", "forebay-backend", "--no-default-features"]);
    work.program(build.args(["--features", packed.features(), "--bin", packed.binary()]))?;

    let libtorch = if arguments.cuda { setup::cuda_libtorch(repository) } else { libtorch_dir(repository) };
    let out = repository.root().join(&arguments.out);
    let folder = out.join(packed.folder());
    let contents = Contents {
        packed,
        program: &target_folder(repository)?.join("release").join(packed.binary()),
        libtorch: &libtorch,
        commit: &commit(repository, arguments),
    };
    fill(&contents, &folder, |libraries, into| {
        copy_installing(repository, packed, into)?;
        licences::collect(repository, packed, libraries, &into.join("licences"))
    })?;
    console.done("package", &format!("{}: {}", repository.shown(&folder), console::bytes(size(&folder)?)));
    if !arguments.no_archive {
        let archive = archive(&work, packed, &out)?;
        let bytes = std::fs::metadata(&archive)?.len();
        console.done("package", &format!("{}: {}", repository.shown(&archive), console::bytes(bytes)));
    }
    Ok(())
}

/// What installs and looks after the program on a machine, if anything.
fn copy_installing(repository: &Repository, packed: Packed, into: &Path) -> Result<()> {
    for file in packed.installing() {
        let from = repository.path("infra/worker").join(file);
        std::fs::copy(&from, into.join(file)).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn commit(repository: &Repository, arguments: &PackageArguments) -> String {
    let asked = || answer(Command::new("git").current_dir(repository.root()).args(["rev-parse", "HEAD"]));
    arguments.commit.clone().or_else(asked).unwrap_or_else(|| "unknown".to_owned())
}

/// The same folder gives the same archive.
fn archive(work: &Run<'_>, packed: Packed, out: &Path) -> Result<PathBuf> {
    let has_cuda = out.join(packed.folder()).join("lib/libtorch_cuda.so").exists();
    let (version, device) = (env!("CARGO_PKG_VERSION"), if has_cuda { "cuda" } else { "cpu" });
    let name = format!("{}-{version}-{}-linux-{device}.tar.gz", packed.folder(), std::env::consts::ARCH);
    let (archive, partial) = (out.join(&name), out.join(format!("{name}.partial")));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"]);
    work.program(tar.arg("--directory").arg(out).arg("--file").arg(&partial).arg(packed.folder()))?;
    std::fs::rename(&partial, &archive)?;
    Ok(archive)
}

/// How many bytes lie below a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    ensure!(sum > 0, "{} is empty", folder.display());
    Ok(sum)
}
