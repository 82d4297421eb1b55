//! Compiles `catalog/*.toml` and `models/*/*/model.toml` into the JSON that the edge carries; what is wrong with them
//! stops the build, file by file.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use forebay_contract::catalog::sources::{Source, Sources, compile};

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaints) => {
            for complaint in complaints {
                println!("cargo::error={}", complaint.replace('\n', " "));
            }
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    let models = root.join("models");
    let mut manifests = Vec::new();
    // Cargo watches folders for files that come and go, and files for changes.
    watch(&models);
    for name in folders(&models) {
        watch(&name);
        for version in folders(&name) {
            let manifest = version.join("model.toml");
            watch(&version);
            if manifest.is_file() {
                manifests.push(read(&root, &manifest)?);
            }
        }
    }
    let sources = Sources {
        models: read(&root, &root.join("catalog/models.toml"))?,
        plans: read(&root, &root.join("catalog/plans.toml"))?,
        lanes: read(&root, &root.join("catalog/lanes.toml"))?,
        identity: read(&root, &root.join("catalog/identity.toml"))?,
        manifests,
    };
    let catalog =
        compile(&sources).map_err(|complaints| complaints.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let json = serde_json::to_string(&catalog).map_err(|error| vec![error.to_string()])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("catalog.json");
    fs::write(&out, json).map_err(|error| vec![format!("{}: {error}", out.display())])
}

fn read(root: &Path, path: &Path) -> Result<Source, Vec<String>> {
    watch(path);
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).map_err(|error| vec![format!("{name}: {error}")])?;
    Ok(Source { name, text })
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// The folders in `path`, in order of name; none when it is not there.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
