//! Opens what the settings name: what the programs have in common.
#![allow(dead_code, reason = "each program uses its own part")]

use std::{sync::Arc, time::Duration};

#[cfg(feature = "tch")]
use anyhow::Context as _;
use anyhow::bail;
use aws_config::SdkConfig;
#[cfg(feature = "tch")]
use forebay_backend::engine::torch::TorchEngine;
use forebay_backend::{
    aws,
    edge::{Edge, HttpEdge},
    engine::{DeterministicEngine, Devices, Engine},
    model::Registry,
    pipeline::Bounds,
    report_secret,
    settings::{EngineChoice, Settings},
};
use tracing::error;

pub(crate) fn devices(settings: &Settings, cores: usize) -> anyhow::Result<Devices> {
    let _ = cores;
    let engines: Vec<Box<dyn Engine>> = match settings.engine {
        #[cfg(feature = "tch")]
        EngineChoice::Tch => {
            let threads = settings.device_threads_of(cores);
            set_before_main(threads)?;
            let engines = TorchEngine::open_all(settings.device, threads, settings.load_limits())?;
            engines.into_iter().map(|engine| Box::new(engine) as Box<dyn Engine>).collect()
        }
        EngineChoice::Test => {
            vec![Box::new(DeterministicEngine::slow(Duration::from_millis(settings.test_engine_delay_ms)))]
        }
    };
    Ok(Devices { engines, patience: settings.patience(), model_memory: settings.model_memory() })
}

/// What is read before `main`, as far as nobody has said otherwise: then the program starts once more, with it.
///
/// Several OpenMP threads spin while they wait for one another, and on shared cores they take the cores from the very
/// ones they wait for: a hundredfold slower. And what one batch frees the next allocates again: given back to the system
/// in between, it is a page fault for every four kilobytes, a twentieth of a device's time on the CPU.
#[cfg(feature = "tch")]
fn set_before_main(threads: usize) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;

    const OPENMP: (&str, &str) = ("OMP_WAIT_POLICY", "passive");
    /// Bytes; glibc manual §3.2.3 and «Memory Allocation Tunables».
    const MALLOC: (&str, &str) =
        ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1073741824:glibc.malloc.mmap_threshold=33554432");
    let wanted = [(threads > 1).then_some(OPENMP), Some(MALLOC)].into_iter().flatten();
    let missing: Vec<_> = wanted.filter(|(name, _)| std::env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let program = std::env::current_exe().context("the program's own file is not found")?;
    let error = std::process::Command::new(program).args(std::env::args_os().skip(1)).envs(missing).exec();
    Err(error).context("the program could not be started once more")
}

/// A wrong manifest costs its own model only; a folder without any usable model is a wrong setting.
pub(crate) async fn models(settings: &Settings, config: &SdkConfig) -> anyhow::Result<Registry> {
    let into = (settings.models_cache.as_path(), settings.fetch_limits());
    let (registry, complaints) = Registry::scan_any(&settings.models_dir, || aws::s3(config), into).await?;
    for complaint in complaints {
        error!(%complaint, "a model is left out");
    }
    if registry.manifests().next().is_none() {
        let folder = settings.models_dir.display();
        bail!("models-dir: found no usable model in {folder}; allowed is a folder of NAME/VERSION/model.toml");
    }
    Ok(registry)
}

/// How much the pipeline takes on.
pub(crate) fn bounds(settings: &Settings, registry: &Registry, cores: usize) -> Bounds {
    let largest = registry.manifests().map(|manifest| manifest.batch.max_items).max().unwrap_or(1);
    Bounds {
        worker: worker_name(settings),
        weights: settings.lanes.clone(),
        visibility: settings.visibility(),
        prefetch: settings.prefetch_for(largest),
        cpu_threads: settings.cpu_threads_of(cores),
        decoded_bytes: settings.decoded_bytes(),
    }
}

pub(crate) async fn edge(settings: &Settings, config: &SdkConfig) -> anyhow::Result<Option<Arc<dyn Edge>>> {
    let Some(url) = &settings.edge_url else { return Ok(None) };
    match report_secret::find(settings, config).await? {
        Some(secret) => Ok(Some(Arc::new(HttpEdge::new(url, secret)?))),
        None => Ok(None),
    }
}

pub(crate) fn worker_name(settings: &Settings) -> String {
    settings.worker_name.clone().unwrap_or_else(|| {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", machine.trim(), std::process::id())
    })
}
