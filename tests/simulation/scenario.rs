//! What one seed means besides its troubles: who asks for what, when, and what they do then. Pure.

use forebay_contract::{FailureCode, Lane};

use crate::{
    native::Chance,
    trouble::{Fault, Troubles},
};

/// Two lanes, so that one may stand still beside the other.
pub(crate) const LANES: [Lane; 2] = [Lane::PAID_LIGHT, Lane::FREE_LIGHT];

/// The models that workers have, and how many of a batch they take.
pub(crate) const MODELS: [(&str, u64); 2] = [("doubler", 8), ("small", 3)];

pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) clients: Vec<Client>,
    pub(crate) poison: Vec<Poison>,
    pub(crate) troubles: Troubles,
    /// How many workers live at once.
    pub(crate) workers: u64,
    pub(crate) isolates: u64,
    pub(crate) lease_ms: u64,
    /// The most messages of one lane that a worker holds.
    pub(crate) prefetch: usize,
    pub(crate) reconcile_after_ms: u64,
    /// A limit that all accounts share: so many in ten minutes.
    pub(crate) shared_limit: Option<u64>,
    pub(crate) slowest_batch_ms: u64,
    pub(crate) longest_life_ms: u64,
}

/// What queues have that is no job's.
#[derive(Debug, Clone)]
pub(crate) struct Poison {
    pub(crate) at_ms: u64,
    pub(crate) lane: Lane,
    pub(crate) text: String,
}

pub(crate) struct Account {
    pub(crate) name: String,
    /// Whether it is told by a webhook.
    pub(crate) has_webhook: bool,
    /// A limit of its own: so many in ten minutes.
    pub(crate) limit: Option<u64>,
}

/// What a client does.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) at_ms: u64,
    pub(crate) account: usize,
    pub(crate) lane: Lane,
    pub(crate) model: &'static str,
    pub(crate) input: String,
    pub(crate) twist: Twist,
    pub(crate) fate: Fate,
    pub(crate) manner: Manner,
    /// It sends its submission again until it is answered.
    pub(crate) key: Option<String>,
    pub(crate) not_before_ms: Option<u64>,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) wait_ms: u64,
    /// Sends its submission once more, long after it was answered.
    pub(crate) repeats_after_ms: Option<u64>,
    /// Calls its job off so long after it was accepted.
    pub(crate) cancels_after_ms: Option<u64>,
    /// Has its job run again when it failed.
    pub(crate) retries: bool,
    /// It wants no answer of a cache.
    pub(crate) fresh: bool,
}

/// What is odd about a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    /// No worker has the version.
    Version,
    /// The input is of another kind than the model's.
    Media,
    /// The input waits in the bucket.
    Stored,
    /// It should.
    Gone,
}

/// How a client learns what became of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Polls,
    LongPolls,
    Streams,
    Listens,
    /// It never asks.
    Forgets,
}

/// How a job ends where nothing but the world goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    Result(String),
    Failure(FailureCode),
}

impl Scenario {
    pub(crate) fn of(seed: u64, without: &[Fault]) -> Self {
        let mut chance = Chance::new(seed, "scenario");
        let troubles = Troubles::of(seed, &LANES, without);
        let accounts: Vec<Account> = (0..chance.between(1, 3))
            .map(|number| Account {
                name: format!("account-{number}"),
                has_webhook: chance.per_mille(700),
                limit: chance.per_mille(150).then(|| chance.between(2, 4)),
            })
            .collect();
        let count = chance.one_of(&[4, 6, 8, 14, 20]);
        // Most come while something goes wrong, whatever that is.
        let busy_ms = troubles.episodes.iter().map(|episode| episode.to_ms).max().unwrap_or(10_000).min(45_000);
        let mut clients: Vec<Client> = Vec::new();
        for number in 0..count {
            let at_ms = chance.below(busy_ms);
            let earlier = (!clients.is_empty()).then(|| chance.below(clients.len() as u64) as usize);
            let mut client = client(number, at_ms, accounts.len() as u64, &mut chance);
            if let Some(earlier) = earlier.map(|earlier| clients[earlier].clone()).filter(|_| chance.per_mille(250)) {
                // The same question once more, soon or late.
                let at_ms = earlier.at_ms + chance.one_of(&[10, 500, 5_000, 30_000]);
                let Client { account, model, input, twist, fate, .. } = earlier;
                client = Client { at_ms, account, model, input, twist, fate, ..client };
            }
            clients.push(client);
        }
        Self {
            seed,
            accounts,
            clients,
            poison: poison(busy_ms, &mut chance),
            workers: chance.one_of(&[1, 1, 2]),
            isolates: chance.between(1, 3),
            lease_ms: chance.one_of(&[1_000, 3_000, 9_000]),
            prefetch: chance.one_of(&[2, 10, 64]),
            reconcile_after_ms: chance.one_of(&[1_000, 3_000, 10_000]),
            shared_limit: chance.per_mille(200).then(|| chance.between(3, 6)),
            slowest_batch_ms: chance.one_of(&[5, 100, 2_000]),
            longest_life_ms: chance.one_of(&[2_000, 8_000, 60_000]),
            troubles,
        }
    }
}

impl Scenario {
    /// An hour in which each worker is told to stop ten times and more, in the middle of batches of minutes, while more
    /// waits than they do in that hour.
    pub(crate) fn rolled(seed: u64) -> Self {
        const HOUR_MS: u64 = 3_600_000;
        let mut scenario = Self::of(seed, Fault::ALL);
        let mut chance = Chance::new(seed, "rolled");
        let mut client = |number: u64| Client {
            deadline_ms: None,
            cancels_after_ms: None,
            not_before_ms: None,
            twist: Twist::None,
            input: format!("[{number}, 1]"),
            fate: Fate::Result(format!("{{\"output\":[{}.0,2.0]}}", number * 2)),
            ..client(number, chance.below(HOUR_MS / 30), 1, &mut chance)
        };
        scenario.clients = (0..40).map(&mut client).collect();
        scenario.accounts.truncate(1);
        scenario.accounts.iter_mut().for_each(|account| account.limit = None);
        Self {
            poison: Vec::new(),
            workers: 2,
            shared_limit: None,
            slowest_batch_ms: 240_000,
            longest_life_ms: 400_000,
            troubles: Troubles::only(seed, Fault::WorkerStops, HOUR_MS, LANES[0]),
            ..scenario
        }
    }
}

/// Where the input lies that is not in its message.
pub(crate) const STORED: (&str, &[u8]) = ("inputs/there", b"[40, 2]");

fn poison(busy_ms: u64, chance: &mut Chance) -> Vec<Poison> {
    let count = chance.one_of(&[0, 0, 0, 1, 2]);
    let one = |number: u64| {
        let text = chance.one_of(&["no job", "{\"v\":\"forebay.job.v9\"}", "{\"v\":\"forebay.job.v1\"}", "[]"]);
        let text = text.to_owned() + &" ".repeat(number as usize);
        Poison { at_ms: chance.below(busy_ms), lane: chance.one_of(&LANES), text }
    };
    (0..count).map(one).collect()
}

fn client(number: u64, at_ms: u64, accounts: u64, chance: &mut Chance) -> Client {
    let failed = Fate::Failure;
    let plain = format!("[{number}, 1]");
    let (input, twist, fate) = match chance.below(100) {
        0..6 => (format!("[-666, {number}]"), Twist::None, failed(FailureCode::ExecutionFailed)),
        6..9 => (format!("[-777, {number}]"), Twist::None, failed(FailureCode::OutputInvalid)),
        9..12 => (format!("[1, 2, {number}]"), Twist::None, failed(FailureCode::TensorShape)),
        12..15 => (plain, Twist::Version, failed(FailureCode::ModelUnavailable)),
        15..18 => (plain, Twist::Media, failed(FailureCode::InputMismatch)),
        18..21 => (plain, Twist::Gone, failed(FailureCode::InputMissing)),
        // Three workers end with it, and no fourth.
        28..30 => (format!("[-999, {number}]"), Twist::None, failed(FailureCode::Abandoned)),
        21..28 => (plain, Twist::Stored, Fate::Result("{\"output\":[80.0,4.0]}".to_owned())),
        _ => (plain, Twist::None, Fate::Result(format!("{{\"output\":[{}.0,2.0]}}", number * 2))),
    };
    let not_before_ms = chance.per_mille(120).then(|| at_ms + chance.between(1_000, 40_000));
    let from_ms = not_before_ms.unwrap_or(at_ms);
    Client {
        number: number as usize,
        at_ms,
        account: chance.below(accounts) as usize,
        lane: chance.one_of(&LANES),
        model: chance.one_of(&MODELS).0,
        input,
        twist,
        fate,
        manner: chance.one_of(&[Manner::Polls, Manner::LongPolls, Manner::Streams, Manner::Listens, Manner::Forgets]),
        key: chance.per_mille(600).then(|| format!("key-{number}")),
        not_before_ms,
        deadline_ms: chance.per_mille(150).then(|| from_ms + chance.between(2_000, 60_000)),
        wait_ms: if chance.per_mille(200) { chance.between(100, 10_000) } else { 0 },
        repeats_after_ms: chance.per_mille(300).then(|| chance.between(1_000, 30_000)),
        cancels_after_ms: chance.per_mille(150).then(|| chance.below(5_000)),
        retries: chance.per_mille(300),
        fresh: chance.per_mille(150),
    }
}
