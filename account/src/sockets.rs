//! WebSockets of an Account object, by the runtime's hibernation: an object that sleeps keeps its sockets.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use forebay_contract::{JobId, JobState, ProblemCode, ordered};
use serde_json::{json, value::RawValue};

use super::{
    Job,
    core::Core,
    flush,
    journal::{self, Event},
    listen::{self, REFRESH_MS},
    pass::Pass,
    watching::{self, Closing, Watching},
};
use crate::platform::{self, Result};
use forebay_admission::{Refusal, lane::position::QueuePosition};

/// What a client may leave unread of what it was told, in bytes: more is not kept for it.
const MOST_UNREAD_BYTES: u32 = 1 << 20;
/// The most queued jobs whose places are looked at in one round.
const MOST_PLACES: usize = 500;
const NORMAL: u16 = 1000;

/// The sockets that memory knows. They are read from the runtime when the object wakes up.
#[derive(Default)]
pub struct Sockets {
    known: RefCell<Option<Vec<Socket>>>,
    /// Whether somebody looks at the places of queued jobs.
    looking: Cell<bool>,
}

struct Socket {
    socket: Rc<dyn platform::Socket>,
    watching: Watching,
}

impl Socket {
    fn send(&self, text: &str) {
        self.socket.send(text);
    }

    fn refuse(&self, refusal: &Refusal) {
        self.send(&json!({ "type": "error", "problem": refusal.problem() }).to_string());
    }

    fn keep(&self, core: &Core) {
        let kept = serde_json::to_string(&self.watching).map_err(Into::into).and_then(|text| self.socket.keep(&text));
        if let Err(error) = kept {
            core.log("socket-not-kept", &error.to_string());
        }
    }

    /// Closes it when its credentials have ended; whether it may be told anything.
    fn may_hear(&self, core: &Core) -> bool {
        let over = core.over(&self.watching.pass);
        if let Some(closing) = over {
            core.log("socket-cut-off", closing.reason);
            self.close(closing);
        }
        over.is_none()
    }

    /// Closes it when its client does not read what it is told; whether it stays.
    fn stays(&self, core: &Core) -> bool {
        let behind = self.socket.unread_bytes() > MOST_UNREAD_BYTES;
        if behind {
            core.log("socket-cut-off", watching::BEHIND.reason);
            self.close(watching::BEHIND);
        }
        !behind
    }

    fn close(&self, closing: Closing) {
        self.socket.close(closing.code, closing.reason);
    }
}

/// Who wants a socket.
pub struct Wanted {
    /// What it watches from the beginning.
    pub id: Option<JobId>,
    /// What links begin with.
    pub origin: String,
    /// What lets it listen.
    pub pass: Pass,
}

/// What a client says.
pub enum Said {
    /// A text.
    Text(String),
    /// Something else.
    Bytes,
}

impl Sockets {
    /// Whether there may be one more.
    pub fn have_room(&self, core: &Core) -> Result<bool> {
        Ok(with(core, |sockets| sockets.len()) < core.settings()?.sockets_max)
    }
}

/// Listens to a socket that was opened.
pub fn accept(core: &Rc<Core>, socket: Rc<dyn platform::Socket>, wanted: Wanted) {
    let name = forebay_contract::hex(&core.platform.secret::<8>());
    let mut opened = Socket { socket, watching: Watching::new(name, wanted.origin, wanted.pass, core.now_ms()) };
    if let Some(id) = wanted.id {
        watch(core, &mut opened, &id.to_string());
    }
    opened.keep(core);
    with(core, |sockets| sockets.push(opened));
    look(core);
}

/// A client says something.
pub fn hear(core: &Rc<Core>, socket: &dyn platform::Socket, said: Said) -> Result<()> {
    flush::settle(core)?;
    let Some(mut speaker) = take(core, socket) else {
        socket.close(1011, "connect again");
        return Ok(());
    };
    if !speaker.may_hear(core) {
        return Ok(());
    }
    let done = heard(core, &mut speaker, said);
    speaker.keep(core);
    match done {
        Ok(()) if speaker.stays(core) => {
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
    drop(take(core, socket));
    // Codes below 3000 but for this one are the protocol's own: they cannot be sent.
    let code = u16::try_from(code).ok().filter(|code| (3000..5000).contains(code)).unwrap_or(NORMAL);
    socket.close(code, "");
}

/// Tells everybody who watches the job what is new.
pub(crate) fn publish(core: &Core, job: &Job) {
    with(core, |sockets| {
        sockets.retain_mut(|socket| {
            if socket.watching.last(&job.id).is_none() {
                return true;
            }
            socket.may_hear(core) && {
                tell(core, socket, job);
                socket.stays(core)
            }
        });
    });
}

/// Closes those whose credentials have ended.
pub(crate) fn dismiss(core: &Core) {
    with(core, |sockets| sockets.retain(|socket| socket.may_hear(core)));
}

fn heard(core: &Core, speaker: &mut Socket, said: Said) -> std::result::Result<(), Closing> {
    let text = match said {
        Said::Text(text) => text,
        Said::Bytes => return Err(Closing { code: 1003, reason: "messages are JSON texts" }),
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

/// Watches a job and tells where it stands; whether that could be done. What is not this account's is unknown.
fn watch(core: &Core, socket: &mut Socket, id: &str) -> bool {
    let found = id
        .parse::<JobId>()
        .map_err(|error| Refusal::new(ProblemCode::MalformedJobId, error.to_string()))
        .and_then(|id| core.tables.job(&id).ok().flatten().ok_or_else(Refusal::no_such_job))
        .and_then(|job| socket.watching.watch(job.id).map(|()| job));
    match found {
        Ok(job) => {
            // Where it stands says everything that has been.
            socket.watching.told(&job.id, journal::last(&job).id().saturating_sub(1));
            tell(core, socket, &job);
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

/// Tells a socket what it does not know of a job that it watches; what has ended is watched no more.
fn tell(core: &Core, socket: &mut Socket, job: &Job) {
    let Some(last) = socket.watching.last(&job.id) else { return };
    let events = journal::after(job, last);
    for event in &events {
        say(core, socket, job, event);
        socket.watching.told(&job.id, event.id());
    }
    if job.state.is_final() {
        socket.watching.unwatch(&job.id);
    }
    if !events.is_empty() {
        socket.keep(core);
    }
}

fn say(core: &Core, socket: &Socket, job: &Job, event: &Event) {
    let told =
        listen::told(core, job, event, &socket.watching.origin).and_then(|text| Ok(RawValue::from_string(text)?));
    match told {
        Ok(told) => {
            let (name, id) = (event.name().name(), event.id());
            socket.send(&format!(r#"{{"type":"job","event":"{name}","id":{id},"job":{told}}}"#));
        }
        Err(error) => core.log("event-failed", &error.to_string()),
    }
}

/// Looks at the places of queued jobs that are watched, every other second, as long as there are any that may start.
pub(crate) fn look(core: &Rc<Core>) {
    if core.sockets.looking.replace(true) {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        let mut places: BTreeMap<JobId, QueuePosition> = BTreeMap::new();
        loop {
            let queued = queued(&inner);
            if queued.is_empty() {
                break;
            }
            dismiss(&inner);
            places.retain(|id, _| queued.iter().any(|job| job.id == *id));
            for job in &queued {
                listen::refresh(&inner, job).await;
            }
            for job in &queued {
                let Some(place) = listen::queue(&inner, job) else { continue };
                let moved = places.get(&job.id).is_none_or(|before| before.differs(&place));
                // It may have started while its lane was asked.
                let is_queued = |job: &Job| job.state == JobState::Queued;
                let Some(job) = inner.tables.job(&job.id).ok().flatten().filter(is_queued).filter(|_| moved) else {
                    continue;
                };
                places.insert(job.id, place);
                with(&inner, |sockets| {
                    let watch = |socket: &&Socket| socket.watching.last(&job.id).is_some();
                    sockets.iter().filter(watch).for_each(|socket| say(&inner, socket, &job, &journal::last(&job)));
                    sockets.retain(|socket| socket.stays(&inner));
                });
            }
            inner.platform.sleep(REFRESH_MS).await;
        }
        inner.sockets.looking.set(false);
    });
}

fn queued(core: &Core) -> Vec<Job> {
    let ids = with(core, |sockets| {
        ordered::set(sockets.iter().flat_map(|socket| socket.watching.jobs.iter().map(|(id, _)| *id)))
    });
    let jobs = ids.iter().filter_map(|id| core.tables.job(id).ok().flatten());
    jobs.filter(|job| job.state == JobState::Queued && !listen::starts_later(core, job)).take(MOST_PLACES).collect()
}

/// The socket, out of the list.
fn take(core: &Core, socket: &dyn platform::Socket) -> Option<Socket> {
    let name = watching_of(socket)?.socket;
    with(core, |sockets| {
        let index = sockets.iter().position(|known| known.watching.socket == name)?;
        Some(sockets.swap_remove(index))
    })
}

fn watching_of(socket: &dyn platform::Socket) -> Option<Watching> {
    serde_json::from_str(&socket.kept()?).ok()
}

/// Works on the sockets; what it calls must not do the same.
fn with<T>(core: &Core, act: impl FnOnce(&mut Vec<Socket>) -> T) -> T {
    let mut known = core.sockets.known.borrow_mut();
    let sockets = known.get_or_insert_with(|| {
        let socket = |socket: Rc<dyn platform::Socket>| Some(Socket { watching: watching_of(&*socket)?, socket });
        core.platform.sockets().into_iter().filter_map(socket).collect()
    });
    act(sockets)
}
