//! Answers that this isolate gave by itself: gathered for a while, then told to their accounts' objects, for usage.
//!
//! An isolate that ends meanwhile takes a few seconds of them along; they cost nobody anything.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use forebay_contract::ShardKey;
use worker::{Delay, Env};

use crate::{
    cx::{Cx, log_line},
    objects::{self},
};
use forebay_account::{Job, UsageRow};

/// How long they are gathered.
const GATHER_MS: u64 = 5_000;
/// By then whoever was to tell them is gone: the runtime ends what lasts longer than a request may.
const LOST_MS: u64 = 30_000;
/// The most accounts, models and days that are counted at once; beyond it hits are not.
const MOST: usize = 4_096;

thread_local! {
    static HITS: RefCell<Hits> = RefCell::default();
}

/// Counts an answer that a stored result of `job` gave to the account of `shard`.
pub fn count(cx: &Cx, shard: ShardKey, job: &Job) {
    let tells = HITS.with_borrow_mut(|hits| hits.count(shard.to_string(), UsageRow::hit(job, cx.now_ms), cx.now_ms));
    if tells {
        let env = cx.env.clone();
        cx.context.wait_until(async move {
            Delay::from(Duration::from_millis(GATHER_MS)).await;
            tell(&env).await;
        });
    }
}

async fn tell(env: &Env) {
    for (shard, rows) in HITS.with_borrow_mut(Hits::take) {
        if let Err(error) = objects::count_hits(env, &shard, rows).await {
            log_line("hits-not-counted", &error);
        }
    }
}

/// What was not told yet, by account's object, day and model. The clock is an argument.
#[derive(Debug, Default)]
struct Hits {
    counts: BTreeMap<(String, String, String), UsageRow>,
    /// Since when somebody is about to tell them.
    since_ms: Option<u64>,
}

impl Hits {
    /// Counts one; whether the caller is to see to it that they are told.
    fn count(&mut self, shard: String, row: UsageRow, now_ms: u64) -> bool {
        let key = (shard, row.day.clone(), row.model.clone());
        if let Some(counted) = self.counts.get_mut(&key) {
            counted.cached += row.cached;
        } else if self.counts.len() < MOST {
            self.counts.insert(key, row);
        }
        // A clock that jumped back has lost whoever it was, too.
        let told =
            self.since_ms.and_then(|since_ms| now_ms.checked_sub(since_ms)).is_some_and(|age_ms| age_ms < LOST_MS);
        if !told {
            self.since_ms = Some(now_ms);
        }
        !told
    }

    /// All of them, by object.
    fn take(&mut self) -> BTreeMap<String, Vec<UsageRow>> {
        self.since_ms = None;
        let mut rows: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for ((shard, _, _), row) in std::mem::take(&mut self.counts) {
            rows.entry(shard).or_default().push(row);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_account::example::{START_MS, queued};

    fn row(model: &str, now_ms: u64) -> UsageRow {
        UsageRow::hit(&Job { model: model.to_owned(), ..queued() }, now_ms)
    }

    #[test]
    fn hits_are_gathered_by_account_day_and_model_and_told_by_one() {
        const DAY_MS: u64 = 86_400_000;
        let mut hits = Hits::default();
        let mut count = |shard: &str, model, now_ms| hits.count(shard.to_owned(), row(model, now_ms), now_ms);
        assert!(count("a", "m", START_MS));
        assert!(!count("a", "m", START_MS + 1) && !count("a", "n", START_MS + 2) && !count("b", "m", START_MS + 3));
        // Whoever was to tell them did not.
        assert!(count("a", "m", START_MS + LOST_MS) && count("a", "m", START_MS + DAY_MS));
        let told = hits.take();
        let of = |shard: &str| told[shard].iter().map(|row| (row.model.as_str(), row.cached)).collect::<Vec<_>>();
        assert_eq!((of("a"), of("b")), (vec![("m", 3), ("n", 1), ("m", 1)], vec![("m", 1)]));
        assert!(hits.take().is_empty());
        assert!(hits.count("a".to_owned(), row("m", START_MS), START_MS));
    }

    #[test]
    fn there_are_only_so_many_at_once() {
        let mut hits = Hits::default();
        for n in 0..2 * MOST {
            hits.count(format!("{n}"), row("m", START_MS), START_MS);
        }
        assert_eq!(hits.take().len(), MOST);
    }
}
