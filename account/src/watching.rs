//! What one WebSocket watches, and what it may say. Pure; it travels with the socket as text, so that an object that
//! slept knows its sockets.

use forebay_contract::{JobId, ProblemCode};
use serde::{Deserialize, Serialize};

use super::pass::Pass;
use forebay_admission::Refusal;

/// The most jobs of one socket that have not ended.
pub(crate) const MOST_JOBS: usize = 100;
/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4_096;
/// The most messages of one socket in the time below, in milliseconds.
const MOST_MESSAGES: u32 = 60;
const MESSAGES_MS: u64 = 10_000;
/// So many mistakes are no accident.
const MOST_MISTAKES: u32 = 20;

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watching {
    /// Tells sockets apart.
    pub socket: String,
    /// What links begin with.
    pub origin: String,
    /// What lets it listen.
    #[serde(default)]
    pub pass: Pass,
    /// Jobs and the number of the last event that was told of each.
    pub jobs: Vec<(JobId, u32)>,
    messages: u32,
    since_ms: u64,
    mistakes: u32,
}

/// Who does not read what it is told would have all of it kept for it.
pub(crate) const BEHIND: Closing = Closing { code: 1013, reason: "you read too slowly: connect again" };

/// What a client says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SocketWish"))]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Jobs to be told of.
    #[serde(default)]
    pub watch: Vec<String>,
    /// Jobs not to be told of any more.
    #[serde(default)]
    pub unwatch: Vec<String>,
}

/// Why a socket is closed (RFC 6455 §7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// For people.
    pub reason: &'static str,
}

impl Watching {
    /// A new socket that watches nothing.
    pub(crate) fn new(socket: String, origin: String, pass: Pass, now_ms: u64) -> Self {
        Self { socket, origin, pass, jobs: Vec::new(), messages: 0, since_ms: now_ms, mistakes: 0 }
    }

    /// Counts a message; why the socket is to be closed, if it says too much.
    pub(crate) fn heard(&mut self, bytes: usize, now_ms: u64) -> Result<(), Closing> {
        if now_ms.saturating_sub(self.since_ms) >= MESSAGES_MS || now_ms < self.since_ms {
            (self.messages, self.since_ms) = (0, now_ms);
        }
        self.messages += 1;
        if bytes > MAX_MESSAGE_BYTES {
            return Err(Closing { code: 1009, reason: "messages may have at most 4096 bytes" });
        }
        if self.messages > MOST_MESSAGES {
            return Err(Closing { code: 1008, reason: "at most 60 messages in ten seconds" });
        }
        Ok(())
    }

    /// Counts a mistake; why the socket is to be closed, if there are too many.
    pub(crate) fn mistaken(&mut self) -> Result<(), Closing> {
        self.mistakes = self.mistakes.saturating_add(1);
        if self.mistakes > MOST_MISTAKES { Err(Closing { code: 1008, reason: "too many mistakes" }) } else { Ok(()) }
    }

    /// Watches another job, from the beginning. Watching it again tells everything again.
    pub(crate) fn watch(&mut self, id: JobId) -> Result<(), Refusal> {
        self.unwatch(&id);
        if self.jobs.len() >= MOST_JOBS {
            let detail = format!("a socket watches at most {MOST_JOBS} jobs: unwatch some, or open another");
            return Err(Refusal::new(ProblemCode::TooManyWatched, detail));
        }
        self.jobs.push((id, 0));
        Ok(())
    }

    /// Watches a job no more.
    pub(crate) fn unwatch(&mut self, id: &JobId) {
        self.jobs.retain(|(watched, _)| watched != id);
    }

    /// The number of the last event that was told of a job; `None` when it is not watched.
    pub(crate) fn last(&self, id: &JobId) -> Option<u32> {
        self.jobs.iter().find(|(watched, _)| watched == id).map(|(_, last)| *last)
    }

    /// Events up to number `last` were told.
    pub(crate) fn told(&mut self, id: &JobId, last: u32) {
        if let Some((_, told)) = self.jobs.iter_mut().find(|(watched, _)| watched == id) {
            *told = last;
        }
    }
}

/// Reads a message.
pub(crate) fn read(text: &str) -> Result<Wish, Refusal> {
    let refusal = |what: &str| {
        let what: String = what.chars().take(200).collect();
        let detail = format!("send {{\"watch\": [\"job id\", …]}} or {{\"unwatch\": […]}}: {what}");
        Refusal::new(ProblemCode::MalformedJson, detail)
    };
    // A list would do for serde: its fields by their order.
    if !text.trim_start().starts_with('{') {
        return Err(refusal("this is no object"));
    }
    serde_json::from_str(text).map_err(|error| refusal(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use forebay_contract::ShardKey;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn id(n: u64) -> JobId {
        JobId::new(n, [0; 10], ShardKey::new("a", 0))
    }

    fn watching() -> Watching {
        Watching::new("s".to_owned(), "https://edge.example".to_owned(), Pass::default(), NOW)
    }

    #[test]
    fn a_socket_watches_a_hundred_jobs() {
        let mut watching = watching();
        (0..100).for_each(|n| watching.watch(id(n)).unwrap());
        assert_eq!(watching.watch(id(100)).unwrap_err().code, ProblemCode::TooManyWatched);
        watching.watch(id(5)).unwrap();
        watching.unwatch(&id(7));
        watching.watch(id(100)).unwrap();
        // It must fit what the runtime keeps for a socket.
        assert!(serde_json::to_string(&watching).unwrap().len() < 8 * 1024);
    }

    #[test]
    fn each_job_remembers_what_was_told() {
        let mut watching = watching();
        watching.watch(id(1)).unwrap();
        watching.told(&id(1), 3);
        watching.told(&id(2), 9);
        assert_eq!((watching.last(&id(1)), watching.last(&id(2))), (Some(3), None));
        watching.watch(id(1)).unwrap();
        assert_eq!(watching.last(&id(1)), Some(0));
        let again: Watching = serde_json::from_str(&serde_json::to_string(&watching).unwrap()).unwrap();
        assert_eq!(again, watching);
    }

    #[test]
    fn who_says_too_much_is_cut_off() {
        let mut talker = watching();
        assert_eq!(talker.heard(4_097, NOW).unwrap_err().code, 1009);
        let mut talker = watching();
        assert!((0..60).all(|_| talker.heard(10, NOW + 1).is_ok()));
        assert_eq!(talker.heard(10, NOW + 9_999).unwrap_err().code, 1008);
        assert_eq!(talker.heard(10, NOW + 10_000), Ok(()));
        let mut clumsy = watching();
        assert!((0..20).all(|_| clumsy.mistaken().is_ok()));
        assert_eq!(clumsy.mistaken().unwrap_err().code, 1008);
    }

    #[test]
    fn messages_are_wishes() {
        let wish = Wish { watch: vec!["a".to_owned()], unwatch: vec!["b".to_owned()] };
        assert_eq!(read(r#"{"watch":["a"],"unwatch":["b"]}"#).unwrap(), wish);
        for text in ["", "{", "[]", r#"{"watch":"a"}"#, r#"{"subscribe":["a"]}"#, r#"{"watch":[1]}"#] {
            assert_eq!(read(text).unwrap_err().code, ProblemCode::MalformedJson, "{text}");
        }
    }
}
