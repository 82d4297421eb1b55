//! One simulation from its first submission to its verdict.

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
    edge::Edge,
    engine::Devices,
    model::{Manifest, Registry},
    pipeline::{self, Bounds, Hands, Parts},
    queue::{Disorder, Lanes, MemoryQueue, MemoryQueueSettings, Queue},
    reaper::{DeadLetter, Reaper},
    store::{MemoryStore, NewObject, Store},
};
use forebay_contract::{JobMessage, Lane};
use forebay_edge::inside::{Call, Listed, Listing, Rows, WebhookAnswer, WebhookCall, webhook::Action};
use tokio::{
    runtime::Builder,
    sync::mpsc,
    task::{JoinSet, spawn_local},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Acting,
    cloud::{self, Cloud, short},
    isolate::Isolates,
    judge::{Ended, Judge, Verdict},
    native::{self, Chance, Death, START_MS, since_start_ms},
    parts::{FarEdge, FarQueue, FarStore, FrailEngine, Posted, Way},
    scenario::{MODELS, Poison, STORED, Scenario},
    trouble::Fault,
};

/// When all is well again, everything ends within so long: the longest that a silent job is not asked about, twice.
const ALL_ENDS_WITHIN_MS: u64 = 3_900_000;
/// Webhooks that failed are tried again within so long, by the schedule of Standard Webhooks.
const ALL_TOLD_WITHIN_MS: u64 = 80 * 3_600_000;
/// A worker that is told to stop ends within so long.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// How often a message is delivered before it is dead.
const MAX_RECEIVES: u32 = 5;

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

/// Runs the seed on this thread, in whose simulated time it is.
pub(crate) async fn simulate(scenario: Scenario) -> (Verdict, Rc<Cloud>) {
    let world = Rc::new(World::new(Arc::new(scenario)));
    world.live().await;
    let verdict = world.cloud.judge.verdict();
    (verdict, world.cloud.clone())
}

struct World {
    cloud: Rc<Cloud>,
    isolates: Rc<Isolates>,
    far_queues: Vec<(Lane, Arc<FarQueue>)>,
    store: Arc<FarStore>,
    edge: Arc<FarEdge>,
}

impl World {
    fn new(scenario: Arc<Scenario>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let judge = Arc::new(Judge::new(Arc::clone(&scenario), Arc::clone(&store)));
        let queues = cloud::queues(|lane| {
            let mut chance = Chance::new(scenario.seed, &format!("disorder {lane}"));
            let doubles = if scenario.troubles.has(Fault::MessageDoubled) { 50 } else { 0 };
            MemoryQueue::disorderly(
                MemoryQueueSettings { max_receives: MAX_RECEIVES },
                Disorder::new(move || chance.next(), doubles),
            )
        });
        let far = |(lane, queue): (&Lane, &Arc<MemoryQueue>)| {
            let (inner, judge) = (Arc::clone(queue), Arc::clone(&judge));
            let way = Way::new(&scenario, &format!("queue {lane}"));
            (*lane, Arc::new(FarQueue { inner, way, judge, bodies: Arc::default() }))
        };
        let far_queues = queues.iter().map(far).collect();
        let cloud = Cloud::new(Arc::clone(&scenario), Arc::clone(&judge), queues, Arc::clone(&store));
        let isolates = Isolates::new(cloud.clone());
        let (edge, reports) = mpsc::unbounded_channel();
        spawn_local(take_reports(isolates.clone(), reports));
        Self {
            isolates,
            far_queues,
            store: Arc::new(FarStore { inner: store, way: Way::new(&scenario, "store") }),
            edge: Arc::new(FarEdge { edge, way: Way::new(&scenario, "edge"), judge }),
            cloud,
        }
    }

    fn scenario(&self) -> &Arc<Scenario> {
        &self.cloud.scenario
    }

    async fn live(self: &Rc<Self>) {
        for episode in &self.scenario().troubles.episodes {
            self.cloud.judge.note(format!("in this seed: {episode:?}"));
        }
        let mut lives = JoinSet::new();
        for number in 0..self.scenario().workers {
            lives.spawn_local(Rc::clone(self).worker_lives(number));
        }
        let (key, body) = STORED;
        self.store.inner.put_if_absent(key, NewObject::new(body, "application/json")).await.expect("it is stored");
        let reaped = Rc::<AtomicU64>::default();
        lives.spawn_local(Rc::clone(self).reap(reaped.clone()));
        let mut actors = JoinSet::new();
        for (account, _) in self.scenario().accounts.iter().enumerate().filter(|(_, account)| account.has_webhook) {
            actors.spawn_local(Rc::clone(self).makes_webhook(account));
        }
        for poison in self.scenario().poison.clone() {
            actors.spawn_local(Rc::clone(self).poisons(poison));
        }
        for client in self.scenario().clients.clone() {
            actors.spawn_local(Acting { isolates: self.isolates.clone(), client }.act());
        }
        lives.spawn_local(Rc::clone(self).moves());
        lives.spawn_local(Rc::clone(self).deploys());
        lives.spawn_local(Rc::clone(self).fills_up());
        self.until(self.scenario().troubles.last_ms).await;
        self.scenario().troubles.calm();
        self.cloud.accounts().iter().for_each(|account| account.disk.limit_bytes(None));
        self.cloud.objects().iter().for_each(|object| object.spare());
        self.cloud.judge.note("all is well from now on");
        let last_ms = since_start_ms();
        while actors.join_next().await.is_some() {}
        self.wait(last_ms + ALL_ENDS_WITHIN_MS, 5_000, "unended", || self.unended()).await;
        let poisoned = self.scenario().poison.len() as u64;
        let alive = || poisoned.saturating_sub(reaped.load(Ordering::Relaxed));
        self.wait(since_start_ms() + 600_000, 5_000, "alive and no job's", alive).await;
        lives.shutdown().await;
        if self.unended() == 0 {
            self.wait(last_ms + ALL_TOLD_WITHIN_MS, 60_000, "untold", || self.untold()).await;
        }
        self.cloud.judge.poison_is_kept(reaped.load(Ordering::Relaxed));
        let accounts = self.accounts_in_the_end().await;
        self.cloud.judge.all_ended(&accounts).await;
    }

    async fn until(&self, at_ms: u64) {
        sleep(Duration::from_millis(at_ms.saturating_sub(since_start_ms()))).await;
    }

    /// Waits until there are none.
    async fn wait(&self, until_ms: u64, step_ms: u64, what: &str, count: impl Fn() -> u64) {
        while count() > 0 {
            if since_start_ms() > until_ms {
                return self.cloud.judge.note(format!("{} are {what} in the end", count()));
            }
            sleep(Duration::from_millis(step_ms)).await;
        }
    }

    fn unended(&self) -> u64 {
        self.count("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')")
    }

    fn untold(&self) -> u64 {
        self.count("SELECT count(*) FROM deliveries WHERE next_ms IS NOT NULL")
    }

    fn count(&self, statement: &str) -> u64 {
        let number = |text: String| text.trim_matches(['[', ']']).parse::<u64>().unwrap_or(0);
        // One that was never opened has no tables.
        let asked = |account: Rc<native::Object>| account.disk.sql(statement, Vec::new(), Rows::Plain).ok();
        self.cloud.accounts().into_iter().filter_map(asked).map(number).sum()
    }

    async fn accounts_in_the_end(&self) -> Vec<Ended> {
        let mut accounts = Vec::new();
        for (account, object) in self.cloud.accounts().into_iter().enumerate() {
            let listing = Listing { state: None, model: None, before: None, limit: 1_000 };
            let listed: Listed = say(&object, &Call::List(listing)).await;
            let days = Call::Usage { from: "2000-01-01".to_owned(), to: "2100-01-01".to_owned() };
            let usage = say(&object, &days).await;
            accounts.push(Ended { account, object, jobs: listed.jobs, usage });
        }
        accounts
    }

    async fn makes_webhook(self: Rc<Self>, account: usize) {
        let body = serde_json::json!({ "url": format!("https://hooks.example/{account}") });
        let text = format!("https://forebay.example\n{body}");
        let call = WebhookCall { action: Action::Create, id: String::new(), text };
        let Ok(call) = serde_json::to_string(&Call::Webhooks(call)) else { return };
        for _ in 0..20 {
            let answer = self.isolates.ask(account, format!("{call}\n")).await;
            if matches!(answer.map(|text| WebhookAnswer::read(&text)), Ok(Some(WebhookAnswer::Done { .. }))) {
                return self.cloud.judge.webhook_is_there(account);
            }
            sleep(Duration::from_millis(2_000)).await;
        }
    }

    async fn poisons(self: Rc<Self>, poison: Poison) {
        sleep(Duration::from_millis(poison.at_ms)).await;
        self.cloud.judge.note(format!("{:?} comes into {}", poison.text, poison.lane));
        self.cloud.queues[&poison.lane].send(poison.text);
    }

    /// Objects are moved, crash and sleep while there is trouble.
    async fn moves(self: Rc<Self>) {
        let mut chance = Chance::new(self.scenario().seed, "moves");
        loop {
            sleep(chance.ms(50, 1_500)).await;
            let objects = self.cloud.objects();
            let object = objects[chance.below(objects.len() as u64) as usize].clone();
            let troubles = &self.scenario().troubles;
            if object.turns().is_none() {
                continue;
            }
            if troubles.strikes(Fault::Moved) || troubles.is_about(Fault::ClockOff) {
                self.cloud.judge.note(format!("{} is moved", short(object.name())));
                object.kill();
                self.cloud.move_clock(&object);
            } else if troubles.is_about(Fault::DiesBeforeCommit) && chance.per_mille(500) {
                object.doom(chance.between(1, 6), Death::BeforeCommit);
            } else if troubles.is_about(Fault::DiesAfterCommit) && chance.per_mille(500) {
                object.doom(chance.between(1, 6), Death::AfterCommit);
            }
        }
    }

    /// A deployment with a broken setting, and the one that mends it: each starts every program anew.
    async fn deploys(self: Rc<Self>) {
        for episode in &self.scenario().troubles.episodes {
            if episode.fault == Fault::BrokenSetting {
                for at_ms in [episode.from_ms, episode.to_ms] {
                    self.until(at_ms).await;
                    self.cloud.judge.note(format!("a deployment, at {at_ms}"));
                    self.cloud.objects().iter().for_each(|object| object.kill());
                    self.isolates.restart();
                }
            }
        }
    }

    /// Objects that can store nothing more for a while.
    async fn fills_up(self: Rc<Self>) {
        for episode in &self.scenario().troubles.episodes {
            if episode.fault == Fault::Full {
                self.until(episode.from_ms).await;
                // A new one is not full.
                let is_old = |account: &Rc<native::Object>| {
                    account.disk.sql("SELECT count(*) FROM jobs", Vec::new(), Rows::Plain).is_ok()
                };
                for account in self.cloud.accounts().into_iter().filter(is_old) {
                    self.cloud.judge.note(format!("{} is full", short(account.name())));
                    self.scenario().troubles.count(Fault::Full);
                    account.disk.limit_bytes(Some(1));
                }
                self.until(episode.to_ms).await;
                self.cloud.accounts().iter().for_each(|account| account.disk.limit_bytes(None));
            }
        }
    }

    /// The reaper ends the jobs of dead letters, as it does beside the real queues.
    async fn reap(self: Rc<Self>, unreadable: Rc<AtomicU64>) {
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
    async fn worker_lives(self: Rc<Self>, place: u64) {
        let (scenario, judge) = (self.scenario(), &self.cloud.judge);
        let mut chance = Chance::new(scenario.seed, &format!("lives {place}"));
        for life in 0.. {
            let name = format!("worker {place}.{life}");
            let stop = CancellationToken::new();
            let mut running = Box::pin(self.worker(&name, stop.clone()));
            // It goes on to the end, unless something strikes.
            loop {
                tokio::select! {
                    biased;
                    ended = &mut running => {
                        return judge.judge_worker(false, || format!("{name} ended by itself: {ended:?}"));
                    }
                    () = sleep(chance.ms(20, scenario.longest_life_ms)) => {}
                }
                if scenario.troubles.strikes(Fault::WorkerCrashes) {
                    judge.note(format!("{name} crashes"));
                    drop(running);
                    break;
                }
                if scenario.troubles.strikes(Fault::WorkerStops) {
                    judge.note(format!("{name} is told to stop"));
                    stop.cancel();
                    let ended = timeout(STOPS_WITHIN, running).await;
                    judge.judge_worker(matches!(ended, Ok(Ok(()))), || format!("{name} was told to stop: {ended:?}"));
                    break;
                }
            }
            sleep(chance.ms(0, 1_000)).await;
        }
    }

    fn worker(&self, name: &str, stop: CancellationToken) -> impl Future<Output = Result<(), pipeline::PipelineError>> {
        let scenario = self.scenario();
        let lanes: Lanes =
            self.far_queues.iter().map(|(lane, queue)| (*lane, Arc::clone(queue) as Arc<dyn Queue>)).collect();
        let parts = Parts {
            lanes,
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            edge: Some(Arc::clone(&self.edge) as Arc<dyn Edge>),
            registry: Arc::clone(&REGISTRY),
            devices: Devices::one(FrailEngine(Arc::clone(scenario))),
            vitals: Arc::default(),
            load: Arc::new(DeviceLoad::default()),
        };
        let lease = Duration::from_millis(scenario.lease_ms);
        let bounds = Bounds { worker: name.to_owned(), lease, prefetch: scenario.prefetch, cpu_threads: 1 };
        let chance = Mutex::new(Chance::new(scenario.seed, &format!("pace {name}")));
        let slowest = scenario.slowest_batch_ms;
        let pace = Box::new(move |_rows| chance.lock().unwrap().ms(1, slowest));
        let wall_ms = Arc::new(|| START_MS + since_start_ms());
        pipeline::run_by(Hands::Runtime { pace, wall_ms }, parts, bounds, stop)
    }
}

async fn take_reports(isolates: Rc<Isolates>, mut reports: mpsc::UnboundedReceiver<Posted>) {
    while let Some((report, answer)) = reports.recv().await {
        let isolates = isolates.clone();
        spawn_local(async move {
            // Who posted it may be gone.
            let _: Result<(), _> = answer.send(isolates.report(report).await).map_err(drop);
        });
    }
}

/// Asks an object itself.
async fn say<Answer: serde::de::DeserializeOwned>(object: &Rc<native::Object>, call: &Call) -> Answer {
    let call = serde_json::to_string(call).expect("a call is JSON");
    let answer = object.ask(&call).await.expect("an object answers when all is well");
    serde_json::from_str(&answer).expect("an answer can be read")
}
