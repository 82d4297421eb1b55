use std::cmp::Reverse;

use forebay_contract::Lane;

use super::{Item, LaneWeights};

/// The jobs that wait, by lane and account, and what each of these had of the device so far.
///
/// Weighted deficit round robin in its closed form: no quanta are handed round until a deficit covers a job, but lanes
/// and accounts remember what they had, and who had the least goes next. The shares are the same and a decision costs no
/// rounds (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996; deficit round robin: Shreedhar, Varghese, SIGCOMM
/// 1995). Who comes after a pause starts where the others are: nobody saves up.
#[derive(Debug)]
pub struct Pending {
    weights: LaneWeights,
    /// Of the heaviest lane first: of those that had alike, it is the first.
    pub(super) lanes: Vec<LaneQueue>,
    count: usize,
    /// No deadline is earlier.
    next_deadline_us: Option<u64>,
    /// Whether those that run alone are not to begin yet.
    holds_alone: bool,
    /// Until when a model's jobs are not to begin, by [`Item::model`]: others would have to make room for it.
    held_until_us: Vec<u64>,
}

/// One lane's accounts, and what they had together.
#[derive(Debug)]
pub(super) struct LaneQueue {
    lane: Lane,
    weight: u64,
    /// What the weights of all lanes add up to.
    total_weight: u64,
    /// What the lane had, by its weight.
    pub(super) attained: Attained,
    /// By name, so that one is found quickly; some may have nothing pending, so that they cannot forget what they had.
    pub(super) accounts: Vec<AccountQueue>,
    count: usize,
}

/// One account's jobs of one lane.
#[derive(Debug)]
pub(super) struct AccountQueue {
    name: Box<str>,
    pub(super) attained: Attained,
    /// In the order of their [rank](Item::rank).
    pub(super) items: Vec<Item>,
}

/// What a lane or an account had of the device, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attained {
    /// In batches made around a job of its own: who has the least of it has the next one. Were all counted, those of its
    /// jobs that find company easily could use up its turns, and one that finds none would wait forever.
    pub(super) leading: u64,
    /// In all batches: who has the least of it is the first to ride along.
    pub(super) all: u64,
}

impl Attained {
    fn at_least(self, floor: Self) -> Self {
        Self { leading: self.leading.max(floor.leading), all: self.all.max(floor.all) }
    }

    /// The least of each.
    fn floor(active: impl Iterator<Item = Self>) -> Option<Self> {
        active.reduce(|a, b| Self { leading: a.leading.min(b.leading), all: a.all.min(b.all) })
    }

    fn charge(&mut self, us: u64, leading: bool) {
        self.all = self.all.saturating_add(us);
        if leading {
            self.leading = self.leading.saturating_add(us);
        }
    }
}

/// What a job adds to what its account had: whatever is predicted, never nothing.
pub(super) fn charge(item: &Item) -> u64 {
    item.cost_us.max(1)
}

impl Pending {
    /// Nothing waits yet. Lanes share by `weights`.
    pub fn new(weights: LaneWeights) -> Self {
        Self {
            weights,
            lanes: Vec::new(),
            count: 0,
            next_deadline_us: None,
            holds_alone: false,
            held_until_us: Vec::new(),
        }
    }

    /// How many jobs wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no job waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A job waits from now on.
    pub fn add(&mut self, lane: Lane, account: &str, item: Item) {
        if let Some(deadline_us) = item.deadline_us {
            self.next_deadline_us = Some(self.next_deadline_us.map_or(deadline_us, |next| next.min(deadline_us)));
        }
        self.count += 1;
        let floor = Attained::floor(self.lanes.iter().filter(|queue| queue.count > 0).map(|queue| queue.attained));
        let queue = self.queue(lane);
        if queue.count == 0 {
            queue.attained = queue.attained.at_least(floor.unwrap_or_default());
        }
        queue.add(account, item);
    }

    /// From now on those that run alone wait, or do not any more.
    pub fn hold_alone(&mut self, hold: bool) {
        self.holds_alone = hold;
    }

    /// From now on each model's jobs wait until then, by [`Item::model`]; those of models that are not named do not.
    pub fn hold_models(&mut self, until_us: Vec<u64>) {
        self.held_until_us = until_us;
    }

    /// From when on it may begin, as far as its model's place on the device is concerned.
    pub(super) fn held_until_us(&self, item: &Item) -> u64 {
        self.held_until_us.get(item.model).copied().unwrap_or(0)
    }

    /// Whether it may begin at all.
    pub(super) fn lets(&self, item: &Item) -> bool {
        item.alone.is_none() || !self.holds_alone
    }

    /// Takes these out to be run, the first of which was chosen for its turn, and charges them; in the order asked for.
    pub fn take(&mut self, tickets: &[u64]) -> Vec<Item> {
        self.extract(tickets, true)
    }

    /// Takes these out because nobody wants them any more: nobody is charged.
    pub fn remove(&mut self, tickets: &[u64]) -> Vec<Item> {
        self.extract(tickets, false)
    }

    /// The earliest deadline; never later than that of any job.
    pub(super) fn next_deadline_us(&self) -> Option<u64> {
        self.next_deadline_us
    }

    /// The tickets past their deadline.
    pub(super) fn expired(&self, now_us: u64) -> Vec<u64> {
        if self.next_deadline_us.is_none_or(|next| next > now_us) {
            return Vec::new();
        }
        self.items().filter(|item| item.is_expired(now_us)).map(|item| item.ticket).collect()
    }

    /// All jobs that wait, lane by lane and account by account.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.lanes.iter().flat_map(|queue| &queue.accounts).flat_map(|account| &account.items)
    }

    /// The first of those that run alone.
    pub(super) fn first_alone(&self) -> Option<&Item> {
        self.items().filter(|item| item.alone.is_some()).min_by_key(|item| item.alone)
    }

    fn queue(&mut self, lane: Lane) -> &mut LaneQueue {
        let weight = self.weights.of(lane);
        let place = match self.lanes.binary_search_by_key(&(Reverse(weight), lane), LaneQueue::rank) {
            Ok(place) => place,
            Err(place) => {
                let queue = LaneQueue {
                    lane,
                    weight,
                    total_weight: self.weights.total(),
                    attained: Attained::default(),
                    accounts: Vec::new(),
                    count: 0,
                };
                self.lanes.insert(place, queue);
                place
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or inserted there just now")]
        &mut self.lanes[place]
    }

    fn extract(&mut self, tickets: &[u64], ran: bool) -> Vec<Item> {
        let mut order: Vec<(u64, usize)> = tickets.iter().enumerate().map(|(place, ticket)| (*ticket, place)).collect();
        order.sort_unstable();
        let place_of = |item: &Item| {
            let found = order.binary_search_by_key(&item.ticket, |(ticket, _)| *ticket).ok();
            found.and_then(|found| order.get(found)).map(|(_, place)| *place)
        };
        let mut taken: Vec<(usize, Item)> = Vec::with_capacity(tickets.len());
        for queue in &mut self.lanes {
            let before = taken.len();
            for account in &mut queue.accounts {
                let first = taken.len();
                let out = account.items.extract_if(.., |item| place_of(item).is_some());
                taken.extend(out.filter_map(|item| Some((place_of(&item)?, item))));
                account.charge(taken.get(first..).unwrap_or_default(), ran);
            }
            let own = taken.get(before..).unwrap_or_default();
            queue.count = queue.count.saturating_sub(own.len());
            if ran {
                let leading = own.iter().any(|(place, _)| *place == 0);
                own.iter().for_each(|(_, item)| queue.attained.charge(queue.charge(item), leading));
            }
            queue.forget();
        }
        self.count = self.count.saturating_sub(taken.len());
        if self.next_deadline_us.is_some() {
            self.next_deadline_us = self.items().filter_map(|item| item.deadline_us).min();
        }
        if self.is_empty() {
            // Nobody waits, so nobody is owed anything.
            self.lanes.clear();
        }
        taken.sort_unstable_by_key(|(place, _)| *place);
        taken.into_iter().map(|(_, item)| item).collect()
    }
}

impl LaneQueue {
    fn rank(&self) -> (Reverse<u64>, Lane) {
        (Reverse(self.weight), self.lane)
    }

    /// What a job adds to what the lane had.
    pub(super) fn charge(&self, item: &Item) -> u64 {
        charge(item).saturating_mul(self.total_weight) / self.weight
    }

    fn add(&mut self, account: &str, item: Item) {
        self.count += 1;
        let floor = || self.floor().unwrap_or_default();
        match self.accounts.binary_search_by(|queue| queue.name.as_ref().cmp(account)) {
            Ok(place) => {
                let idle = self.accounts.get(place).is_some_and(|queue| queue.items.is_empty());
                let floor = if idle { floor() } else { Attained::default() };
                if let Some(queue) = self.accounts.get_mut(place) {
                    queue.attained = queue.attained.at_least(floor);
                    let rank = item.rank();
                    queue.items.insert(queue.items.partition_point(|other| other.rank() < rank), item);
                }
            }
            Err(place) => {
                let queue = AccountQueue { name: account.into(), attained: floor(), items: vec![item] };
                self.accounts.insert(place, queue);
            }
        }
    }

    fn floor(&self) -> Option<Attained> {
        Attained::floor(
            self.accounts.iter().filter(|account| !account.items.is_empty()).map(|account| account.attained),
        )
    }

    /// Accounts that have nothing pending are remembered while they had more than the others.
    fn forget(&mut self) {
        if self.accounts.iter().all(|account| !account.items.is_empty()) {
            return;
        }
        let floor = self.floor();
        let owes = |attained: Attained| {
            floor.is_some_and(|floor| attained.all > floor.all || attained.leading > floor.leading)
        };
        self.accounts.retain(|account| !account.items.is_empty() || owes(account.attained));
    }
}

impl AccountQueue {
    /// These of its jobs ran, or only went.
    fn charge(&mut self, own: &[(usize, Item)], ran: bool) {
        if ran {
            let leading = own.iter().any(|(place, _)| *place == 0);
            own.iter().for_each(|(_, item)| self.attained.charge(charge(item), leading));
        }
    }
}
