use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use forebay_contract::catalog::{
    Catalog,
    sources::{Source, Sources, compile},
};

use crate::repository::Repository;

/// What a catalog is made of besides the checkout's own `catalog/`.
#[derive(Debug, Clone, Copy)]
pub struct CatalogSources<'a> {
    /// The folder of models.
    pub models: &'a Path,
    /// What stands for `catalog/models.toml`; with another folder of models nothing does by itself.
    pub serving: Option<&'a str>,
    /// What stands for `catalog/plans.toml`.
    pub plans: Option<&'a str>,
    /// Plans added to those, as TOML tables `[plans.NAME]`.
    pub more_plans: &'a str,
    /// What stands for `catalog/lanes.toml`.
    pub lanes: Option<&'a str>,
    /// What stands for `catalog/identity.toml`.
    pub identity: Option<&'a str>,
}

/// The catalog of the checkout as it is now: a model folder that was added needs no new build.
pub fn catalog(repository: &Repository) -> Result<Catalog> {
    let models = repository.path("models");
    catalog_of(
        repository,
        &CatalogSources { models: &models, serving: None, plans: None, more_plans: "", lanes: None, identity: None },
    )
}

/// The catalog of the checkout with something else in some places.
pub fn catalog_of(repository: &Repository, sources: &CatalogSources<'_>) -> Result<Catalog> {
    let CatalogSources { models, serving, plans, more_plans, lanes, identity } = *sources;
    // What is said of the checkout's own models means nothing for others.
    let serving = serving.or_else(|| (models != repository.path("models")).then_some(""));
    let serving = replaced(source(repository, &repository.path("catalog/models.toml"))?, serving);
    let identity = replaced(source(repository, &repository.path("catalog/identity.toml"))?, identity);
    let lanes = replaced(source(repository, &repository.path("catalog/lanes.toml"))?, lanes);
    let mut plans = replaced(source(repository, &repository.path("catalog/plans.toml"))?, plans);
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
    compile(&Sources { models: serving, plans, lanes, identity, manifests }).map_err(|complaints| {
        let list: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        anyhow!("the catalog has mistakes:\n  {}", list.join("\n  "))
    })
}

fn replaced(source: Source, text: Option<&str>) -> Source {
    Source { text: text.map_or(source.text, str::to_owned), name: source.name }
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
