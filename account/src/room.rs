//! How much an object stores, who is told of it, and what it then takes no more.
//!
//! An object may store 10 GB; beyond them SQLite says `SQLITE_FULL`, and deletes go on working:
//! <https://developers.cloudflare.com/durable-objects/platform/limits/>. Well before that no new job is taken. What is left
//! is for the jobs that are open, which end and are told of, for answers to who asks again, and for the alarm.

use std::cell::Cell;

use super::{Job, core::Core};
use crate::platform::Result;

/// From here on no new job is taken.
const SHED_BYTES: u64 = 8_000_000_000;
/// From here on nothing is written that an answer can do without.
const TIGHT_BYTES: u64 = 9_000_000_000;
/// Each full gigabyte from here on is told to the log.
const FIRST_MARK: u64 = 5;
const GIGABYTE: u64 = 1_000_000_000;
/// The size is looked at so often at most: it is a statement of its own.
const LOOK_MS: u64 = 1_000;

/// For how long the message of a job that ended without a result is kept, and how much of all of them: a favour, for who
/// wants to run the job again.
const KEPT_MS: u64 = 3 * 86_400_000;
const MOST_KEPT_BYTES: u64 = 500_000_000;
/// How many make room for one that comes.
const MOST_REPLACED: u32 = 4;

/// How much room an object has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    Ample,
    /// None for new jobs.
    Low,
    /// None for anything but what must be written: what is kept as a favour goes.
    Out,
}

/// What an object knows of its size.
#[derive(Debug, Default)]
pub struct Size {
    looked_ms: Cell<Option<u64>>,
    bytes: Cell<u64>,
    /// The last mark that was told.
    mark: Cell<u64>,
}

impl Room {
    /// Of an object that stores `bytes`.
    pub fn of(bytes: u64) -> Self {
        match bytes {
            TIGHT_BYTES.. => Self::Out,
            SHED_BYTES.. => Self::Low,
            _ => Self::Ample,
        }
    }

    /// Whether a job may be taken; `stored`: one that needs no message, since its result is there.
    pub fn takes(self, stored: bool) -> bool {
        self == Self::Ample || stored && self == Self::Low
    }
}

/// The highest mark that is passed; 0 below the first.
fn mark(bytes: u64) -> u64 {
    Some(bytes / GIGABYTE).filter(|mark| *mark >= FIRST_MARK).unwrap_or(0)
}

impl Core {
    /// How much room there is. A mark that was passed since the last look is told.
    pub fn room(&self) -> Room {
        let now = self.now_ms();
        let size = &self.size;
        if size.looked_ms.get().is_none_or(|looked_ms| now.abs_diff(looked_ms) >= LOOK_MS) {
            size.looked_ms.set(Some(now));
            size.bytes.set(self.platform.stored_bytes());
            let mark = mark(size.bytes.get());
            if mark > size.mark.replace(mark) {
                self.log("account-fills", &format!("{} stores {mark} of 10 GB", self.shard));
            }
        }
        Room::of(size.bytes.get())
    }

    /// Keeps the message of a job that ended without a result, for another try, and lets the oldest of those go that there
    /// is no room for.
    pub fn keep_message(&self, job: &Job) -> Result<()> {
        self.tables.keep_message(job, self.now_ms())?;
        self.forget_messages(MOST_REPLACED)
    }

    /// Forgets up to `most` messages of ended jobs that are too old, or too much.
    pub fn forget_messages(&self, most: u32) -> Result<()> {
        let bytes = if self.room() == Room::Out { 0 } else { MOST_KEPT_BYTES };
        self.tables.forget_messages(self.now_ms().saturating_sub(KEPT_MS), bytes, most)
    }

    /// When some of them are to be forgotten.
    pub fn messages_due_ms(&self) -> Result<Option<u64>> {
        let oldest_ms = self.tables.oldest_kept_ms()?;
        Ok(oldest_ms.map(|ended_ms| if self.room() == Room::Out { ended_ms } else { ended_ms.saturating_add(KEPT_MS) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_jobs_go_first_and_then_whatever_is_not_needed() {
        for (bytes, room, new, stored) in [
            (0, Room::Ample, true, true),
            (SHED_BYTES - 1, Room::Ample, true, true),
            (SHED_BYTES, Room::Low, false, true),
            (TIGHT_BYTES - 1, Room::Low, false, true),
            (TIGHT_BYTES, Room::Out, false, false),
            (u64::MAX, Room::Out, false, false),
        ] {
            assert_eq!(
                (Room::of(bytes), Room::of(bytes).takes(false), Room::of(bytes).takes(true)),
                (room, new, stored)
            );
        }
    }

    #[test]
    fn each_gigabyte_from_the_fifth_on_is_a_mark() {
        let marks = [0, 4_999_999_999, 5_000_000_000, 7_999_999_999, 10_000_000_000].map(mark);
        assert_eq!(marks, [0, 0, 5, 7, 10]);
    }
}
