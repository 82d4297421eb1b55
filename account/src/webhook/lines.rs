//! What an object remembers of its webhooks: who they are, and where their lines of deliveries stand. An account without
//! any pays one look at an empty list.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::{
    delivery::Delivery,
    endpoint::Endpoint,
    shown::Disabled,
    tables::WebhookTables,
    turns::{self, Health, Turn},
};
use crate::{
    core::Core,
    platform::{Error, Platform, Result, Sql},
};
use forebay_admission::webhook::{DeliveryId, Event, WebhookId};

/// How many deliveries of one webhook are kept after they are over.
const MOST_ENDED: u32 = 1_000;
/// The log is trimmed each time that so many more are over.
const TRIM_EVERY: u32 = 100;
/// When a webhook is looked at again whose rows could not be read or written.
const BROKEN_RETRY_MS: u64 = 60_000;
/// While there is more to be swept than one piece, the next comes so soon.
const NEXT_PIECE_MS: u64 = 1_000;

/// The webhooks of one object. What is pending is rows alone: memory has of each webhook when its next delivery is due and
/// which few are under way, however long its line is.
pub struct Webhooks {
    pub tables: WebhookTables,
    /// Oldest first.
    lines: RefCell<Vec<Line>>,
    /// How many turns there have been.
    turns: Cell<u64>,
    /// Whether rows may be left of webhooks that are gone.
    orphans: Cell<bool>,
    /// Whether the last sweep left something for the next.
    unswept: Cell<bool>,
}

struct Line {
    endpoint: Rc<Endpoint>,
    /// When the next delivery is due that is not under way, or earlier.
    due_ms: Option<u64>,
    health: Health,
    turn: u64,
    /// What is being posted: no other place takes it. A new life of the object has nothing under way.
    under_way: Vec<DeliveryId>,
    /// Deliveries that are over since the log was trimmed.
    ended: u32,
}

impl Line {
    fn new(endpoint: Endpoint, due_ms: Option<u64>, ended: u32) -> Self {
        Self { endpoint: Rc::new(endpoint), due_ms, health: Health::Unknown, turn: 0, under_way: Vec::new(), ended }
    }

    /// Something is due at `at_ms`; not to one that is disabled, whose line is being given up.
    fn due_by(&mut self, at_ms: u64) {
        if self.endpoint.disabled.is_some() {
            return;
        }
        self.due_ms = Some(self.due_ms.map_or(at_ms, |due_ms| due_ms.min(at_ms)));
    }
}

impl Webhooks {
    /// Reads them; their tables are made.
    pub fn open(sql: Sql, platform: &dyn Platform) -> Result<Self> {
        let tables = WebhookTables::new(sql);
        let lines = tables.endpoints(platform)?.into_iter().map(|endpoint| {
            let due_ms = if endpoint.disabled.is_some() { None } else { tables.due_ms(&endpoint.id)? };
            Ok(Line::new(endpoint, due_ms, TRIM_EVERY))
        });
        let lines = RefCell::new(lines.collect::<Result<_>>()?);
        Ok(Self { tables, lines, turns: Cell::new(0), orphans: Cell::new(true), unswept: Cell::new(false) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.borrow().len()
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Rc<Endpoint>> {
        self.lines.borrow().iter().map(|line| line.endpoint.clone()).collect()
    }

    /// One of them.
    pub fn get(&self, id: &WebhookId) -> Option<Rc<Endpoint>> {
        self.lines.borrow().iter().find(|line| line.endpoint.id == *id).map(|line| line.endpoint.clone())
    }

    /// Those that are told of `event`.
    pub fn wanting(&self, event: Event) -> Vec<Rc<Endpoint>> {
        let lines = self.lines.borrow();
        lines.iter().filter(|line| line.endpoint.wants(event)).map(|line| line.endpoint.clone()).collect()
    }

    /// Adds one.
    pub fn add(&self, endpoint: Endpoint) -> Result<()> {
        self.tables.put_endpoint(&endpoint)?;
        self.lines.borrow_mut().push(Line::new(endpoint, None, 0));
        Ok(())
    }

    /// Writes one that changed. What is pending of one that is disabled is given up: nothing lies in wait for the day it is
    /// enabled again.
    pub fn put(&self, endpoint: Endpoint) -> Result<()> {
        self.tables.put_endpoint(&endpoint)?;
        let id = endpoint.id.clone();
        let due_ms = if endpoint.disabled.is_some() { None } else { self.tables.due_ms(&id)? };
        let disabled = endpoint.disabled.is_some();
        self.with(&id, |line| {
            line.due_ms = due_ms;
            line.endpoint = Rc::new(endpoint);
        });
        if disabled { self.give_up(&id) } else { Ok(()) }
    }

    /// Disables one.
    pub fn disable(&self, core: &Core, id: &WebhookId, because: Disabled) -> Result<()> {
        let Some(endpoint) = self.get(id) else { return Ok(()) };
        core.log("webhook-disabled", &format!("{} is {}", id.as_str(), because.name()));
        self.put(Endpoint { disabled: Some(because), ..(*endpoint).clone() })
    }

    /// Takes one away, with its deliveries.
    pub fn remove(&self, id: &WebhookId) -> Result<()> {
        self.tables.delete_endpoint(id)?;
        self.lines.borrow_mut().retain(|line| line.endpoint.id != *id);
        self.orphans.set(true);
        self.unswept.set(true);
        Ok(())
    }

    /// Writes a delivery that is due, or over.
    pub fn enqueue(&self, delivery: &Delivery) -> Result<()> {
        self.tables.put_delivery(delivery)?;
        self.with(&delivery.webhook, |line| delivery.next_ms.map(|next_ms| line.due_by(next_ms)));
        Ok(())
    }

    /// The delivery whose turn it is, which is under way from here on. A webhook whose rows cannot be read is looked at
    /// again later: the error says whose.
    pub fn take(&self, now_ms: u64) -> std::result::Result<Option<Delivery>, (WebhookId, Error)> {
        loop {
            let Some((id, under_way)) = self.next(now_ms) else { return Ok(None) };
            match self.tables.next_two(&id, &under_way) {
                Ok(rows) => {
                    let mut rows = rows.into_iter().peekable();
                    let taken = rows.next_if(|delivery| delivery.next_ms.is_some_and(|at_ms| at_ms <= now_ms));
                    let due_ms = rows.next().and_then(|delivery| delivery.next_ms);
                    let Some(delivery) = taken else {
                        self.with(&id, |line| line.due_ms = due_ms);
                        continue;
                    };
                    self.turns.set(self.turns.get() + 1);
                    self.with(&id, |line| {
                        (line.due_ms, line.turn) = (due_ms, self.turns.get());
                        line.under_way.push(delivery.id.clone());
                    });
                    return Ok(Some(delivery));
                }
                Err(error) => {
                    self.postpone(&id, now_ms);
                    return Err((id, error));
                }
            }
        }
    }

    /// Whose turn it is, and what of it is under way.
    fn next(&self, now_ms: u64) -> Option<(WebhookId, Vec<DeliveryId>)> {
        let index = turns::next(&self.turns(), now_ms)?;
        self.lines.borrow().get(index).map(|line| (line.endpoint.id.clone(), line.under_way.clone()))
    }

    /// When somebody must look again.
    pub fn look_ms(&self, now_ms: u64, guard_ms: u64) -> Option<u64> {
        let piece = self.unswept.get().then(|| now_ms.saturating_add(NEXT_PIECE_MS));
        turns::look_ms(&self.turns(), now_ms, guard_ms).into_iter().chain(piece).min()
    }

    /// A delivery is under way no more; `failed` says whether its try was in vain, if there was one.
    pub fn end(&self, delivery: &Delivery, failed: Option<bool>) {
        self.with(&delivery.webhook, |line| {
            line.under_way.retain(|id| *id != delivery.id);
            line.health = match failed {
                Some(true) => Health::Troubled,
                Some(false) => Health::Well,
                None => line.health,
            };
        });
    }

    /// Nothing of a webhook is looked at for a while: its rows cannot be read or written.
    pub fn postpone(&self, id: &WebhookId, now_ms: u64) {
        self.with(id, |line| line.due_ms = Some(now_ms.saturating_add(BROKEN_RETRY_MS)));
    }

    /// Writes a delivery after a try; `pending` says whether it was before.
    pub fn settled(&self, delivery: &Delivery, pending: bool) -> Result<()> {
        self.tables.put_delivery(delivery)?;
        self.with(&delivery.webhook, |line| match delivery.next_ms {
            Some(next_ms) => line.due_by(next_ms),
            None => line.ended += u32::from(pending),
        });
        self.trim(&delivery.webhook, TRIM_EVERY)
    }

    /// Forgets deliveries older than `before_ms`, those beyond the bound, and some of those that wait for nobody.
    pub fn sweep(&self, before_ms: u64) -> Result<()> {
        self.unswept.set(false);
        for endpoint in self.all() {
            self.tables.forget(&endpoint.id, &DeliveryId::new(before_ms, [0; 10]))?;
            if endpoint.disabled.is_some() && self.tables.due_ms(&endpoint.id)?.is_some() {
                self.give_up(&endpoint.id)?;
            }
            self.trim(&endpoint.id, 1)?;
        }
        if self.orphans.get() {
            let left = self.tables.delete_orphans()?;
            self.orphans.set(left);
            self.unswept.set(left || self.unswept.get());
        }
        Ok(())
    }

    /// Gives up what is pending of a webhook that is disabled: a piece now, the rest by alarm, since a line has no bound.
    fn give_up(&self, id: &WebhookId) -> Result<()> {
        self.tables.give_up_some(id)?;
        self.tables.trim(id, MOST_ENDED)?;
        if self.tables.due_ms(id)?.is_some() {
            self.unswept.set(true);
        }
        Ok(())
    }

    /// When the sweep has something to do.
    pub fn sweep_ms(&self, retention_ms: u64) -> Result<Option<u64>> {
        let mut sweep_ms = None;
        for endpoint in self.all() {
            let oldest_ms = self.tables.oldest_ended_ms(&endpoint.id)?;
            let due = oldest_ms.map(|made_ms| made_ms.saturating_add(retention_ms));
            sweep_ms = [sweep_ms, due, endpoint.older_end_ms()].into_iter().flatten().min();
        }
        Ok(sweep_ms)
    }

    fn trim(&self, id: &WebhookId, every: u32) -> Result<()> {
        if self.with(id, |line| line.ended >= every).unwrap_or(false) {
            self.tables.trim(id, MOST_ENDED)?;
            self.with(id, |line| line.ended = 0);
        }
        Ok(())
    }

    fn turns(&self) -> Vec<Turn> {
        let turn = |line: &Line| {
            let Line { due_ms, health, turn, .. } = *line;
            Turn { due_ms, under_way: line.under_way.len(), health, turn }
        };
        self.lines.borrow().iter().map(turn).collect()
    }

    fn with<T>(&self, id: &WebhookId, change: impl FnOnce(&mut Line) -> T) -> Option<T> {
        self.lines.borrow_mut().iter_mut().find(|line| line.endpoint.id == *id).map(change)
    }
}
