//! From the files an operator edits to the compiled catalogue.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Catalog, Complaint, ModelSpec, PlanSpec};

/// A file's name, for complaints, and its text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the operator knows it.
    pub name: String,
    /// The content.
    pub text: String,
}

/// `catalog/models.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelsFile {
    #[serde(default)]
    serve: BTreeMap<String, Serve>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Serve {
    version: String,
}

/// `catalog/plans.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlansFile {
    plans: BTreeMap<String, PlanSpec>,
}

/// The part of a `model.toml` that clients see; the rest is the worker's.
#[derive(Deserialize)]
struct ModelFile {
    model: ModelSpec,
}

/// Compiles and checks the catalogue. Models that `models_toml` does not name are served at their highest version.
pub fn compile(models_toml: &Source, plans_toml: &Source, manifests: &[Source]) -> Result<Catalog, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let serve = read::<ModelsFile>(models_toml, &mut complaints).map(|file| file.serve).unwrap_or_default();
    let plans = read::<PlansFile>(plans_toml, &mut complaints).map(|file| file.plans).unwrap_or_default();
    let models: Vec<ModelSpec> = manifests
        .iter()
        .filter_map(|source| read::<ModelFile>(source, &mut complaints).map(|file| file.model))
        .collect();
    if !complaints.is_empty() {
        return Err(complaints);
    }

    let mut serving: BTreeMap<String, String> = BTreeMap::new();
    for model in &models {
        let highest = serving.entry(model.name.clone()).or_insert_with(|| model.version.clone());
        if version_order(&model.version) > version_order(highest) {
            highest.clone_from(&model.version);
        }
    }
    serving.extend(serve.into_iter().map(|(name, serve)| (name, serve.version)));

    let catalog = Catalog { models, serving, plans };
    catalog.validate()?;
    Ok(catalog)
}

fn read<File: for<'de> Deserialize<'de>>(source: &Source, complaints: &mut Vec<Complaint>) -> Option<File> {
    toml::from_str(&source.text).map_err(|error| complaints.push(Complaint::new(&source.name, error.to_string()))).ok()
}

/// Versions compare number by number, so that 10 comes after 9; text between the numbers compares as text.
fn version_order(version: &str) -> Vec<(u64, &str)> {
    version.split(['.', '-', '_']).map(|part| (part.parse().unwrap_or(0), part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    fn manifest(name: &str, version: &str) -> Source {
        let text = format!(
            "[model]\nname = \"{name}\"\nversion = \"{version}\"\ntask = \"tensor\"\ntitle = \"t\"\nlicence = \"MIT\"\n\
             work = \"light\"\ncost_ms = 1.0\ninput = {{ kind = \"tensor\", max_bytes = 100 }}\n[tensor]\nshape = [2]\n"
        );
        source(&format!("models/{name}/{version}/model.toml"), &text)
    }

    const PLANS: &str = "[plans.free]\nclass = \"free\"\nlimits = [{ name = \"submit\", dimension = \"account\", \
                         algorithm = \"token-bucket\", quantity = 5, window_s = 1, unit = \"requests\" }]\n";

    fn complaints(models: &str, plans: &str, manifests: &[Source]) -> Vec<String> {
        compile(&source("models.toml", models), &source("plans.toml", plans), manifests)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_highest_version_is_served_unless_the_operator_names_one() {
        let manifests = [manifest("m", "9"), manifest("m", "10"), manifest("n", "1")];
        let compiled = |models| compile(&source("models.toml", models), &source("plans.toml", PLANS), &manifests);
        let catalog = compiled("").unwrap();
        assert_eq!(catalog.serving_model("m").unwrap().version, "10");
        assert_eq!(catalog.serving_model("n").unwrap().version, "1");
        assert_eq!(catalog.serving_model("o"), None);
        let catalog = compiled("[serve.m]\nversion = \"9\"\n").unwrap();
        assert_eq!(catalog.serving_model("m").unwrap().version, "9");
    }

    #[test]
    fn the_compiled_form_round_trips() {
        let catalog = compile(&source("m", ""), &source("p", PLANS), &[manifest("m", "1")]).unwrap();
        let json = serde_json::to_string(&catalog).unwrap();
        assert_eq!(Catalog::from_json(&json), Ok(catalog));
    }

    #[test]
    fn complaints_name_file_key_found_and_allowed() {
        let found = complaints("[serve.m]\nversion = \"2\"\n", PLANS, &[manifest("m", "1")]);
        assert_eq!(found, ["serve.m.version: found version \"2\", but there is no such model folder"]);

        let found = complaints("", &PLANS.replace("quantity = 5", "quantity = 0"), &[]);
        assert_eq!(found, ["plans.free.limits.submit.quantity: found 0; allowed is 1 to 1000000000"]);

        let found = complaints("", &PLANS.replace("token-bucket", "leaky"), &[]);
        assert!(found[0].starts_with("plans.toml: "), "{found:?}");
        assert!(found[0].contains("token-bucket"), "{found:?}");

        let found = complaints("", PLANS, &[manifest("Bad Name", "1")]);
        assert!(found[0].contains("found \"Bad Name\"; allowed are 1 to 64 of a-z"), "{found:?}");
    }

    #[test]
    fn every_complaint_is_told_at_once() {
        let found = complaints("x = 1", "y = 2", &[source("models/a/1/model.toml", "")]);
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
