//! Who listens to jobs, and what they hear.

use std::rc::Rc;

use forebay_contract::{JobId, JobState, catalog::LaneSpec};
use futures_util::stream::{self, LocalBoxStream};
use serde::{Deserialize, Serialize};

use super::{
    core::Core,
    flush,
    sockets::{self, SocketRequest},
    tally,
};
use crate::{
    job::{
        Job,
        body::JobBody,
        journal::{self, Event},
    },
    platform::Result,
    presence::{pass::Pass, watching::Closing},
};
use forebay_admission::lane::position::{Estimate, QueuePosition, QueuedJob};

/// A line that says nothing, so that what stands between does not take the stream for dead.
const KEEP_ALIVE_MS: u64 = 15_000;
/// How often it is looked where a queued job stands.
pub(crate) const REFRESH_MS: u64 = 2_000;
/// A status of a lane is new enough for so long.
const FRESH_MS: u64 = 1_500;
/// What a client waits before it connects again, in milliseconds.
const RECONNECT_MS: u64 = 2_000;

/// What the Worker asks an object for, besides calls: something that lasts.
#[derive(Debug, Serialize, Deserialize)]
pub enum Listen {
    /// An event stream of one job.
    Stream {
        /// The job that is watched.
        id: JobId,
        /// The number of the last event that the client knows.
        after: u32,
        /// What links begin with.
        origin: String,
        /// What lets it listen.
        pass: Pass,
    },
    /// A WebSocket.
    Socket {
        /// What it watches from the beginning.
        id: Option<JobId>,
        /// What links begin with.
        origin: String,
        /// What lets it listen.
        pass: Pass,
    },
}

/// What comes of a wish to listen.
pub enum Opened {
    /// Nothing: the status that says so, and why.
    Not(u16, &'static str),
    /// There is nothing more to hear: 204, which is how an event stream learns that it need not connect again.
    Over,
    /// An event stream.
    Stream(Listener),
    /// A WebSocket may be opened.
    Socket(SocketRequest),
}

/// The object's answer to a request whose query is a [`Listen`].
pub fn open(core: &Rc<Core>, query: &str) -> Result<Opened> {
    flush::mark_sent(core)?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let asked = pairs.find(|(name, _)| name == "listen").map(|(_, value)| value.into_owned());
    match serde_json::from_str(&asked.unwrap_or_default())? {
        Listen::Stream { pass, .. } | Listen::Socket { pass, .. } if core.over(&pass).is_some() => {
            Ok(Opened::Not(401, "the credentials have ended"))
        }
        Listen::Stream { id, after, origin, pass } => event_stream(core, id, after, origin, pass),
        Listen::Socket { id, origin, pass } if sockets::have_room(core)? => {
            Ok(Opened::Socket(SocketRequest { id, origin, pass }))
        }
        Listen::Socket { .. } => Ok(Opened::Not(429, "too many sockets")),
    }
}

impl Core {
    /// Why nothing more may be sent to a listener, if so.
    pub fn over(&self, pass: &Pass) -> Option<Closing> {
        pass.over(&self.limits.revoked_keys(), self.now_ms())
    }
}

/// What is sent to a client about an event of `job`: the job as it was then, as JSON.
pub(crate) fn event_json(core: &Core, job: &Job, event: &Event, origin: &str) -> Result<String> {
    let then = journal::as_of(job, event);
    let mut body = JobBody::new(&then, origin)?;
    body.stands(position(core, job).filter(|_| then.state == JobState::Queued));
    Ok(serde_json::to_string(&body)?)
}

/// Where the job stands, by what its lane was last heard to say.
pub(crate) fn position(core: &Core, job: &Job) -> Option<QueuePosition> {
    if job.state != JobState::Queued {
        return None;
    }
    let load = core.load.borrow();
    let (status, rate) = load.lane(job.lane)?;
    let spec = LaneSpec { rate, ..LaneSpec::default() };
    let job = Job { queue_number: load.queue_number(&job.id), ..job.clone() };
    Some(Estimate { status, spec: &spec }.queue(waiting(&job, true, core.now_ms())))
}

/// What an estimate is asked for.
pub fn waiting(job: &Job, counted: bool, now_ms: u64) -> QueuedJob {
    let delay_ms = job.not_before_ms.map_or(0, |start_ms| start_ms.saturating_sub(now_ms));
    QueuedJob {
        number: job.queue_number,
        cost_ms: job.cost_ms as f64,
        counted: counted || job.queue_number.is_some(),
        delay_ms,
    }
}

/// Whether the job may not start yet: it stands where it stands until then.
pub(crate) fn starts_later(core: &Core, job: &Job) -> bool {
    job.not_before_ms.is_some_and(|start_ms| start_ms > core.now_ms())
}

/// Asks the job's lane how it stands, unless that was heard a moment ago.
pub(crate) async fn refresh(core: &Rc<Core>, job: &Job) {
    let heard_ms = core.load.borrow().lane(job.lane).map(|(status, _)| status.at_ms);
    if heard_ms.is_none_or(|at_ms| core.now_ms().saturating_sub(at_ms) >= FRESH_MS) {
        core.load.borrow_mut().announce_again(job.lane);
        tally::announce(core).await;
    }
}

fn event_stream(core: &Rc<Core>, id: JobId, after: u32, origin: String, pass: Pass) -> Result<Opened> {
    let Some(job) = core.tables.job(&id)? else { return Ok(Opened::Not(404, "no such job")) };
    if journal::is_over(&job, after) {
        return Ok(Opened::Over);
    }
    if !core.presence.open_stream(core.settings()?.event_streams_max) {
        return Ok(Opened::Not(429, "too many listen"));
    }
    let core = core.clone();
    Ok(Opened::Stream(Listener { core, id, after, origin, pass, greeted: false, ended: false, position: None }))
}

/// One event stream. It remembers a number and nothing else: who reads slowly finds in the job's row what it has
/// missed, so nothing piles up for it.
pub struct Listener {
    core: Rc<Core>,
    id: JobId,
    after: u32,
    origin: String,
    pass: Pass,
    greeted: bool,
    ended: bool,
    /// What the client last heard of its position.
    position: Option<QueuePosition>,
}

impl Listener {
    /// What the client hears.
    pub fn bytes(self) -> LocalBoxStream<'static, Result<Vec<u8>>> {
        Box::pin(stream::unfold(self, Self::next))
    }

    async fn next(mut self) -> Option<(Result<Vec<u8>>, Self)> {
        let mut quiet_ms = 0;
        // Who comes back hears what is wrong with its credentials.
        while !self.ended && self.core.over(&self.pass).is_none() {
            let job = match self.core.tables.job(&self.id) {
                Ok(job) => job?,
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error), self));
                }
            };
            if !self.greeted && job.state == JobState::Queued {
                // The first event says where it stands.
                refresh(&self.core, &job).await;
            }
            match self.news(&job) {
                Ok(text) if text.is_empty() => {}
                news => return Some((news.map(String::into_bytes), self)),
            }
            if quiet_ms >= KEEP_ALIVE_MS {
                return Some((Ok(b": keep-alive\n\n".to_vec()), self));
            }
            let waits = job.state == JobState::Queued && !starts_later(&self.core, &job);
            let pause_ms = if waits { REFRESH_MS } else { KEEP_ALIVE_MS };
            let news = self.core.presence.watchers.wait(self.id)?;
            if self.core.platform.within(pause_ms, Box::pin(news)).await.is_none() {
                self.core.presence.watchers.forget(&self.id);
                quiet_ms += pause_ms;
                if waits {
                    refresh(&self.core, &job).await;
                }
            }
        }
        None
    }

    /// What there is to say now; empty for nothing.
    fn news(&mut self, job: &Job) -> Result<String> {
        let mut text = String::new();
        if !self.greeted {
            self.greeted = true;
            text = format!("retry: {RECONNECT_MS}\n\n");
        }
        let position = position(&self.core, job);
        let moved = self.position.zip(position).is_some_and(|(before, now)| before.differs(&now));
        let mut events = journal::after(job, self.after);
        if events.is_empty() && moved {
            // No new event, so no new number: who comes back hears what it has missed and not this.
            events.push(journal::last(job));
        }
        for event in &events {
            let data = event_json(&self.core, job, event, &self.origin)?;
            text.push_str(&format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id(), event.name().name()));
            self.after = event.id();
            self.position = position;
        }
        self.ended = job.state.is_final();
        Ok(text)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever goes away in the middle of waiting is forgotten.
        self.core.presence.watchers.forget(&self.id);
        self.core.presence.close_stream();
    }
}
