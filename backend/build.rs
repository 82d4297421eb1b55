//! Lets the binaries, tests and benchmarks find the libtorch they were built against, and a moved folder its own; and tells
//! the worker which lanes it serves unless it is told others.

use std::{env, fs, path::PathBuf, process::ExitCode};

use forebay_contract::catalog::sources::{Source, lanes};

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys, and only when the feature `tch` is on. On other machines LD_LIBRARY_PATH comes first.
    if let Ok(folder) = env::var("DEP_TCH_LIBTORCH_LIB") {
        // `cargo xtask package` cuts the second off, which is this machine's own: xtask/src/package/run_path.rs.
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/lib:{folder}");
    }
    match embed_lanes() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaints) => {
            complaints.iter().for_each(|complaint| println!("cargo::error={}", complaint.replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

/// Writes the lanes of `catalog/lanes.toml` as the setting `lanes` has them.
fn embed_lanes() -> Result<(), Vec<String>> {
    let name = "catalog/lanes.toml";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| vec![format!("{name}: {error}")])?;
    let lanes = lanes(&Source { name: name.to_owned(), text })
        .map_err(|complaints| complaints.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let weights: Vec<String> = lanes.iter().map(|(lane, spec)| format!("{lane}={}", spec.weight)).collect();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("lanes.txt");
    fs::write(&out, weights.join(",")).map_err(|error| vec![format!("{}: {error}", out.display())])
}
