//! `forebay-worker doctor`: is everything there that work needs, and if not, what is to be done?

mod capability;
mod cloud;
mod driver;
mod edge;
mod finding;
mod memory;
mod models;

use std::path::Path;

use aws_config::SdkConfig;

pub use driver::OLDEST as OLDEST_DRIVER;
pub use finding::{Finding, Severity};

use crate::{
    engine::{Engine, gpu},
    settings::Settings,
};

/// Looks at everything, in the order in which a worker needs it. `engine` is the opened device, or why it is not.
pub async fn examine(settings: &Settings, config: &SdkConfig, engine: Result<Box<dyn Engine>, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let device_name = engine.as_ref().ok().map(|engine| engine.device());
    findings.extend(driver::examine(Path::new("/"), device_name.as_deref()));
    findings.extend(capability::examine(Path::new("/")).await);
    match engine {
        Ok(engine) => {
            findings.push(device(&engine.device(), gpu::found(Path::new("/"))));
            findings.extend(memory::device(engine.as_ref()));
            findings.extend(models::examine(settings, config, engine).await);
        }
        Err(error) => findings.push(
            Finding::missing("device", error)
                .advise("make the device usable, or ask for --device cpu, which takes longer"),
        ),
    }
    findings.push(cloud::credentials(config).await);
    findings.extend(cloud::queues(settings, config).await);
    findings.push(cloud::bucket(settings, config).await);
    findings.push(edge::examine(settings, config).await);
    findings
}

/// `gpu`: where one is seen, whether it can be used or not.
fn device(device: &str, gpu: Option<String>) -> Finding {
    match gpu {
        Some(gpu) if device == "cpu" => {
            Finding::doubtful("device", format!("models run on the CPU, and there is an NVIDIA GPU ({gpu})")).advise(
                "take the package that `cargo xtask package --cuda` makes, or put the lib folder of a torch 2.11 made for CUDA \
                 into LD_LIBRARY_PATH; --device cuda insists on it",
            )
        }
        _ => Finding::fine("device", format!("models run on {device}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_nothing_runs_on_is_doubtful() {
        let gpu = || Some("/dev/nvidia0".to_owned());
        assert_eq!(device("cpu", gpu()).severity, Severity::Doubtful);
        assert_eq!([device("cuda:0", gpu()).severity, device("cpu", None).severity], [Severity::Fine; 2]);
    }
}
