//! The real worker's lives, and the reaper beside the queues.

use std::{
    path::Path,
    rc::Rc,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use forebay_backend::{
    DeviceLoad,
    batch::LaneWeights,
    edge::Edge,
    engine::Devices,
    model::{Manifest, Registry},
    pipeline::{self, Bounds, Executor, Parts, PipelineError},
    queue::{Lanes, MAX_RECEIVES, Queue},
    reaper::{DeadLetter, Reaper},
    store::Store,
};
use forebay_contract::{JobMessage, Lane};
use tokio::{
    runtime::Builder,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    native::{Chance, START_MS, since_start_ms},
    parts::FrailEngine,
    run::World,
    scenario::MODELS,
    trouble::Fault,
};

/// A worker that is told to stop ends within so long.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// Opened once for all simulations, on threads of their own: reading files is no part of what is simulated.
static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| {
    let mut registry = Registry::default();
    for (name, max_items) in MODELS {
        let text = MODEL.replace("NAME", name).replace("MAX_ITEMS", &max_items.to_string());
        let file = format!("models/{name}/1/model.toml");
        registry.insert(Manifest::parse(Path::new(&file), &text).unwrap());
    }
    let open = async {
        for (name, _) in MODELS {
            registry.open(&format!("{name}@1")).await.unwrap().unwrap();
        }
    };
    Builder::new_current_thread().build().unwrap().block_on(open);
    Arc::new(registry)
});

const MODEL: &str = r#"
[model]
name = "NAME"
version = "1"
task = "tensor"
title = "Doubles two numbers"
licence = "Apache-2.0"
work = "light"
cost_ms = 1.0
input = { kind = "tensor", max_bytes = 1000 }
[tensor]
shape = [2]
[batch]
max_items = MAX_ITEMS
max_wait_ms = 5
"#;

/// What all simulations share is made now.
pub(crate) fn prepare() {
    LazyLock::force(&REGISTRY);
}

impl World {
    /// The reaper ends the jobs of dead letters, as it does beside the real queues.
    pub(crate) async fn reap(self: Rc<Self>, unreadable: Rc<AtomicU64>) {
        let mut reaped = vec![0; self.far_queues.len()];
        loop {
            sleep(Duration::from_secs(5)).await;
            for ((lane, queue), reaped) in self.far_queues.iter().zip(&mut reaped) {
                let dead = queue.inner.dead_letters();
                let letters: Vec<DeadLetter> = dead
                    .iter()
                    .skip(*reaped)
                    .enumerate()
                    .map(|(number, body)| {
                        match JobMessage::from_json(body) {
                            Ok(message) => self.cloud.judge.died(message.job_id),
                            Err(_) => drop(unreadable.fetch_add(1, Ordering::Relaxed)),
                        }
                        DeadLetter {
                            id: format!("{lane}-{}", *reaped + number),
                            body: body.clone(),
                            receives: MAX_RECEIVES,
                        }
                    })
                    .collect();
                *reaped = dead.len();
                let store = Arc::clone(&self.store.inner) as Arc<dyn Store>;
                let edge = Some(Arc::clone(&self.edge) as Arc<dyn Edge>);
                let _: Vec<String> = Reaper { store, edge, name: "reaper".to_owned() }.reap(&letters).await;
            }
        }
    }

    /// One place for a worker: while there is trouble, one life after the other.
    pub(crate) async fn worker_lives(self: Rc<Self>, place: u64) {
        let (scenario, judge) = (self.scenario(), &self.cloud.judge);
        let mut chance = Chance::new(scenario.seed, &format!("lives {place}"));
        for life in 0.. {
            let name = format!("worker {place}.{life}");
            let stop = CancellationToken::new();
            let lacks = scenario.troubles.strikes(Fault::ModelsMissing);
            if lacks {
                judge.note(format!("{name} has no models"));
            }
            let mut running = Box::pin(self.worker(&name, lacks, stop.clone()));
            // It goes on to the end, unless something strikes.
            loop {
                tokio::select! {
                    biased;
                    ended = &mut running => {
                        let lost = matches!(ended, Err(PipelineError::DeviceLost));
                        judge.judge_worker(lost, || format!("{name} ended by itself: {ended:?}"));
                        judge.a_run_never_ended(format!("{name} lost its device"));
                        break;
                    }
                    () = sleep(chance.ms(20, scenario.longest_life_ms)) => {}
                }
                if scenario.troubles.strikes(Fault::WorkerCrashes) {
                    judge.a_run_never_ended(format!("{name} crashes"));
                    drop(running);
                    break;
                }
                // Whoever rolls it out starts it anew, with files or without, and again when they are there.
                let mended = lacks && scenario.troubles.is_calm();
                let rolled = !lacks && scenario.troubles.is_about(Fault::ModelsMissing);
                if mended || rolled || scenario.troubles.strikes(Fault::WorkerStops) {
                    judge.worker_is_gone(format!("{name} is told to stop"));
                    stop.cancel();
                    let ended = timeout(STOPS_WITHIN, running).await;
                    let lost = matches!(ended, Ok(Err(PipelineError::DeviceLost)));
                    if lost {
                        judge.a_run_never_ended(format!("{name} lost its device meanwhile"));
                    }
                    let so = lost || matches!(ended, Ok(Ok(())));
                    judge.judge_worker(so, || format!("{name} was told to stop: {ended:?}"));
                    break;
                }
            }
            sleep(chance.ms(0, 1_000)).await;
        }
    }

    fn worker(
        &self,
        name: &str,
        lacks: bool,
        stop: CancellationToken,
    ) -> impl Future<Output = Result<(), PipelineError>> {
        let scenario = self.scenario();
        let lanes: Lanes =
            self.far_queues.iter().map(|(lane, queue)| (*lane, Arc::clone(queue) as Arc<dyn Queue>)).collect();
        let parts = Parts {
            lanes,
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            edge: Some(Arc::clone(&self.edge) as Arc<dyn Edge>),
            registry: if lacks { Arc::default() } else { Arc::clone(&REGISTRY) },
            devices: Devices::one(FrailEngine::new(scenario)),
            vitals: Arc::default(),
            load: Arc::new(DeviceLoad::default()),
        };
        let visibility = Duration::from_millis(scenario.lease_ms);
        let bounds = Bounds {
            worker: name.to_owned(),
            weights: LaneWeights::new(Lane::SHIPPED.into_iter().zip([8, 4, 2, 1])),
            visibility,
            prefetch: scenario.prefetch,
            cpu_threads: 1,
            decoded_bytes: 1 << 30,
        };
        let chance = Mutex::new(Chance::new(scenario.seed, &format!("pace {name}")));
        let slowest = scenario.slowest_batch_ms;
        let batch_time = Box::new(move |_rows| chance.lock().unwrap().ms(1, slowest));
        let wall_ms = Arc::new(|| START_MS + since_start_ms());
        pipeline::run_by(Executor::Runtime { batch_time, wall_ms }, parts, bounds, stop)
    }
}
