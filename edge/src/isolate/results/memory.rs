use std::rc::Rc;

use forebay_account::Job;
use forebay_contract::Digest;
use serde_json::value::RawValue;

use crate::isolate::expiring::Expiring;

/// JSON up to here travels inside the answer of a hit, in bytes.
pub const INLINE_BYTES: u64 = 65_536;
/// What an entry takes besides the result, in bytes.
const ENTRY: usize = 2_048;
/// How long a cache that failed is left alone, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// A stored result, and the job that made it.
pub struct Cached {
    /// The job that made it.
    pub job: Job,
    /// The result itself, where somebody wanted it and it is not too large.
    pub content: Option<Rc<Content>>,
}

/// What a result consists of.
pub enum Content {
    /// JSON, as the model made it.
    Json(Box<RawValue>),
    /// Anything else: its media type, and its bytes.
    Other(String, Vec<u8>),
}

impl Cached {
    /// The result, where it is JSON and short enough to travel inside another answer.
    pub fn inline(&self) -> Option<Box<RawValue>> {
        match self.content.as_deref() {
            Some(Content::Json(json)) if json.get().len() as u64 <= INLINE_BYTES => Some(json.clone()),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        let content = match self.content.as_deref() {
            Some(Content::Json(json)) => json.get().len(),
            Some(Content::Other(_, bytes)) => bytes.len(),
            None => 0,
        };
        ENTRY + content
    }
}

/// Results that this isolate remembers, by digest.
pub struct Results {
    results: Expiring<Digest, Rc<Cached>>,
    /// Until when nothing is asked of the Cache API.
    paused_until_ms: u64,
}

impl Results {
    /// Remembers at most so many bytes, for so long each.
    pub fn new(most_bytes: usize, ms: u64) -> Self {
        Self { results: Expiring::new(most_bytes, ms), paused_until_ms: 0 }
    }

    /// The result of `digest`.
    pub fn get(&self, digest: &Digest, now_ms: u64) -> Option<Rc<Cached>> {
        self.results.get(digest, now_ms)
    }

    /// Remembers a result.
    pub fn put(&mut self, cached: Rc<Cached>, now_ms: u64) {
        let (digest, weight) = (cached.job.digest, cached.weight());
        self.results.put_weighing(digest, cached, weight, now_ms);
    }

    /// Forgets all results.
    pub fn clear(&mut self) {
        self.results.clear();
    }

    /// Forgets a result.
    pub fn forget(&mut self, digest: &Digest) {
        self.results.forget(digest);
    }

    /// Remembers that a younger job of the same account has the same result: its URL shows it for longer.
    pub fn renew(&mut self, cached: &Cached, job: &Job, now_ms: u64) {
        let (is_younger, same) = (job.id > cached.job.id, job.id.shard() == cached.job.id.shard());
        if is_younger && same && job.no_store == 0 && job.degraded.is_none() {
            let job = Job { log: None, ..job.clone() };
            self.put(Rc::new(Cached { job, content: cached.content.clone() }), now_ms);
        }
    }

    /// Whether the Cache API is left alone.
    pub(super) fn is_paused(&self, now_ms: u64) -> bool {
        now_ms < self.paused_until_ms
    }

    /// The Cache API failed.
    pub(super) fn pause(&mut self, now_ms: u64) {
        self.paused_until_ms = now_ms + PAUSE_MS;
    }
}

#[cfg(test)]
mod tests {
    use forebay_account::example::{START_MS, queued};
    use forebay_contract::{JobId, ShardKey};

    use super::*;

    #[test]
    fn a_younger_job_of_the_same_account_stands_for_the_same_result() {
        let job = |account: &str, made_at_ms| Job {
            id: JobId::new(made_at_ms, [0; 10], ShardKey::new(account, 0)),
            ..queued()
        };
        let content = Content::Other("text/plain".to_owned(), vec![0; 100]);
        let first = Rc::new(Cached { job: job("a", START_MS), content: Some(Rc::new(content)) });
        let mut results = Results::new(ENTRY + 100, 60_000);
        results.put(Rc::clone(&first), START_MS);
        let shown = |results: &Results| results.get(&first.job.digest, START_MS + 1).map(|cached| cached.job.id);
        for other in [job("b", START_MS + 1), job("a", START_MS - 1), Job { no_store: 1, ..job("a", START_MS + 1) }] {
            results.renew(&first, &other, START_MS);
            assert_eq!(shown(&results), Some(first.job.id));
        }
        let younger = job("a", START_MS + 1);
        results.renew(&first, &younger, START_MS);
        assert_eq!(shown(&results), Some(younger.id));
    }

    #[test]
    fn what_is_larger_than_the_whole_memory_is_not_remembered() {
        let content = Content::Other("text/plain".to_owned(), vec![0; 101]);
        let cached = Rc::new(Cached { job: queued(), content: Some(Rc::new(content)) });
        let mut results = Results::new(ENTRY + 100, 60_000);
        results.put(Rc::clone(&cached), START_MS);
        assert!(results.get(&cached.job.digest, START_MS).is_none());
    }
}
