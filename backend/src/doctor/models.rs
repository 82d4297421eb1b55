use aws_config::SdkConfig;
use forebay_contract::ParameterSpec;

use super::{Finding, memory};
use crate::{
    aws,
    engine::Engine,
    model::{Manifest, ModelError, Registry, StepsTable, Task},
    settings::Settings,
};

/// Opens and loads every model, as its first job would, one after the other: all of them need not fit at once.
pub(super) async fn examine(settings: &Settings, config: &SdkConfig, mut engine: Box<dyn Engine>) -> Vec<Finding> {
    let folder = settings.models_dir.display();
    let advice = "export one as models/README.md shows, or name another folder with --models-dir";
    let into = (settings.models_cache.as_path(), settings.fetch_limits());
    let scanned = Registry::scan_any(&settings.models_dir, || aws::s3(config), into).await;
    let (registry, complaints) = match scanned {
        Ok(scanned) => scanned,
        Err(error) => return vec![Finding::missing("models", error.to_string()).advise(advice)],
    };
    let mut findings: Vec<Finding> = complaints
        .iter()
        .map(|complaint| Finding::missing("models", complaint.to_string()).advise("correct this model.toml"))
        .collect();
    let ids: Vec<String> = registry.manifests().map(crate::model::Manifest::id).collect();
    if ids.is_empty() {
        findings.push(Finding::missing("models", format!("{folder} holds no usable model")).advise(advice));
    }
    let budget = settings.model_memory().or_else(|| engine.memory());
    let mut sizes = Vec::new();
    for id in ids {
        let subject = format!("model {id}");
        let loaded = match registry.open(&id).await {
            Some(Ok(model)) => {
                sizes.push((id.clone(), engine.footprint(&model)));
                engine.load(&model)
            }
            Some(Err(error)) => Err(error),
            None => continue,
        };
        findings.push(match loaded {
            Ok(()) => {
                engine.unload(&id);
                Finding::fine(&subject, "loaded and warmed up")
            }
            Err(error) => Finding::missing(&subject, error.whole()).advise(advice_on(&error)),
        });
        findings.extend(registry.manifests().filter(|manifest| manifest.id() == id).flat_map(promises));
    }
    findings.extend(budget.filter(|_| !sizes.is_empty()).map(|budget| memory::models(budget, &sizes)));
    findings
}

/// What a manifest lets clients ask for, and no worker may be able to do.
fn promises(manifest: &Manifest) -> Vec<Finding> {
    let subject = format!("model {}", manifest.id());
    let mut findings = Vec::new();
    if let Task::TextGenerate(_, StepsTable { context: None, .. }) = manifest.task {
        let found = "steps.context is not said: a longer text than the model can be called with may end the worker";
        findings.push(Finding::doubtful(&subject, found).advise("say in model.toml how many tokens the model holds"));
    }
    let parameter =
        manifest.spec.cost_parameter.as_ref().and_then(|name| Some((name, manifest.spec.parameters.get(name)?)));
    if let Some((name, ParameterSpec::Integer { max, .. })) = parameter
        && *max > manifest.spec.most_of_cost_parameter()
    {
        let most = manifest.spec.most_of_cost_parameter();
        let found =
            format!("`{name}` goes to {max}, and jobs beyond {most} are refused: they would take over ten hours");
        findings.push(Finding::doubtful(&subject, found).advise("let max in model.toml be what is taken"));
    }
    findings
}

fn advice_on(error: &ModelError) -> &'static str {
    if error.is_refusal() {
        "export it again, or take its folder away: its jobs would fail with model-unavailable"
    } else if error.is_out_of_memory() {
        "give the device more free memory, or this worker other models: its jobs would go back to their lane"
    } else if error.is_device_lost() {
        "see to the device, with nvidia-smi and the kernel's log: nothing can run on it"
    } else {
        "see that its files are there, whole and readable: its jobs would go back to their lane for other workers"
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use aws_config::retry::RetryConfig;

    use super::*;
    use crate::{
        array::Array, doctor::Severity, engine::RunError, features::BatchInput, model::Model, settings::tests::parse,
    };

    /// Holds one model, and no second one.
    #[derive(Default)]
    struct Small {
        held: Option<String>,
    }

    impl Engine for Small {
        fn device(&self) -> String {
            "small".to_owned()
        }
        fn load(&mut self, model: &Model) -> Result<(), ModelError> {
            match self.held.replace(model.id.clone()) {
                Some(_) => Err(ModelError::out_of_memory("full")),
                None => Ok(()),
            }
        }
        fn unload(&mut self, id: &str) {
            self.held.take_if(|held| held == id);
        }
        fn run(&mut self, _: &Model, _: &BatchInput) -> Result<Array<f32>, RunError> {
            Err(RunError::OutOfMemory)
        }
    }

    async fn of(models_dir: &Path) -> Vec<Finding> {
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .http_client(aws::http_client())
            .retry_config(RetryConfig::disabled())
            .region(aws_config::Region::new("us-east-1"))
            // Nobody listens there.
            .endpoint_url("http://127.0.0.1:1")
            .build();
        let settings = parse(&["--models-dir", &models_dir.to_string_lossy()]).unwrap();
        examine(&settings, &config, Box::<Small>::default()).await
    }

    #[test]
    fn a_manifest_that_offers_more_than_can_be_done_is_named() {
        let of = |parameters: &str, steps: &str| {
            let text = format!(
                "[model]\nname = \"m\"\nversion = \"1\"\ntask = \"text-generate\"\ntitle = \"t\"\nlicence = \"MIT\"\n\
                 work = \"heavy\"\ncost_ms = 1000.0\ninput = {{ kind = \"text\", max_bytes = 9 }}\n{parameters}\n\
                 [text]\ntokenizer = \"t\"\nmax_tokens = 9\nmax_chars = 9\n[steps]\nmax_new_tokens = 4\n{steps}\n"
            );
            promises(&Manifest::parse(Path::new("m/1/model.toml"), &text).unwrap())
        };
        let parameter = |max: u32| {
            format!(
                "cost_parameter = \"max_tokens\"\n[model.parameters.max_tokens]\ntype = \"integer\"\nmin = 1\n\
                 max = {max}\ndefault = 4\n"
            )
        };
        assert_eq!(of(&parameter(36_000), "context = 9"), []);
        let found: String = of(&parameter(36_001), "").iter().map(ToString::to_string).collect();
        assert!(found.contains("steps.context is not said") && found.contains("beyond 36000 are refused"), "{found}");
        assert!(found.matches("hm  model m@1").count() == 2, "{found}");
    }

    #[tokio::test]
    async fn every_model_is_looked_at_where_a_worker_would() {
        let folder = std::env::temp_dir().join(format!("forebay-doctor-{}", std::process::id()));
        for name in ["a", "b", "c"] {
            let toml = format!(
                "[model]\nname = \"{name}\"\nversion = \"1\"\ntask = \"tensor\"\ntitle = \"t\"\nlicence = \"MIT\"\n\
                 work = \"light\"\ncost_ms = 1.0\ninput = {{ kind = \"tensor\", max_bytes = 9 }}\n[tensor]\nshape = [2]\n"
            );
            let toml = if name == "c" { "rubbish".to_owned() } else { toml };
            std::fs::create_dir_all(folder.join(name).join("1")).unwrap();
            std::fs::write(folder.join(name).join("1/model.toml"), toml).unwrap();
        }
        let findings = of(&folder).await;
        std::fs::remove_dir_all(&folder).unwrap();
        let shown: Vec<(String, bool)> =
            findings.iter().map(|finding| (finding.subject.clone(), finding.severity == Severity::Fine)).collect();
        let expect = [("models", false), ("model a@1", true), ("model b@1", true)];
        assert_eq!(shown, expect.map(|(subject, fine)| (subject.to_owned(), fine)));

        let away = of(Path::new("s3://bucket/models")).await;
        let text = away.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains("s3://bucket/models") && !text.contains("No such file"), "{text}");
    }
}
