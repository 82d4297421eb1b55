use super::Finding;
use crate::{engine::Engine, model::Registry, settings::Settings};

/// Opens and loads every model, as its first job would.
pub(super) async fn examine(settings: &Settings, mut engine: Box<dyn Engine>) -> Vec<Finding> {
    let folder = settings.models_dir.display();
    let advice = "export one as models/README.md shows, or name another folder with --models-dir";
    let (registry, complaints) = match Registry::scan(&settings.models_dir) {
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
    for id in ids {
        let subject = format!("model {id}");
        let loaded = match registry.open(&id).await {
            Some(Ok(model)) => engine.load(&model),
            Some(Err(error)) => Err(error),
            None => continue,
        };
        findings.push(match loaded {
            Ok(()) => Finding::fine(subject, "loaded and warmed up"),
            Err(error) => Finding::missing(subject, error.to_string())
                .advise("export it again, or take its folder away: its jobs would fail with model-unavailable"),
        });
    }
    findings
}
