//! One simulation from its first message to its verdict.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use forebay_backend::{
    DeviceLoad,
    edge::Edge,
    engine::Devices,
    model::{Manifest, Registry},
    pipeline::{self, Bounds, Hands, Parts},
    queue::{Disorder, Lanes, MemoryQueue, MemoryQueueSettings, Queue},
    store::{MemoryStore, NewObject, Store},
};
use forebay_contract::JobId;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    chance::Chance,
    judge::{Judge, Verdict},
    parts::{FarEdge, FarQueue, FarStore, FrailEngine},
    scenario::{LANES, MODELS, START_MS, STORED, Scenario},
    weather::Weather,
};

/// When all is well again, everything ends within so long: dead letters are received at most ten times first.
const ALL_ENDS_WITHIN: Duration = Duration::from_secs(300);
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

/// One thread, and a clock that moves when everybody waits.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Runs the seed on this thread.
pub(crate) fn simulate(seed: u64) -> Verdict {
    runtime().block_on(async {
        let world = World::new(Arc::new(Scenario::of(seed))).await;
        world.live().await;
        world.judge.verdict()
    })
}

struct World {
    scenario: Arc<Scenario>,
    queues: Vec<Arc<MemoryQueue>>,
    far_queues: Vec<Arc<FarQueue>>,
    store: Arc<FarStore>,
    edge: Arc<FarEdge>,
    judge: Arc<Judge>,
    calm: Arc<AtomicBool>,
    started: Instant,
}

impl World {
    async fn new(scenario: Arc<Scenario>) -> Arc<Self> {
        let (seed, troubles) = (scenario.seed, &scenario.troubles);
        let calm = Arc::new(AtomicBool::new(false));
        let weather = |calls, part: &str| Weather::new(calls, Chance::new(seed, part), Arc::clone(&calm));
        let inner = Arc::new(MemoryStore::default());
        let (key, body) = STORED;
        inner.put_if_absent(key, NewObject::new(body, "application/json")).await.unwrap();
        let judge = Arc::new(Judge::new(Arc::clone(&scenario), Arc::clone(&inner)));
        let queues: Vec<Arc<MemoryQueue>> = LANES
            .iter()
            .map(|lane| {
                let mut chance = Chance::new(seed, &format!("disorder {lane}"));
                let disorder = Disorder::new(move || chance.next(), troubles.doubles);
                let settings = MemoryQueueSettings { max_receives: scenario.max_receives };
                Arc::new(MemoryQueue::disorderly(settings, disorder))
            })
            .collect();
        let far = |(lane, queue): (_, &Arc<MemoryQueue>)| {
            Arc::new(FarQueue {
                inner: Arc::clone(queue),
                weather: weather(troubles.queue, &format!("queue {lane}")),
                judge: Arc::clone(&judge),
                bodies: Arc::default(),
            })
        };
        Arc::new(Self {
            far_queues: LANES.iter().zip(&queues).map(far).collect(),
            queues,
            store: Arc::new(FarStore { inner, weather: weather(troubles.store, "store"), judge: Arc::clone(&judge) }),
            edge: Arc::new(FarEdge {
                canceled: Arc::new(Mutex::new(BTreeSet::<JobId>::new())),
                weather: weather(troubles.edge, "edge"),
                judge: Arc::clone(&judge),
            }),
            judge,
            calm,
            started: Instant::now(),
            scenario,
        })
    }

    async fn live(self: &Arc<Self>) {
        let calm_at = self.started + self.scenario.troubles.last;
        let mut lives = JoinSet::new();
        lives.spawn(Arc::clone(self).cancel());
        for number in 0..self.scenario.workers {
            lives.spawn(Arc::clone(self).lives(number, calm_at));
        }
        // The last message may come in the very last moment.
        tokio::join!(sleep_until(calm_at), Arc::clone(self).send());
        self.calm.store(true, Ordering::Relaxed);
        self.judge.note("all is well from now on");
        let ended = timeout(ALL_ENDS_WITHIN, async {
            while !self.queues.iter().all(|queue| queue.is_empty()) {
                sleep(Duration::from_millis(250)).await;
            }
        });
        if ended.await.is_err() {
            let left: Vec<usize> = self.queues.iter().map(|queue| queue.len()).collect();
            self.judge.violation(format!("{left:?} messages are left in the lanes"));
        }
        lives.shutdown().await;
        self.judge.all_ended(self.queues.iter().flat_map(|queue| queue.dead_letters()).collect()).await;
    }

    async fn send(self: Arc<Self>) {
        let mut order: Vec<usize> = (0..self.scenario.messages.len()).collect();
        order.sort_by_key(|number| self.scenario.messages[*number].at);
        for number in order {
            let sent = &self.scenario.messages[number];
            sleep_until(self.started + sent.at).await;
            self.judge.note(format!("{} is sent to {}", self.judge.name(&sent.body), sent.lane));
            let lane = LANES.iter().position(|lane| *lane == sent.lane).unwrap();
            self.queues[lane].send(&sent.body);
        }
    }

    async fn cancel(self: Arc<Self>) {
        let mut cancellations = self.scenario.cancellations.clone();
        cancellations.sort();
        for (at, number) in cancellations {
            sleep_until(self.started + at).await;
            let sent = &self.scenario.messages[number];
            if let Some(job) = &sent.job {
                self.judge.note(format!("{} is canceled", self.judge.name(&sent.body)));
                self.edge.canceled.lock().unwrap().insert(job.job_id);
            }
        }
    }

    /// One place for a worker: while there is trouble, one life after the other.
    async fn lives(self: Arc<Self>, place: u64, calm_at: Instant) {
        let mut chance = Chance::new(self.scenario.seed, &format!("lives {place}"));
        let troubles = &self.scenario.troubles;
        for life in 0.. {
            let name = format!("worker {place}.{life}");
            self.judge.note(format!("{name} starts"));
            let stop = CancellationToken::new();
            let mut running = Box::pin(self.worker(&name, stop.clone()));
            let ends = Instant::now() + chance.ms(20, troubles.longest_life_ms);
            if ends < calm_at {
                tokio::select! {
                    biased;
                    ended = &mut running => self.judge.violation(format!("{name} ended by itself: {ended:?}")),
                    () = sleep_until(ends) => {}
                }
                if chance.per_mille(troubles.crashes) {
                    self.judge.note(format!("{name} crashes"));
                    drop(running);
                } else {
                    self.judge.note(format!("{name} is told to stop"));
                    stop.cancel();
                    match timeout(STOPS_WITHIN, running).await {
                        Ok(Ok(())) => self.judge.note(format!("{name} stopped")),
                        Ok(Err(error)) => self.judge.violation(format!("{name} stopped with {error}")),
                        Err(_) => self.judge.violation(format!("{name} did not stop in time")),
                    }
                }
                sleep(chance.ms(0, 1_000)).await;
            } else {
                let ended = running.await;
                return self.judge.violation(format!("{name} ended by itself: {ended:?}"));
            }
        }
    }

    fn worker(&self, name: &str, stop: CancellationToken) -> impl Future<Output = Result<(), pipeline::PipelineError>> {
        let scenario = &self.scenario;
        let lanes: Lanes = LANES
            .iter()
            .zip(&self.far_queues)
            .map(|(lane, queue)| (*lane, Arc::clone(queue) as Arc<dyn Queue>))
            .collect();
        let engine = FrailEngine {
            troubles: scenario.troubles.clone(),
            chance: Chance::new(scenario.seed, &format!("engine {name}")),
            calm: Arc::clone(&self.calm),
        };
        let parts = Parts {
            lanes,
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            edge: Some(Arc::clone(&self.edge) as Arc<dyn Edge>),
            registry: Arc::clone(&REGISTRY),
            devices: Devices::one(engine),
            vitals: Arc::default(),
            load: Arc::new(DeviceLoad::default()),
        };
        let bounds =
            Bounds { worker: name.to_owned(), lease: scenario.lease, prefetch: scenario.prefetch, cpu_threads: 1 };
        let mut chance = Chance::new(scenario.seed, &format!("pace {name}"));
        let slowest = scenario.troubles.slowest_batch_ms;
        let pace = Box::new(move |_rows| chance.ms(1, slowest));
        let started = self.started;
        let wall_ms = Arc::new(move || START_MS + started.elapsed().as_millis() as u64);
        pipeline::run_by(Hands::Runtime { pace, wall_ms }, parts, bounds, stop)
    }
}
