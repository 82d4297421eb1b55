//! Who listens to jobs, and what they are told.

use std::{rc::Rc, time::Duration};

use forebay_contract::{JobId, JobState, ShardKey, catalog::LaneSpec};
use futures_util::{
    future::{Either, select},
    stream,
};
use serde::{Deserialize, Serialize};
use worker::{Delay, Headers, Request, Response, Result};

use super::{
    Job,
    core::Core,
    flush,
    journal::{self, Event},
    pass::Pass,
    sockets, tally,
    watching::Closing,
};
use crate::{
    admission::lane::place::{Lined, Queue},
    cx::{Cx, Stop, now_ms},
    handlers::{job_body::JobBody, outlook::waiting},
    runtime::{self, Redirect},
};

/// A line that says nothing, so that what stands between does not take the stream for dead.
const KEEP_ALIVE_MS: u64 = 15_000;
/// How often a queued job's place is looked at anew.
pub const REFRESH_MS: u64 = 2_000;
/// A status of a lane is new enough for so long.
const FRESH_MS: u64 = 1_500;
/// What a client waits before it connects again, in milliseconds.
const RECONNECT_MS: u64 = 2_000;

/// What the Worker asks an object for, besides calls: something that lasts.
#[derive(Debug, Serialize, Deserialize)]
pub enum Listen {
    /// An event stream of one job.
    Stream {
        /// Which.
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

/// Asks an Account object; 429 when too many listen already.
pub async fn listen(cx: &Cx, shard: ShardKey, listen: &Listen) -> std::result::Result<Response, Stop> {
    let asked = serde_json::to_string(listen).map_err(|error| Stop::broken(error.to_string()))?;
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("listen", &asked).finish();
    let upgrade = if matches!(listen, Listen::Socket { .. }) { &[("upgrade", "websocket")][..] } else { &[] };
    let url = format!("https://object/?{query}");
    let request = runtime::request("GET", &url, upgrade, None, Redirect::Follow)?;
    cx.asks();
    Ok(cx.env.durable_object("ACCOUNT")?.get_by_name(&shard.to_string())?.fetch_with_request(request).await?)
}

/// The object's answer.
pub fn answer(core: &Rc<Core>, request: &Request) -> Result<Response> {
    flush::settle(core)?;
    // Not `Request::url`: its parser brings the tables of international domain names along, a fifth of the bundle.
    let url = request.inner().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let asked = pairs.find(|(name, _)| name == "listen").map(|(_, value)| value.into_owned());
    match serde_json::from_str(&asked.unwrap_or_default())? {
        Listen::Stream { pass, .. } | Listen::Socket { pass, .. } if core.over(&pass).is_some() => {
            Response::error("the credentials have ended", 401)
        }
        Listen::Stream { id, after, origin, pass } => event_stream(core, id, after, origin, pass),
        Listen::Socket { id, origin, pass } => sockets::accept(core, id, origin, pass),
    }
}

impl Core {
    /// Why nothing more may be told to a listener, if so.
    pub fn over(&self, pass: &Pass) -> Option<Closing> {
        pass.over(&self.revoked_keys.borrow(), now_ms())
    }
}

/// What a client is told of an event of `job`: the job as it was then, as JSON.
pub fn told(core: &Core, job: &Job, event: &Event, origin: &str) -> Result<String> {
    let then = journal::as_of(job, event);
    let mut body = JobBody::new(&then, origin).map_err(|stop| worker::Error::RustError(format!("{stop:?}")))?;
    body.stands(queue(core, job).filter(|_| then.state == JobState::Queued));
    Ok(serde_json::to_string(&body)?)
}

/// The job's place, by what its lane was last heard to say.
pub fn queue(core: &Core, job: &Job) -> Option<Queue> {
    if job.state != JobState::Queued {
        return None;
    }
    let load = core.load.borrow();
    let (status, rate) = load.lane(job.lane)?;
    let spec = LaneSpec { rate, ..LaneSpec::default() };
    let place = load.place(&job.id);
    let job = Job { place, ..job.clone() };
    Some(Lined { status, spec: &spec }.queue(waiting(&job, true, now_ms())))
}

/// Whether the job may not start yet: its place does not change until then.
pub fn starts_later(job: &Job) -> bool {
    job.not_before_ms.is_some_and(|start_ms| start_ms > now_ms())
}

/// Asks the job's lane how it stands, unless that was heard a moment ago.
pub async fn refresh(core: &Rc<Core>, job: &Job) {
    let heard_ms = core.load.borrow().lane(job.lane).map(|(status, _)| status.at_ms);
    if heard_ms.is_none_or(|at_ms| now_ms().saturating_sub(at_ms) >= FRESH_MS) {
        core.load.borrow_mut().tell_again(job.lane);
        tally::tell(core).await;
    }
}

fn event_stream(core: &Rc<Core>, id: JobId, after: u32, origin: String, pass: Pass) -> Result<Response> {
    let Some(job) = core.tables.job(&id)? else { return Response::error("no such job", 404) };
    // The client knows how it ended: an empty answer is how it learns that there is nothing to connect to again.
    if journal::is_told(&job, after) {
        return Ok(Response::empty()?.with_status(204));
    }
    if core.streams.get() >= core.config()?.event_streams_max {
        return Response::error("too many listen", 429);
    }
    core.streams.set(core.streams.get() + 1);
    let core = core.clone();
    let listener = Listener { core, id, after, origin, pass, greeted: false, ended: false, place: None };
    let headers = Headers::new();
    headers.set("content-type", "text/event-stream; charset=utf-8")?;
    Ok(Response::from_stream(stream::unfold(listener, Listener::next))?.with_headers(headers))
}

/// One event stream. It remembers a number and nothing else: who reads slowly finds in the job's row what it has
/// missed, so nothing piles up for it.
struct Listener {
    core: Rc<Core>,
    id: JobId,
    after: u32,
    origin: String,
    pass: Pass,
    greeted: bool,
    ended: bool,
    /// What was last said of its place.
    place: Option<Queue>,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Vec<u8>>, Self)> {
        let mut quiet_ms = 0;
        // Who comes back is told what is wrong with its credentials.
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
            let waits = job.state == JobState::Queued && !starts_later(&job);
            let pause_ms = if waits { REFRESH_MS } else { KEEP_ALIVE_MS };
            let news = self.core.watchers.wait(self.id)?;
            let timeout = Delay::from(Duration::from_millis(pause_ms));
            if let Either::Right(((), news)) = select(news, timeout).await {
                drop(news);
                self.core.watchers.forget(&self.id);
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
        let place = queue(&self.core, job);
        let moved = self.place.zip(place).is_some_and(|(before, now)| before.differs(&now));
        let mut events = journal::after(job, self.after);
        if events.is_empty() && moved {
            // No new event, so no new number: who comes back hears what it has missed and not this.
            events.push(journal::last(job));
        }
        for event in &events {
            let data = told(&self.core, job, event, &self.origin)?;
            text.push_str(&format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id(), event.name().name()));
            self.after = event.id();
            self.place = place;
        }
        self.ended = job.state.is_final();
        Ok(text)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever goes away in the middle of waiting is forgotten.
        self.core.watchers.forget(&self.id);
        self.core.streams.set(self.core.streams.get().saturating_sub(1));
    }
}
