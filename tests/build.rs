//! Makes the table of promises of the `mod` lines in `e2e/promises/mod.rs`, so that each promise stands there once. A macro
//! that declares them could not: rustfmt passes over modules that a macro declares.

use std::{collections::BTreeSet, env, fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    match table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            println!("cargo::error={complaint}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/promises");
    println!("cargo::rerun-if-changed={}", folder.display());
    let list = fs::read_to_string(folder.join("mod.rs")).map_err(|error| format!("promises/mod.rs: {error}"))?;
    let name = |line: &str| Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned());
    let declared: BTreeSet<String> = list.lines().filter_map(name).collect();
    let entries = fs::read_dir(&folder).map_err(|error| format!("promises: {error}"))?;
    for file in entries.flatten().map(|entry| entry.file_name()) {
        let name = file.to_string_lossy().trim_end_matches(".rs").to_owned();
        if name != "mod" && !declared.contains(&name) {
            return Err(format!("promises/{name}.rs is never kept: add `mod {name};` to promises/mod.rs"));
        }
    }
    let rows: String = declared.iter().map(|name| format!("    ({name:?}, {name}::check),\n")).collect();
    let table = format!("/// Every promise by its name.\npub const ALL: &[(&str, Check)] = &[\n{rows}];\n");
    let out = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("promises.rs");
    fs::write(&out, table).map_err(|error| format!("{}: {error}", out.display()))
}
