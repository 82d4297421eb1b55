use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::BINDGEN;
use crate::{
    console,
    process::answer,
    repository::Repository,
    setup::{About, Fingerprint, Step, Work},
};

/// `edge/build/`: the Worker as wasm and JavaScript.
#[derive(Debug, Clone, Copy)]
pub struct EdgeBundle;

impl Step for EdgeBundle {
    fn about(&self) -> About {
        About {
            name: "edge",
            what: "building the edge to wasm",
            advice: "see the first error in the log",
            after: &["wasm-target", "bindgen", "edge-packages"],
            compiles_into: Some("target/debug"),
            recorded_secs: 120,
            recorded_packages: 120,
        }
    }

    /// The catalog is not among it, though one is built in: every start puts the newest into KV, which wins.
    fn made_from(&self, repository: &Repository) -> Result<Fingerprint> {
        let is_source = |path: &Path| !path.components().any(|part| part.as_os_str() == "build");
        let mut made_from = Fingerprint::new();
        for file in ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "contract/Cargo.toml", "edge/Cargo.toml"] {
            made_from = made_from.file(&repository.path(file))?;
        }
        for file in
            ["edge/build.rs", "edge/build.sh", "edge/profile.toml", "edge/package-lock.json", "edge/bindgen/Cargo.toml"]
        {
            made_from = made_from.file(&repository.path(file))?;
        }
        for folder in ["contract/src", "edge/src", "edge/bindgen/src"] {
            made_from = made_from.tree(&repository.path(folder), is_source)?;
        }
        Ok(made_from)
    }

    fn makes(&self, repository: &Repository) -> Vec<PathBuf> {
        vec![repository.path("edge/build/index.js"), wasm(repository)]
    }

    fn work(&self, work: &Work<'_>) -> Result<()> {
        // Asking cargo again would wait until the worker is built.
        let bindgen = BINDGEN.path(work.repository)?;
        work.program(Command::new("bash").arg("edge/build.sh").env("FOREBAY_BINDGEN", bindgen))?;
        work.note(&BundleSize::of(work.repository)?.to_string());
        Ok(())
    }
}

fn wasm(repository: &Repository) -> PathBuf {
    repository.path("edge/build/index_bg.wasm")
}

/// How large the wasm is; Cloudflare counts it compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct BundleSize {
    /// As it lies on the disk.
    pub raw_bytes: u64,
    /// Compressed by gzip at its best, as Cloudflare counts it.
    pub gzip_bytes: u64,
}

impl BundleSize {
    /// The most that is wanted compressed.
    pub const TARGET_GZIP_BYTES: u64 = 1 << 20;

    /// Measures the bundle that is there.
    pub fn of(repository: &Repository) -> Result<Self> {
        let wasm = wasm(repository);
        let raw_bytes = fs::metadata(&wasm).with_context(|| wasm.display().to_string())?.len();
        let script = "gzip --best --stdout \"$1\" | wc -c";
        let said =
            answer(Command::new("sh").args(["-c", script, "size"]).arg(&wasm)).context("gzip does not answer")?;
        Ok(Self { raw_bytes, gzip_bytes: said.parse()? })
    }
}

impl std::fmt::Display for BundleSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.gzip_bytes < Self::TARGET_GZIP_BYTES { "below" } else { "ABOVE" };
        let (raw, gzip) = (console::bytes(self.raw_bytes), console::bytes(self.gzip_bytes));
        write!(f, "wasm bundle: {raw}, {gzip} with gzip ({verdict} the 1 MiB that is wanted)")
    }
}
