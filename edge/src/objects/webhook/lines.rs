//! What an object remembers of its webhooks: who they are, and where their lines of deliveries stand. An account without
//! any pays one look at an empty list.

use std::{cell::RefCell, rc::Rc};

use super::{
    delivery::Delivery,
    endpoint::Endpoint,
    shown::Disabled,
    tables::WebhookTables,
    turns::{self, Turn},
};
use crate::{
    admission::webhook::{DeliveryId, Event, WebhookId},
    objects::core::Core,
    platform::{Platform, Result, Sql},
};

/// The most pending deliveries of one webhook. What comes beyond them is in the log as failed, and can be replayed.
const MOST_PENDING: u64 = 10_000;
/// How many deliveries of one webhook are kept after they are over.
const MOST_ENDED: u32 = 1_000;
/// The log is trimmed each time that so many more are over.
const TRIM_EVERY: u32 = 100;

/// The webhooks of one object.
pub struct Webhooks {
    pub tables: WebhookTables,
    /// Oldest first.
    lines: RefCell<Vec<Line>>,
}

struct Line {
    endpoint: Rc<Endpoint>,
    turn: Turn,
    pending: u64,
    /// Deliveries that are over since the log was trimmed.
    ended: u32,
}

impl Webhooks {
    /// Reads them; their tables are made.
    pub fn open(sql: Sql, platform: &dyn Platform) -> Result<Self> {
        let tables = WebhookTables::new(sql);
        let lines = tables.endpoints(platform)?.into_iter().map(|endpoint| {
            let turn = Turn { due_ms: tables.due_ms(&endpoint.id)?, busy: false, troubled: false };
            Ok(Line { pending: tables.pending(&endpoint.id)?, endpoint: Rc::new(endpoint), turn, ended: TRIM_EVERY })
        });
        let lines = RefCell::new(lines.collect::<Result<_>>()?);
        Ok(Self { tables, lines })
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
        let turn = Turn { due_ms: None, busy: false, troubled: false };
        self.lines.borrow_mut().push(Line { endpoint: Rc::new(endpoint), turn, pending: 0, ended: 0 });
        Ok(())
    }

    /// Writes one that changed. What is pending of one that is disabled is given up: nothing lies in wait for the day it is
    /// enabled again.
    pub fn put(&self, endpoint: Endpoint) -> Result<()> {
        self.tables.put_endpoint(&endpoint)?;
        if endpoint.disabled.is_some() {
            self.tables.give_up(&endpoint.id)?;
        }
        self.with(&endpoint.id.clone(), |line| {
            if endpoint.disabled.is_some() {
                (line.turn.due_ms, line.pending) = (None, 0);
            }
            line.endpoint = Rc::new(endpoint);
        });
        Ok(())
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
        Ok(())
    }

    /// Whether one has so much pending that more of it is not waited for.
    pub fn is_full(&self, id: &WebhookId) -> bool {
        self.with(id, |line| line.pending >= MOST_PENDING).unwrap_or(true)
    }

    /// Writes a delivery that nobody counts as pending so far.
    pub fn enqueue(&self, delivery: &Delivery) -> Result<()> {
        self.tables.put_delivery(delivery)?;
        self.with(&delivery.webhook, |line| match delivery.next_ms {
            Some(next_ms) => {
                line.pending += 1;
                line.turn.due_ms = Some(line.turn.due_ms.map_or(next_ms, |due_ms| due_ms.min(next_ms)));
            }
            None => line.ended += 1,
        });
        self.trim(&delivery.webhook, TRIM_EVERY)
    }

    /// A delivery is about to be written anew: it counts as pending no more.
    pub fn uncount(&self, delivery: &Delivery) {
        if delivery.next_ms.is_some() {
            self.with(&delivery.webhook, |line| line.pending = line.pending.saturating_sub(1));
        }
    }

    /// Makes memory say of a webhook what the table does.
    pub fn recount(&self, id: &WebhookId) -> Result<()> {
        let (due_ms, pending) = (self.tables.due_ms(id)?, self.tables.pending(id)?);
        self.with(id, |line| (line.turn.due_ms, line.pending) = (due_ms, pending));
        Ok(())
    }

    /// The webhooks whose turn it is, which are busy from here on.
    pub fn take_turns(&self, now_ms: u64) -> Vec<WebhookId> {
        let next = turns::next(&self.turns(), now_ms);
        let mut lines = self.lines.borrow_mut();
        let mut taken = Vec::with_capacity(next.len());
        for index in next {
            if let Some(line) = lines.get_mut(index) {
                line.turn.busy = true;
                taken.push(line.endpoint.id.clone());
            }
        }
        taken
    }

    /// When somebody must look again.
    pub fn look_ms(&self, now_ms: u64, guard_ms: u64) -> Option<u64> {
        turns::look_ms(&self.turns(), now_ms, guard_ms)
    }

    /// A webhook's turn is over.
    pub fn end_turn(&self, id: &WebhookId, troubled: Option<bool>) {
        self.with(id, |line| {
            line.turn.busy = false;
            line.turn.troubled = troubled.unwrap_or(line.turn.troubled);
        });
    }

    /// Nothing of a webhook is looked at before `at_ms`: its rows cannot be read or written.
    pub fn postpone(&self, id: &WebhookId, at_ms: u64) {
        self.with(id, |line| line.turn.due_ms = line.turn.due_ms.map(|_| at_ms));
    }

    /// Writes a delivery after a try; `pending` says whether it was before.
    pub fn settled(&self, delivery: &Delivery, pending: bool) -> Result<()> {
        self.tables.put_delivery(delivery)?;
        let due_ms = self.tables.due_ms(&delivery.webhook)?;
        self.with(&delivery.webhook, |line| {
            line.turn.due_ms = due_ms;
            if delivery.next_ms.is_none() && pending {
                line.pending = line.pending.saturating_sub(1);
                line.ended += 1;
            }
        });
        self.trim(&delivery.webhook, TRIM_EVERY)
    }

    /// Forgets deliveries older than `before_ms`, and those beyond the bound.
    pub fn sweep(&self, before_ms: u64) -> Result<()> {
        for endpoint in self.all() {
            self.tables.forget(&endpoint.id, &DeliveryId::new(before_ms, [0; 10]))?;
            self.trim(&endpoint.id, 1)?;
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
        self.lines.borrow().iter().map(|line| line.turn).collect()
    }

    fn with<T>(&self, id: &WebhookId, change: impl FnOnce(&mut Line) -> T) -> Option<T> {
        self.lines.borrow_mut().iter_mut().find(|line| line.endpoint.id == *id).map(change)
    }
}
