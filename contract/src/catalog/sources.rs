//! From the files an operator edits to the compiled catalog.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Catalog, Complaint, IdentitySpec, LaneSpec, LimitSpec, ModelSpec, PlanSpec, Serving, TextLimits,
    validate_lanes::check_lanes,
};
use crate::{Lane, ordered};

/// A file's name, for complaints, and its text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the operator knows it.
    pub name: String,
    /// The content.
    pub text: String,
}

/// Every file that the catalog is made of.
#[derive(Debug, Clone)]
pub struct Sources {
    /// `catalog/models.toml`
    pub models: Source,
    /// `catalog/plans.toml`
    pub plans: Source,
    /// `catalog/lanes.toml`
    pub lanes: Source,
    /// `catalog/identity.toml`
    pub identity: Source,
    /// `models/NAME/VERSION/model.toml`
    pub manifests: Vec<Source>,
}

/// `catalog/models.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelsFile {
    #[serde(default)]
    serve: BTreeMap<String, Serving>,
    #[serde(default)]
    tasks: BTreeMap<String, String>,
}

/// `catalog/plans.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlansFile {
    plans: BTreeMap<String, PlanSpec>,
    #[serde(default)]
    limits: Vec<LimitSpec>,
}

/// `catalog/lanes.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanesFile {
    lanes: BTreeMap<Lane, LaneSpec>,
}

/// The part of a `model.toml` that clients see; the rest is the worker's.
#[derive(Deserialize)]
struct ModelFile {
    model: ModelSpec,
    /// What the worker tokenises by: the edge refuses by the same numbers.
    text: Option<TextTable>,
    steps: Option<StepsTable>,
}

#[derive(Deserialize)]
struct TextTable {
    max_chars: u32,
    max_tokens: u32,
}

#[derive(Deserialize)]
struct StepsTable {
    context: Option<u32>,
}

impl ModelFile {
    fn into_spec(self) -> ModelSpec {
        let Self { mut model, text, steps } = self;
        if let Some(TextTable { max_chars, max_tokens }) = text {
            let context = steps.and_then(|steps| steps.context);
            model.input.text = Some(TextLimits { max_chars, max_tokens, context });
        }
        model
    }
}

/// Compiles and checks the catalog. Models that `models.toml` does not name are served at their highest version.
pub fn compile(sources: &Sources) -> Result<Catalog, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let models_file = read::<ModelsFile>(&sources.models, &mut complaints);
    let plans_file = match old_lanes(&sources.plans) {
        Some(complaint) => {
            complaints.push(complaint);
            None
        }
        None => read::<PlansFile>(&sources.plans, &mut complaints),
    };
    let lanes_file = read::<LanesFile>(&sources.lanes, &mut complaints);
    let identity = read::<IdentitySpec>(&sources.identity, &mut complaints);
    let models: Vec<ModelSpec> = sources
        .manifests
        .iter()
        .filter_map(|source| read::<ModelFile>(source, &mut complaints).map(ModelFile::into_spec))
        .collect();
    let (Some(models_file), Some(plans_file), Some(lanes_file), Some(identity), true) =
        (models_file, plans_file, lanes_file, identity, complaints.is_empty())
    else {
        return Err(complaints);
    };

    let mut highest: BTreeMap<&str, &str> = BTreeMap::new();
    for model in &models {
        let version = highest.entry(&model.name).or_insert(&model.version);
        if version_order(&model.version) > version_order(version) {
            *version = &model.version;
        }
    }
    let mut serving: BTreeMap<String, Serving> =
        ordered::map(highest.into_iter().map(|(name, version)| (name.to_owned(), Serving::only(version))));
    serving.extend(models_file.serve);

    let PlansFile { plans, limits } = plans_file;
    let LanesFile { lanes } = lanes_file;
    let catalog = Catalog { models, serving, tasks: models_file.tasks, plans, limits, lanes, identity };
    catalog.validate()?;
    Ok(catalog)
}

/// The lanes of a `catalog/lanes.toml` alone: what a worker serves, and what queues are made from.
pub fn lanes(source: &Source) -> Result<BTreeMap<Lane, LaneSpec>, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let lanes = read::<LanesFile>(source, &mut complaints).map(|file| file.lanes).unwrap_or_default();
    check_lanes(&lanes, &mut complaints);
    if complaints.is_empty() { Ok(lanes) } else { Err(complaints) }
}

/// Lanes stood among the plans once.
fn old_lanes(plans: &Source) -> Option<Complaint> {
    let has_lanes = toml::from_str::<toml::Table>(&plans.text).is_ok_and(|file| file.contains_key("lanes"));
    has_lanes.then(|| {
        let what = "found [lanes]; lanes have a file of their own: move them to catalog/lanes.toml, one table [lanes.NAME] \
                    each, and say of each its class";
        Complaint::new(format!("{}: lanes", plans.name), what)
    })
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
                         algorithm = \"token-bucket\", quantity = 5, window = \"1s\", unit = \"requests\" }]\n";

    const LANES: &str = "[lanes.all]\nclass = \"free\"\n";

    fn sources(models: &str, plans: &str, identity: &str, manifests: &[Source]) -> Sources {
        Sources {
            models: source("models.toml", models),
            plans: source("plans.toml", plans),
            lanes: source("lanes.toml", LANES),
            identity: source("identity.toml", identity),
            manifests: manifests.to_vec(),
        }
    }

    fn complaints(models: &str, plans: &str, manifests: &[Source]) -> Vec<String> {
        compile(&sources(models, plans, "", manifests)).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_highest_version_is_served_unless_the_operator_names_one() {
        let manifests = [manifest("m", "9"), manifest("m", "10"), manifest("n", "1")];
        let compiled = |models| compile(&sources(models, PLANS, "", &manifests));
        let catalog = compiled("").unwrap();
        assert_eq!(catalog.stable_model("m").unwrap().version, "10");
        assert_eq!(catalog.stable_model("n").unwrap().version, "1");
        assert_eq!(catalog.stable_model("o"), None);
        let catalog = compiled("[serve.m]\nversion = \"9\"\n").unwrap();
        assert_eq!(catalog.stable_model("m").unwrap().version, "9");
    }

    #[test]
    fn what_the_worker_cuts_and_refuses_texts_by_is_known_at_the_door() {
        let Source { name, text } = manifest("m", "1");
        let text = text
            .replace("\"tensor\"", "\"text\"")
            .replace("[tensor]\nshape = [2]", "[text]\ntokenizer = \"t.json\"\nmax_tokens = 256\nmax_chars = 20000");
        let catalog = compile(&sources("", PLANS, "", &[source(&name, &text)])).unwrap();
        let limits = catalog.stable_model("m").unwrap().input.text;
        assert_eq!(limits, Some(TextLimits { max_chars: 20_000, max_tokens: 256, context: None }));

        let text = format!("{text}[steps]\nmax_new_tokens = 64\ncontext = 300\n");
        let catalog = compile(&sources("", PLANS, "", &[source("m", &text)])).unwrap();
        let model = catalog.stable_model("m").unwrap();
        assert_eq!(model.input.text.unwrap().context, Some(300));
        for (asked, expect) in [(299, None), (300, Some((300, 300)))] {
            let parameters = [("max_tokens".to_owned(), crate::ParameterValue::Integer(asked))].into();
            assert_eq!(model.beyond_context(&parameters), expect);
        }
    }

    #[test]
    fn the_compiled_form_round_trips() {
        let catalog = compile(&sources("", PLANS, "", &[manifest("m", "1")])).unwrap();
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

        let Source { name, text } = manifest("slow", "1");
        let slow = |cost_ms: &str, more: &str| {
            let text = text.replace("cost_ms = 1.0", &format!("cost_ms = {cost_ms}\n{more}"));
            [source(&name, &text)]
        };
        let found = complaints("", PLANS, &slow("36_000_001.0", ""));
        let expect = "slow@1: model.cost_ms: found 36000001; allowed is at most 36000000, ten hours";
        assert_eq!(found, [expect]);
        let parameter = |default: u32| {
            format!(
                "cost_parameter = \"n\"\nparameters = {{ n = {{ type = \"integer\", min = 1, max = 99_999, \
                 default = {default} }} }}"
            )
        };
        let found = complaints("", PLANS, &slow("1_000.0", &parameter(36_001)));
        let expect =
            "slow@1: model.parameters.n: without it jobs would be refused; with this cost_ms, 36000 make ten hours";
        assert_eq!(found, [expect]);
        assert!(compile(&sources("", PLANS, "", &slow("1_000.0", &parameter(36_000)))).is_ok());

        let found = complaints("", PLANS, &[manifest("Bad Name", "1")]);
        assert!(found[0].contains("found \"Bad Name\"; allowed are 1 to 64 of a-z"), "{found:?}");
    }

    #[test]
    fn lanes_among_the_plans_are_sent_to_their_own_file() {
        let found = complaints("", &format!("{PLANS}[lanes]\nfree-heavy = {{ backlog_ms = 1 }}\n"), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("plans.toml: lanes: found [lanes]; "), "{found:?}");
        assert!(found[0].contains("move them to catalog/lanes.toml"), "{found:?}");
    }

    #[test]
    fn lanes_are_read_alone_and_checked() {
        let read = |text: &str| lanes(&source("lanes.toml", text)).map_err(|found| found[0].to_string());
        assert_eq!(read(LANES).unwrap().keys().map(Lane::name).collect::<Vec<_>>(), ["all"]);
        for (text, expect) in [
            ("[lanes.all]\nclass = \"free\"\nweight = 0\n", "lanes.all.weight: found 0; allowed is 1 to 1000"),
            ("[lanes.all]\n", "missing field `class`"),
            ("[lanes.all-dlq]\nclass = \"free\"\n", "not ending with -dlq"),
            ("", "missing field `lanes`"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(expect), "{found}");
        }
    }

    #[test]
    fn every_complaint_is_told_at_once() {
        let found = complaints("x = 1", "y = 2", &[source("models/a/1/model.toml", "")]);
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
