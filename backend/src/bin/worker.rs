//! `forebay-worker`: reads the settings, opens the world and runs the pipeline until a signal.

mod open;

use std::{
    collections::BTreeMap,
    io::{Write as _, stderr, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
#[cfg(feature = "otlp")]
use forebay_backend::logging::Spans;
use forebay_backend::{
    DeviceLoad, Vitals, aws,
    doctor::{self, Severity},
    engine::Devices,
    logging,
    pipeline::{self, Parts, PipelineError},
    queue::{Lanes, Queue, SqsQueue},
    settings::{Action, Settings, Unusable},
    spot::SpotWatch,
    status::StatusServer,
    store::S3Store,
};
use forebay_contract::Lane;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::info;

fn main() -> ExitCode {
    let (settings, effective) = match Settings::of_process() {
        Ok(read) => read,
        // clap writes help to standard output and ends well; what is wrong goes to standard error.
        Err(Unusable::Usage(error)) => error.exit(),
        Err(Unusable::Setting(words)) => {
            let _ = writeln!(stderr(), "forebay-worker: {words}");
            return ExitCode::from(2);
        }
    };
    if settings.print_config {
        return if write!(stdout(), "{effective}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match start(&settings) {
        Ok(code) => code,
        Err(error) => {
            // Before anything is logged, this is the only way to be heard.
            let _ = writeln!(
                stderr(),
                "{}",
                json!({ "level": "ERROR", "message": "the worker cannot go on", "error": format!("{error:#}") })
            );
            match error.downcast_ref::<PipelineError>() {
                Some(error) => leave(error),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// Ends with the error's own status. A device that hangs or is lost may also hold up the end: then the process is aborted.
fn leave(error: &PipelineError) -> ExitCode {
    if matches!(error, PipelineError::DeviceHung | PipelineError::DeviceLost) {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(5));
            std::process::abort();
        });
    }
    ExitCode::from(error.exit_status())
}

fn start(settings: &Settings) -> anyhow::Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Before anything else: torch asks once whether CUDA is there.
    let devices = open::devices(settings, cores);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(1, 4))
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    if settings.action == Action::Doctor {
        return runtime.block_on(doctor(settings, devices));
    }
    #[cfg(feature = "otlp")]
    let spans = {
        let _inside = runtime.enter();
        settings.otlp_endpoint.as_deref().map(|url| Spans::to(url, &open::worker_name(settings))).transpose()?
    };
    logging::start(
        settings.log.clone(),
        #[cfg(feature = "otlp")]
        spans.as_ref(),
    );
    let ended = runtime.block_on(run(settings, devices?, cores));
    #[cfg(feature = "otlp")]
    if let Some(spans) = spans {
        spans.flush();
    }
    // The device may still be running a batch that nobody waits for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    ended.map(|()| ExitCode::SUCCESS)
}

/// Says how everything stands; 0 when nothing is missing.
async fn doctor(settings: &Settings, devices: anyhow::Result<Devices>) -> anyhow::Result<ExitCode> {
    let first = |devices: Devices| devices.engines.into_iter().next().context("there is no device");
    let engine = devices.and_then(first).map_err(|error| format!("{error:#}"));
    let findings = doctor::examine(settings, &aws::load().await, engine).await;
    for finding in &findings {
        writeln!(stdout(), "{finding}")?;
    }
    let missing = findings.iter().filter(|finding| finding.severity == Severity::Missing).count();
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(settings: &Settings, devices: Devices, cores: usize) -> anyhow::Result<()> {
    let spot = SpotWatch::at(&settings.metadata_url)?;
    let stop = stop_on_signal(spot)?;
    let vitals = Arc::new(Vitals::default());
    if let Some(address) = settings.status_address {
        let server = StatusServer::bind(address).await?;
        info!(address = %server.address()?, "status is answered");
        tokio::spawn(server.run(Arc::clone(&vitals)));
    }
    let config = aws::load().await;
    let registry = open::models(settings, &config).await?;
    if config.region().is_none() {
        bail!("AWS_REGION: found nothing; allowed is a region such as eu-west-1");
    }
    let sqs = aws::sqs(&config);
    let prefix = settings.lanes_url()?;
    let lane = |lane: Lane| {
        let queue = SqsQueue::new(sqs.clone(), lane.queue_url(prefix));
        (lane, Arc::new(queue) as Arc<dyn Queue>)
    };
    let lanes: Lanes = settings.lanes.lanes().map(lane).collect::<BTreeMap<_, _>>();
    let bounds = open::bounds(settings, &registry, cores);
    let models: Vec<String> = registry.manifests().map(forebay_backend::model::Manifest::id).collect();
    let device_names: Vec<String> = devices.engines.iter().map(|engine| engine.device()).collect();
    info!(worker = bounds.worker, devices = ?device_names, ?models, ?bounds, "starting");
    let parts = Parts {
        lanes,
        store: Arc::new(S3Store::new(aws::s3(&config), &settings.bucket)),
        edge: open::edge(settings, &config).await?,
        registry: Arc::new(registry),
        devices,
        load: Arc::new(DeviceLoad::default()),
        vitals,
    };
    Ok(pipeline::run(parts, bounds, stop).await?)
}

/// SIGTERM, Ctrl-C and a Spot interruption notice all drain.
fn stop_on_signal(spot: Option<SpotWatch>) -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};

    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        let notice = async {
            match &spot {
                Some(spot) => spot.notice().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM"),
            _ = interrupt.recv() => info!("SIGINT"),
            notice = notice => info!(action = notice.action, time = notice.time, "Spot interruption notice"),
        }
        stopping.cancel();
    });
    Ok(stop)
}
