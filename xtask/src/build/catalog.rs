use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use forebay_contract::catalog::{
    Catalog,
    sources::{Source, Sources, compile},
};

use crate::repository::Repository;

/// The catalogue of the checkout as it is now: a model folder that was added needs no new build.
pub fn catalog(repository: &Repository) -> Result<Catalog> {
    compiled(repository, &repository.path("models"), "")
}

/// The catalogue of a folder of models, with plans added to the checkout's own (as TOML tables `[plans.NAME]`).
pub fn catalog_with_plans(repository: &Repository, models: &Path, plans: &str) -> Result<Catalog> {
    compiled(repository, models, plans)
}

fn compiled(repository: &Repository, models: &Path, more_plans: &str) -> Result<Catalog> {
    let mut serving = source(repository, &repository.path("catalog/models.toml"))?;
    let identity = source(repository, &repository.path("catalog/identity.toml"))?;
    if models != repository.path("models") {
        // Which version serves is said of the checkout's own models.
        serving.text.clear();
    }
    let mut plans = source(repository, &repository.path("catalog/plans.toml"))?;
    plans.text.push('\n');
    plans.text.push_str(more_plans);
    let mut manifests = Vec::new();
    for name in folders(models)? {
        for version in folders(&name)? {
            let manifest = version.join("model.toml");
            if manifest.is_file() {
                manifests.push(source(repository, &manifest)?);
            }
        }
    }
    compile(&Sources { models: serving, plans, identity, manifests }).map_err(|complaints| {
        let list: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        anyhow!("the catalogue has mistakes:\n  {}", list.join("\n  "))
    })
}

fn source(repository: &Repository, path: &Path) -> Result<Source> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Source { name: repository.shown(path), text })
}

fn folders(of: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(of).with_context(|| of.display().to_string())?;
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}
