//! WebSockets of an Account object, by the runtime's hibernation: an object that sleeps keeps its sockets.

use std::{collections::BTreeMap, rc::Rc};

use forebay_contract::{JobId, JobState, ProblemCode, ordered};
use serde_json::{json, value::RawValue};

use super::{
    core::Core,
    flush,
    listen::{self, REFRESH_MS},
};
use crate::{
    job::{
        Job,
        journal::{self, Event},
    },
    platform::{self, Result},
    presence::{
        Socket,
        pass::Pass,
        watching::{self, Closing, Watching},
    },
};
use forebay_admission::{Refusal, lane::position::QueuePosition};

/// The most queued jobs that are looked at in one round.
const MOST_LOOKED_AT: usize = 500;
const NORMAL: u16 = 1000;

/// A WebSocket that somebody wants to open.
pub struct SocketRequest {
    /// What it watches from the beginning.
    pub id: Option<JobId>,
    /// What links begin with.
    pub origin: String,
    /// What lets it listen.
    pub pass: Pass,
}

/// What a client says.
pub enum ClientMessage {
    /// A text.
    Text(String),
    /// Something else.
    Bytes,
}

/// Listens to a socket that was opened.
pub fn accept(core: &Rc<Core>, socket: Rc<dyn platform::Socket>, wanted: SocketRequest) {
    let name = forebay_contract::hex(&core.platform.secret::<8>());
    let mut opened = Socket::new(Watching::new(name, wanted.origin, wanted.pass, core.now_ms()), socket);
    if let Some(id) = wanted.id {
        watch(core, &mut opened, &id.to_string());
    }
    keep(core, &opened);
    with(core, |sockets| sockets.push(opened));
    look(core);
}

/// A client says something.
pub fn hear(core: &Rc<Core>, socket: &dyn platform::Socket, said: ClientMessage) -> Result<()> {
    flush::mark_sent(core)?;
    let Some(mut speaker) = core.presence.sockets.take(&*core.platform, socket) else {
        socket.close(1011, "connect again");
        return Ok(());
    };
    if !may_hear(core, &speaker) {
        return Ok(());
    }
    let done = heard(core, &mut speaker, said);
    keep(core, &speaker);
    match done {
        Ok(()) if stays(core, &speaker) => {
            with(core, |sockets| sockets.push(speaker));
            look(core);
        }
        Ok(()) => {}
        Err(closing) => speaker.close(closing),
    }
    Ok(())
}

/// A client has closed, or is gone.
pub fn closed(core: &Rc<Core>, socket: &dyn platform::Socket, code: usize) {
    drop(core.presence.sockets.take(&*core.platform, socket));
    // Codes below 3000 but for this one are the protocol's own: they cannot be sent.
    let code = u16::try_from(code).ok().filter(|code| (3000..5000).contains(code)).unwrap_or(NORMAL);
    socket.close(code, "");
}

/// Sends everybody who watches the job what is new.
pub(crate) fn publish(core: &Core, job: &Job) {
    with(core, |sockets| {
        sockets.retain_mut(|socket| {
            if socket.watching.last(&job.id).is_none() {
                return true;
            }
            may_hear(core, socket) && {
                announce(core, socket, job);
                stays(core, socket)
            }
        });
    });
}

/// Closes those whose credentials have ended.
pub(crate) fn dismiss(core: &Core) {
    with(core, |sockets| sockets.retain(|socket| may_hear(core, socket)));
}

/// Whether there may be one more.
pub(crate) fn have_room(core: &Core) -> Result<bool> {
    Ok(with(core, |sockets| sockets.len()) < core.settings()?.sockets_max)
}

fn heard(core: &Core, speaker: &mut Socket, said: ClientMessage) -> Result<(), Closing> {
    let text = match said {
        ClientMessage::Text(text) => text,
        ClientMessage::Bytes => return Err(Closing { code: 1003, reason: "messages are JSON texts" }),
    };
    if let Err(closing) = speaker.watching.heard(text.len(), core.now_ms()) {
        let code = if closing.code == 1009 { ProblemCode::MessageTooLarge } else { ProblemCode::TooManyAttempts };
        speaker.refuse(&Refusal::new(code, closing.reason));
        return Err(closing);
    }
    let wish = match watching::read(&text) {
        Ok(wish) => wish,
        Err(refusal) => {
            speaker.refuse(&refusal);
            return speaker.watching.mistaken();
        }
    };
    for id in &wish.unwatch {
        if let Ok(id) = id.parse() {
            speaker.watching.unwatch(&id);
        }
    }
    wish.watch.iter().try_for_each(|id| if watch(core, speaker, id) { Ok(()) } else { speaker.watching.mistaken() })
}

/// Watches a job and says where it stands; whether that could be done. What is not this account's is unknown.
fn watch(core: &Core, socket: &mut Socket, id: &str) -> bool {
    let found = id
        .parse::<JobId>()
        .map_err(|error| Refusal::new(ProblemCode::MalformedJobId, error.to_string()))
        .and_then(|id| core.tables.job(&id).ok().flatten().ok_or_else(Refusal::no_such_job))
        .and_then(|job| socket.watching.watch(job.id).map(|()| job));
    match found {
        Ok(job) => {
            // Where it stands says everything that has been.
            socket.watching.announced(&job.id, journal::last(&job).id().saturating_sub(1));
            announce(core, socket, &job);
            true
        }
        Err(refusal) => {
            let mut text = json!({ "type": "error", "problem": refusal.problem() });
            if let Some(object) = text.as_object_mut() {
                object.insert("job".to_owned(), id.chars().take(64).collect::<String>().into());
            }
            socket.send(&text.to_string());
            false
        }
    }
}

/// Sends a socket what it does not know of a job that it watches; what has ended is watched no more.
fn announce(core: &Core, socket: &mut Socket, job: &Job) {
    let Some(last) = socket.watching.last(&job.id) else { return };
    let events = journal::after(job, last);
    for event in &events {
        say(core, socket, job, event);
        socket.watching.announced(&job.id, event.id());
    }
    if job.state.is_final() {
        socket.watching.unwatch(&job.id);
    }
    if !events.is_empty() {
        keep(core, socket);
    }
}

fn say(core: &Core, socket: &Socket, job: &Job, event: &Event) {
    let body =
        listen::event_json(core, job, event, &socket.watching.origin).and_then(|text| Ok(RawValue::from_string(text)?));
    match body {
        Ok(body) => {
            let (name, id) = (event.name().name(), event.id());
            socket.send(&format!(r#"{{"type":"job","event":"{name}","id":{id},"job":{body}}}"#));
        }
        Err(error) => core.log("event-failed", &error.to_string()),
    }
}

/// Looks at where the queued jobs stand that are watched, every other second, as long as there are any that may start.
pub(crate) fn look(core: &Rc<Core>) {
    if !core.presence.sockets.look.begin() {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        let mut positions: BTreeMap<JobId, QueuePosition> = BTreeMap::new();
        loop {
            let queued = queued(&inner);
            if queued.is_empty() {
                break;
            }
            dismiss(&inner);
            positions.retain(|id, _| queued.iter().any(|job| job.id == *id));
            for job in &queued {
                listen::refresh(&inner, job).await;
            }
            for job in &queued {
                let Some(position) = listen::position(&inner, job) else { continue };
                let moved = positions.get(&job.id).is_none_or(|before| before.differs(&position));
                // It may have started while its lane was asked.
                let is_queued = |job: &Job| job.state == JobState::Queued;
                let Some(job) = inner.tables.job(&job.id).ok().flatten().filter(is_queued).filter(|_| moved) else {
                    continue;
                };
                positions.insert(job.id, position);
                with(&inner, |sockets| {
                    let watch = |socket: &&Socket| socket.watching.last(&job.id).is_some();
                    sockets.iter().filter(watch).for_each(|socket| say(&inner, socket, &job, &journal::last(&job)));
                    sockets.retain(|socket| stays(&inner, socket));
                });
            }
            inner.platform.sleep(REFRESH_MS).await;
        }
        inner.presence.sockets.look.end();
    });
}

fn queued(core: &Core) -> Vec<Job> {
    let ids = with(core, |sockets| {
        ordered::set(sockets.iter().flat_map(|socket| socket.watching.jobs.iter().map(|(id, _)| *id)))
    });
    let jobs = ids.iter().filter_map(|id| core.tables.job(id).ok().flatten());
    jobs.filter(|job| job.state == JobState::Queued && !listen::starts_later(core, job)).take(MOST_LOOKED_AT).collect()
}

/// Keeps what a socket watches with it.
fn keep(core: &Core, socket: &Socket) {
    if let Err(error) = socket.keep() {
        core.log("socket-not-kept", &error.to_string());
    }
}

/// Closes a socket when its credentials have ended; whether it may hear anything.
fn may_hear(core: &Core, socket: &Socket) -> bool {
    let over = core.over(&socket.watching.pass);
    if let Some(closing) = over {
        core.log("socket-cut-off", closing.reason);
        socket.close(closing);
    }
    over.is_none()
}

/// Closes a socket when its client does not read what it is sent; whether it stays.
fn stays(core: &Core, socket: &Socket) -> bool {
    let behind = socket.is_behind();
    if behind {
        core.log("socket-cut-off", watching::BEHIND.reason);
        socket.close(watching::BEHIND);
    }
    !behind
}

/// Works on the sockets; what it calls must not do the same.
fn with<T>(core: &Core, act: impl FnOnce(&mut Vec<Socket>) -> T) -> T {
    core.presence.sockets.with(&*core.platform, act)
}
