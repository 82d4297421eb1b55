//! What may go wrong, when, and how often it did.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use forebay_contract::Lane;

use crate::native::{Chance, since_start_ms};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    /// An object is moved or crashes between two turns.
    Moved,
    /// It dies in a turn that is not on disk yet.
    DiesBeforeCommit,
    /// It dies in a turn that is on disk, before anything of it leaves.
    DiesAfterCommit,
    /// Its alarm rings late.
    AlarmLate,
    /// An alarm rings again whose handler went well: at least once is not once.
    AlarmTwice,
    /// The machine's clock is some seconds off.
    ClockOff,
    /// It can store nothing more for a while.
    Full,
    /// A deployment with a broken setting, for up to minutes.
    BrokenSetting,
    /// A call of an object never arrives.
    CallLost,
    /// The caller of an object is gone before its call arrives.
    CallerGone,
    /// The answer of an object is lost.
    AnswerLost,
    /// An isolate starts anew and remembers nothing.
    IsolateCold,
    /// A Worker of the released version asks, in the middle of a rollout: it says nothing that is newer.
    OldWorker,
    /// A Lane object does not answer.
    LaneSilent,
    /// One queue fails.
    QueueDown,
    /// All of them do.
    QueuesDown,
    /// A batch fails.
    SendFails,
    /// The queue takes a batch, and the answer is lost.
    SendAnswerLost,
    /// The queue calls a message invalid.
    MessageInvalid,
    /// The queue loses a message that it took.
    MessageLost,
    /// The queue delivers twice.
    MessageDoubled,
    /// The queue shows a message late.
    MessageLate,
    /// The bucket takes seconds.
    BucketSlow,
    /// The bucket fails.
    BucketAway,
    /// There is no bucket: `HEAD` says 404 as for an object that is not there.
    NoSuchBucket,
    /// A webhook's target fails.
    TargetFails,
    /// It was told, and its answer is lost.
    TargetSilent,
    /// A worker's call of queue or bucket fails.
    WorkerCallFails,
    /// It has its effect, and the answer is lost.
    WorkerAnswerLost,
    /// A report is lost.
    ReportLost,
    /// A worker crashes.
    WorkerCrashes,
    /// A worker is told to stop.
    WorkerStops,
    /// A device is out of memory.
    OutOfMemory,
    /// A device is lost to the process that used it.
    DeviceLost,
    /// A worker starts without its models.
    ModelsMissing,
}

/// What strikes seldom even where it is about, and so is about more often.
const SELDOM: [Fault; 10] = [
    Fault::BucketSlow,
    Fault::DeviceLost,
    Fault::MessageInvalid,
    Fault::MessageLate,
    Fault::MessageLost,
    Fault::ModelsMissing,
    Fault::OutOfMemory,
    Fault::TargetFails,
    Fault::TargetSilent,
    Fault::WorkerStops,
];

/// When something goes wrong, and in how many of a thousand cases.
#[derive(Debug, Clone)]
pub(crate) struct Episode {
    pub(crate) fault: Fault,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    pub(crate) share: u64,
    /// Where it is about one lane.
    pub(crate) lane: Lane,
}

/// The troubles of one seed.
pub(crate) struct Troubles {
    pub(crate) episodes: Vec<Episode>,
    /// Afterwards all is well.
    pub(crate) last_ms: u64,
    chance: Mutex<BTreeMap<Fault, Chance>>,
    struck: Mutex<BTreeMap<Fault, u64>>,
    calm: AtomicBool,
}

impl Troubles {
    /// A few faults at a time: what goes wrong at all goes wrong between a few, and a history of few can be read.
    pub(crate) fn of(seed: u64, lanes: &[Lane], without: &[Fault]) -> Self {
        let mut chance = Chance::new(seed, "troubles");
        let last_ms = chance.between(3_000, 40_000);
        let count = chance.one_of(&[1, 2, 3, 3, 4, 4, 6, 9]);
        let mut episodes: Vec<Episode> = Vec::new();
        for _ in 0..count {
            let fault = if chance.per_mille(250) { chance.one_of(&SELDOM) } else { chance.one_of(Fault::ALL) };
            let from_ms = chance.below(last_ms / 2);
            let long_ms = if fault == Fault::BrokenSetting { 300_000 } else { last_ms };
            let episode = Episode {
                fault,
                from_ms,
                to_ms: from_ms + chance.between(long_ms / 10, long_ms),
                share: chance.one_of(&[50, 200, 500, 900]),
                lane: chance.one_of(lanes),
            };
            if !without.contains(&fault) {
                episodes.push(episode);
            }
        }
        let last_ms = episodes.iter().map(|episode| episode.to_ms).max().unwrap_or(0).max(last_ms);
        let own = |fault: &Fault| (*fault, Chance::new(seed, &format!("{fault:?}")));
        Self {
            episodes,
            last_ms,
            chance: Mutex::new(Fault::ALL.iter().map(own).collect()),
            struck: Mutex::default(),
            calm: AtomicBool::new(false),
        }
    }

    /// One fault all the time, wherever it may strike.
    pub(crate) fn only(seed: u64, fault: Fault, last_ms: u64, lane: Lane) -> Self {
        let episodes = vec![Episode { fault, from_ms: 0, to_ms: last_ms, share: 1000, lane }];
        let chance = Mutex::new([(fault, Chance::new(seed, &format!("{fault:?}")))].into());
        Self { episodes, last_ms, chance, struck: Mutex::default(), calm: AtomicBool::new(false) }
    }

    /// All is well from now on.
    pub(crate) fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Whether a fault is about at all in this seed.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.episodes.iter().any(|episode| episode.fault == fault)
    }

    /// The share with which it strikes now; 0 where it does not.
    fn share(&self, fault: Fault, lane: Option<Lane>) -> u64 {
        let now_ms = since_start_ms();
        let active = |episode: &&Episode| {
            let is_here = lane.is_none_or(|lane| lane == episode.lane);
            episode.fault == fault && is_here && (episode.from_ms..episode.to_ms).contains(&now_ms)
        };
        let shares = self.episodes.iter().filter(active).map(|episode| episode.share);
        if self.is_calm() { 0 } else { shares.max().unwrap_or(0) }
    }

    /// Whether it strikes this time.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let share = self.share(fault, None);
        share > 0 && self.draw(fault, |chance| chance.per_mille(share)) && self.count(fault)
    }

    /// Whether it lasts, as long as its episode does.
    pub(crate) fn lasts(&self, fault: Fault, lane: Option<Lane>) -> bool {
        self.share(fault, lane) > 0 && self.count(fault)
    }

    /// The same without being counted: for looking.
    pub(crate) fn is_about(&self, fault: Fault) -> bool {
        self.share(fault, None) > 0
    }

    pub(crate) fn ms(&self, fault: Fault, least: u64, most: u64) -> u64 {
        self.draw(fault, |chance| chance.between(least, most))
    }

    fn draw<T>(&self, fault: Fault, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(self.chance.lock().unwrap().get_mut(&fault).expect("every fault has its stream"))
    }

    pub(crate) fn count(&self, fault: Fault) -> bool {
        *self.struck.lock().unwrap().entry(fault).or_default() += 1;
        true
    }

    /// How often each struck.
    pub(crate) fn struck(&self) -> BTreeMap<Fault, u64> {
        self.struck.lock().unwrap().clone()
    }
}
