//! `forebay-worker doctor`: is everything there that work needs, and if not, what is to be done?

mod cloud;
mod edge;
mod finding;
mod models;

use aws_config::SdkConfig;

pub use finding::{Finding, State};

use crate::{engine::Engine, settings::Settings};

/// Looks at everything, in the order in which a worker needs it. `engine` is the opened device, or why it is not.
pub async fn examine(settings: &Settings, config: &SdkConfig, engine: Result<Box<dyn Engine>, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match engine {
        Ok(engine) => {
            findings.push(device(&engine.device()));
            findings.extend(models::examine(settings, config, engine).await);
        }
        Err(error) => findings.push(
            Finding::missing("device", error)
                .advise("put the lib folder of a torch 2.11 into LD_LIBRARY_PATH, or ask for --device cpu"),
        ),
    }
    findings.push(cloud::credentials(config).await);
    findings.extend(cloud::queues(settings, config).await);
    findings.push(cloud::bucket(settings, config).await);
    findings.push(edge::examine(settings).await);
    findings
}

fn device(device: &str) -> Finding {
    let has_gpu = std::path::Path::new("/dev/nvidia0").exists();
    if has_gpu && device == "cpu" {
        return Finding::doubtful("device", "models run on the CPU, and there is an NVIDIA GPU").advise(
            "put the lib folder of a torch 2.11 made for CUDA into LD_LIBRARY_PATH; --device cuda insists on it",
        );
    }
    Finding::fine("device", format!("models run on {device}"))
}
