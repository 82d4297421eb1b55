//! Rust's standard library for wasm without rustup's server: Debian's `rustc-web` and its source, unpacked (never
//! installed) into the checkout, and the library built once.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::Work;
use crate::process::answer;

/// Where Debian's packages put things, below the folder they are unpacked into.
const RUSTLIB: &str = "usr/lib/rustlib";

/// Makes `folder/bin/{rustc, cargo}` that build for wasm.
pub(super) fn build(work: &Work<'_>, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let packages = folder.join("packages");
    fs::create_dir_all(&packages)?;
    download(work, &packages)?;
    unpack(work, &packages, folder)?;
    write_compilers(folder)?;
    build_std(work, folder)?;
    fs::remove_dir_all(&packages)?;
    // It holds absolute paths: its folder is not to be moved.
    Ok(fs::write(folder.join(".done"), "")?)
}

/// The compiler's libraries carry their version in the package name: the compiler's dependencies tell which.
fn download(work: &Work<'_>, packages: &Path) -> Result<()> {
    let apt = Apt { folder: packages.join("apt") };
    fs::create_dir_all(apt.folder.join("lists/partial"))?;
    fs::create_dir_all(apt.folder.join("cache/archives/partial"))?;
    // The machine's own lists may be old, and are not ours to renew.
    work.program(apt.command("apt-get").arg("update"))?;
    let policy = answer(apt.command("apt-cache").args(["policy", "rustc-web"])).unwrap_or_default();
    let wanted = fs::read_to_string(work.repository.path("rust-toolchain.toml"))?;
    let (Some(offered), Some(wanted)) = (version_after(&policy, "Candidate: "), version_after(&wanted, "channel = \""))
    else {
        bail!("this Debian has no package rustc-web");
    };
    ensure!(offered >= wanted, "this Debian's rustc-web is {}.{}: too old", offered.0, offered.1);

    let depends = |package: &str| {
        let listed = answer(apt.command("apt-cache").args(["depends", "--important", package])).unwrap_or_default();
        libraries_of(&listed)
    };
    let mut names = vec!["rustc-web".to_owned(), "rust-web-src".to_owned()];
    let mut looked = 0;
    while let Some(package) = names.get(looked) {
        for library in depends(package) {
            if !names.contains(&library) {
                names.push(library);
            }
        }
        looked += 1;
    }
    work.run.program(apt.command("apt-get").arg("download").args(&names).current_dir(packages))
}

/// Debian's package tools with lists and a cache of their own: no root is needed, nothing of the machine changes.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (option, inner) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
            command.args(["-o", &format!("{option}={}", self.folder.join(inner).display())]);
        }
        // Else root's downloads would be done by a user who may not write here.
        command.args(["-o", "APT::Sandbox::User=root"]);
        command
    }
}

/// The first two numbers of the version that follows `label`.
fn version_after(text: &str, label: &str) -> Option<(u32, u32)> {
    let version = text.split_once(label)?.1;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The packages of Rust and LLVM among the lines of `apt-cache depends`.
fn libraries_of(listed: &str) -> Vec<String> {
    let depended = listed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    depended
        .filter(|name| name.starts_with("libstd-rust-web") || name.starts_with("libllvm"))
        .map(str::to_owned)
        .collect()
}

/// Unpacks the packages, and of the source only the library: the whole is 340 MB.
fn unpack(work: &Work<'_>, packages: &Path, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(packages)? {
        let package = entry?.path();
        if package.is_dir() {
            continue;
        }
        let is_source = package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rust-web-src"));
        if is_source {
            let script = "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --directory \"$2\" --wildcards \
                          './usr/src/rustc-*/library' './usr/lib/rustlib/src'";
            work.program(Command::new("sh").args(["-c", script, "unpack"]).arg(&package).arg(folder))?;
        } else {
            work.program(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(folder))?;
        }
    }
    Ok(())
}

/// Debian's rustc finds its own libraries only when it is installed, and it comes without a linker for wasm.
fn write_compilers(folder: &Path) -> Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin)?;
    let usr = folder.join("usr");
    let libraries = usr.join("lib/x86_64-linux-gnu");
    let rustc = bin.join("rustc");
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
        libraries.display(),
        usr.join("bin/rustc").display()
    );
    fs::write(&rustc, script)?;
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755))?;

    // The real cargo: rustup's stand-in would put its own rustc first in the path again.
    let cargo = env::var_os("CARGO").map(PathBuf::from).context("cargo did not say where it is")?;
    symlink(&cargo, bin.join("cargo"))?;
    let sysroot = answer(Command::new("rustc").args(["--print", "sysroot"])).context("rustc does not answer")?;
    let linker = Path::new("x86_64-unknown-linux-gnu/bin/rust-lld");
    let beside = folder.join(RUSTLIB).join(linker);
    fs::create_dir_all(beside.parent().unwrap_or(&beside))?;
    symlink(Path::new(&sysroot).join("lib/rustlib").join(linker), beside)?;
    Ok(())
}

/// Builds the standard library as part of an empty crate and collects what came out. Its own dependencies lie in the
/// source package, so nothing more is downloaded.
fn build_std(work: &Work<'_>, folder: &Path) -> Result<()> {
    let empty = folder.join("empty");
    fs::create_dir_all(empty.join("src"))?;
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n";
    fs::write(empty.join("Cargo.toml"), manifest)?;
    fs::write(empty.join("src/lib.rs"), "#![no_std]\n")?;
    let vendored = folder.join(RUSTLIB).join("src/rust/library/vendor");
    let bin = folder.join("bin");
    let mut cargo = Command::new(bin.join("cargo"));
    cargo
        .args(["build", "--release", "-Zbuild-std=std,panic_abort", "--target", "wasm32-unknown-unknown"])
        .args(["--config", "source.crates-io.replace-with=\"vendored\""])
        .args(["--config", &format!("source.vendored.directory={:?}", vendored.display().to_string())])
        .arg("--target-dir")
        .arg(empty.join("target"))
        .current_dir(&empty)
        .env("RUSTC", bin.join("rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode, a crate with `lto = true` does not link: "Can't find section .llvmbc".
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env_remove("RUSTUP_TOOLCHAIN");
    work.run.program(&mut cargo)?;
    let library = folder.join(RUSTLIB).join("wasm32-unknown-unknown/lib");
    fs::create_dir_all(&library)?;
    for entry in fs::read_dir(empty.join("target/wasm32-unknown-unknown/release/deps"))? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_library = name.ends_with(".rlib") || name.ends_with(".rmeta");
        if is_library && !name.starts_with("libempty-") {
            fs::copy(&file, library.join(name))?;
        }
    }
    Ok(fs::remove_dir_all(&empty)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_after_their_labels() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u1\n";
        assert_eq!(version_after(policy, "Candidate: "), Some((1, 96)));
        assert_eq!(version_after("[toolchain]\nchannel = \"1.95.0\"\n", "channel = \""), Some((1, 95)));
        assert_eq!(version_after("  Candidate: (none)", "Candidate: "), None);
    }

    #[test]
    fn the_compilers_libraries_are_found_whatever_their_version() {
        let listed = "rustc-web\n  Depends: libc6\n  Depends: libstd-rust-web-1.96\n  Depends: gcc\n  \
                      Recommends: rust-web-gdb\n  Depends: libllvm22\n";
        assert_eq!(libraries_of(listed), ["libstd-rust-web-1.96", "libllvm22"]);
    }
}
