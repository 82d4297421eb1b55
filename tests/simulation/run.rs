//! One simulation from its first submission to its verdict.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use forebay_account::{Call, Listed, Listing, WebhookAnswer, WebhookCall, platform::Rows};
use forebay_admission::webhook::Action;
use forebay_backend::{
    queue::{Disorder, MemoryQueue, MemoryQueueSettings},
    store::{MemoryStore, NewObject, Store as _},
};
use forebay_contract::Lane;
use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_local},
    time::sleep,
};

use crate::{
    client::Acting,
    cloud::{self, Cloud},
    isolate::Isolates,
    judge::{Ended, Judge, Verdict},
    native::{self, Chance, since_start_ms},
    parts::{FarEdge, FarQueue, FarStore, Posted, Way},
    scenario::{STORED, Scenario},
    trouble::Fault,
};

/// When all is well again, everything ends within so long: the longest that a silent job is not asked about, twice.
const ALL_ENDS_WITHIN_MS: u64 = 3_900_000;
/// Webhooks that failed are tried again within so long, by the schedule of Standard Webhooks.
const ALL_TOLD_WITHIN_MS: u64 = 80 * 3_600_000;

/// Runs the seed on this thread, in whose simulated time it is.
pub(crate) async fn simulate(scenario: Scenario) -> (Verdict, Rc<Cloud>) {
    let world = Rc::new(World::new(&Arc::new(scenario)));
    world.live().await;
    let verdict = world.cloud.judge.verdict();
    (verdict, world.cloud.clone())
}

pub(crate) struct World {
    pub(crate) cloud: Rc<Cloud>,
    pub(crate) isolates: Rc<Isolates>,
    pub(crate) far_queues: Vec<(Lane, Arc<FarQueue>)>,
    pub(crate) store: Arc<FarStore>,
    pub(crate) edge: Arc<FarEdge>,
}

impl World {
    fn new(scenario: &Arc<Scenario>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let judge = Arc::new(Judge::new(Arc::clone(scenario), Arc::clone(&store)));
        let queues = cloud::queues(|lane| {
            let mut chance = Chance::new(scenario.seed, &format!("disorder {lane}"));
            let doubles = if scenario.troubles.has(Fault::MessageDoubled) { 50 } else { 0 };
            MemoryQueue::disorderly(MemoryQueueSettings::default(), Disorder::new(move || chance.next(), doubles))
        });
        let far = |(lane, queue): (&Lane, &Arc<MemoryQueue>)| {
            let (inner, judge) = (Arc::clone(queue), Arc::clone(&judge));
            let way = Way::new(scenario, &format!("queue {lane}"));
            (*lane, Arc::new(FarQueue { inner, way, judge, bodies: Arc::default() }))
        };
        let far_queues = queues.iter().map(far).collect();
        let cloud = Cloud::new(Arc::clone(scenario), Arc::clone(&judge), queues, Arc::clone(&store));
        let isolates = Isolates::new(cloud.clone());
        let (edge, reports) = mpsc::unbounded_channel();
        spawn_local(take_reports(isolates.clone(), reports));
        Self {
            isolates,
            far_queues,
            store: Arc::new(FarStore { inner: store, way: Way::new(scenario, "store") }),
            edge: Arc::new(FarEdge { edge, way: Way::new(scenario, "edge"), judge }),
            cloud,
        }
    }

    pub(crate) fn scenario(&self) -> &Arc<Scenario> {
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

    pub(crate) async fn until(&self, at_ms: u64) {
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
