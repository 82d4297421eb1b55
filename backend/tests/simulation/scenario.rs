//! What one seed means: which jobs come and when, how bad the world is, and how long workers live. Pure.

use std::time::Duration;

use forebay_contract::{
    Digest, FailureCode, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, Parameters, ShardKey,
};
use sha2::Digest as _;

use crate::chance::Chance;

/// Two lanes, so that one may stand still beside the other.
pub(crate) const LANES: [Lane; 2] = [Lane::PaidLight, Lane::FreeLight];

/// The models that workers have.
pub(crate) const MODELS: [(&str, u64); 2] = [("doubler", 8), ("small", 3)];

/// The time of day at which a simulation starts.
pub(crate) const START_MS: u64 = 1_800_000_000_000;

pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) messages: Vec<Sent>,
    pub(crate) cancellations: Vec<(Duration, usize)>,
    pub(crate) troubles: Troubles,
    /// How many workers live at once.
    pub(crate) workers: u64,
    pub(crate) lease: Duration,
    /// The most messages of one lane that a worker holds.
    pub(crate) prefetch: usize,
    /// How often a message is delivered before it is dead.
    pub(crate) max_receives: u32,
}

/// One message of a lane.
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) lane: Lane,
    pub(crate) body: String,
    /// `None` when no job can be read from it.
    pub(crate) job: Option<JobMessage>,
    pub(crate) fate: Fate,
}

/// How a job ends where nothing but the world goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    Result(String),
    Failure(FailureCode),
    /// Among the dead letters.
    Unreadable,
}

/// How bad the world is; shares are of a thousand calls.
#[derive(Debug, Clone)]
pub(crate) struct Troubles {
    /// Afterwards all is well.
    pub(crate) last: Duration,
    pub(crate) queue: Calls,
    pub(crate) store: Calls,
    pub(crate) edge: Calls,
    /// Deliveries that leave their message visible.
    pub(crate) doubles: u64,
    /// Batches for which the device has too little memory.
    pub(crate) out_of_memory: u64,
    /// Loads of a model that fail.
    pub(crate) unloadable: u64,
    /// The longest that a batch keeps the device.
    pub(crate) slowest_batch_ms: u64,
    /// The longest that a worker lives.
    pub(crate) longest_life_ms: u64,
    /// Ends of workers that are crashes; the others are told to stop.
    pub(crate) crashes: u64,
}

/// What befalls calls to one part of the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// Fail without any effect.
    pub(crate) fail: u64,
    /// Have their effect, and then the answer is lost.
    pub(crate) lose_answer: u64,
    /// Take up to the longest time.
    pub(crate) slow: u64,
    pub(crate) slowest_ms: u64,
}

impl Calls {
    pub(crate) const WELL: Self = Self { fail: 0, lose_answer: 0, slow: 0, slowest_ms: 0 };

    fn draw(chance: &mut Chance) -> Self {
        Self {
            fail: chance.one_of(&[0, 0, 50, 200, 500]),
            lose_answer: chance.one_of(&[0, 0, 30, 150]),
            slow: chance.one_of(&[0, 100, 400]),
            slowest_ms: chance.one_of(&[50, 500, 3_000, 20_000]),
        }
    }
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "scenario");
        let troubles = Troubles {
            last: chance.ms(500, 15_000),
            queue: Calls::draw(&mut chance),
            store: Calls::draw(&mut chance),
            edge: Calls::draw(&mut chance),
            doubles: chance.one_of(&[0, 0, 20, 150]),
            out_of_memory: chance.one_of(&[0, 0, 0, 100]),
            unloadable: chance.one_of(&[0, 0, 0, 300]),
            slowest_batch_ms: chance.one_of(&[5, 100, 2_000]),
            longest_life_ms: chance.one_of(&[300, 2_000, 8_000, 60_000]),
            crashes: chance.one_of(&[0, 500, 1000]),
        };
        let messages = messages(&mut chance, troubles.last);
        let cancellations = (0..chance.below(5))
            .map(|_| (chance.ms(0, troubles.last.as_millis() as u64), chance.below(messages.len() as u64) as usize))
            .collect();
        Self {
            seed,
            messages,
            cancellations,
            troubles,
            workers: chance.one_of(&[1, 1, 2]),
            lease: Duration::from_secs(chance.one_of(&[1, 3, 9])),
            prefetch: chance.one_of(&[2, 10, 64]),
            max_receives: chance.one_of(&[3, 5, 10]),
        }
    }
}

fn messages(chance: &mut Chance, last: Duration) -> Vec<Sent> {
    // Mostly few: what goes wrong at all goes wrong between a few, and more of such worlds fit into a test's time.
    let most = chance.one_of(&[6, 6, 12, 40]);
    let count = chance.between(3, most);
    let mut messages: Vec<Sent> = Vec::new();
    for number in 0..count {
        let at = chance.ms(0, last.as_millis() as u64);
        let lane = chance.one_of(&LANES);
        let earlier = (!messages.is_empty()).then(|| chance.below(messages.len() as u64) as usize);
        let message = match (chance.below(100), earlier) {
            // The edge's outbox sends again what it heard no answer for.
            (0..8, Some(earlier)) => Sent { at, ..messages[earlier].again() },
            // The same question of another job.
            (8..18, Some(earlier)) if messages[earlier].job.is_some() => {
                messages[earlier].asked_again(number, at, lane)
            }
            (18..24, _) => Sent { at, lane, body: unreadable(chance), job: None, fate: Fate::Unreadable },
            (kind, _) => job(number, kind, at, chance).sent(at, lane),
        };
        messages.push(message);
    }
    messages
}

struct Job(JobMessage, Fate);

impl Job {
    fn sent(self, at: Duration, lane: Lane) -> Sent {
        Sent { at, lane, body: self.0.to_json().unwrap(), job: Some(self.0), fate: self.1 }
    }
}

impl Sent {
    fn again(&self) -> Self {
        Self { at: self.at, lane: self.lane, body: self.body.clone(), job: self.job.clone(), fate: self.fate.clone() }
    }

    fn asked_again(&self, number: u64, at: Duration, lane: Lane) -> Self {
        let mut job = self.job.clone().unwrap();
        job.job_id = id(number);
        Job(job, self.fate.clone()).sent(at, lane)
    }
}

fn id(number: u64) -> JobId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    JobId::new(START_MS, random, ShardKey::new("acme", 0))
}

/// Where the inputs lie that are not in their messages.
pub(crate) const STORED: (&str, &[u8]) = ("inputs/there", b"[40, 2]");

fn job(number: u64, kind: u64, at: Duration, chance: &mut Chance) -> Job {
    let (model, _) = chance.one_of(&MODELS);
    let failed = Fate::Failure;
    let (text, fate) = match kind {
        24..30 => (format!("[-666, {number}]"), failed(FailureCode::ExecutionFailed)),
        30..34 => (format!("[-777, {number}]"), failed(FailureCode::OutputInvalid)),
        34..38 => (format!("[1, 2, {number}]"), failed(FailureCode::TensorShape)),
        38..40 => ("{".to_owned(), failed(FailureCode::TensorType)),
        _ => (format!("[{number}, 1]"), Fate::Result(format!("{{\"output\":[{}.0,2.0]}}", number * 2))),
    };
    let input = Input { media_type: MediaType::Json, bytes: text.into_bytes() };
    let mut message = JobMessage {
        job_id: id(number),
        account: format!("account-{}", chance.below(3)),
        model: model.to_owned(),
        version: "1".to_owned(),
        parameters: Parameters::new(),
        digest: Digest::new(Namespace::Account("acme"), model, "1", &Parameters::new(), &input),
        input: InputRef::Inline { media_type: MediaType::Json, data: input.bytes },
        cost_ms: 1.0,
        accepted_ms: START_MS,
        deadline_ms: chance.per_mille(200).then(|| START_MS + at.as_millis() as u64 + chance.between(10, 8_000)),
        traceparent: None,
    };
    let fate = match kind {
        40..43 => {
            message.version = "9".to_owned();
            failed(FailureCode::ModelUnavailable)
        }
        43..46 => {
            message.input = InputRef::Inline { media_type: MediaType::Png, data: vec![1] };
            failed(FailureCode::InputMismatch)
        }
        46..60 => {
            let (key, body) = if kind < 50 { ("inputs/gone", STORED.1) } else { STORED };
            let sha256 = hex::encode(sha2::Sha256::digest(body));
            let bytes = body.len() as u64;
            message.input = InputRef::Stored { media_type: MediaType::Json, key: key.to_owned(), bytes, sha256 };
            if kind < 50 {
                failed(FailureCode::InputMissing)
            } else {
                Fate::Result("{\"output\":[80.0,4.0]}".to_owned())
            }
        }
        _ => fate,
    };
    Job(message, fate)
}

fn unreadable(chance: &mut Chance) -> String {
    let number = chance.next();
    chance.one_of(&["no job", "{\"v\":\"forebay.job.v9\"}", "{\"v\":\"forebay.job.v1\"}", "[]"]).to_owned()
        + &" ".repeat((number % 5) as usize)
}
