//! How much an object stores, when that is logged, and what it then takes no more.
//!
//! An object may store 10 GB; beyond them SQLite says `SQLITE_FULL`, and deletes go on working:
//! <https://developers.cloudflare.com/durable-objects/platform/limits/>. Well before that no new job is taken. What is left
//! is for the jobs that are open, which end and are announced, for answers to who asks again, and for the alarm.

use std::cell::Cell;

/// From here on no new job is taken.
const SHED_BYTES: u64 = 8_000_000_000;
/// From here on nothing is written that an answer can do without.
const TIGHT_BYTES: u64 = 9_000_000_000;
/// Each full gigabyte from here on is logged.
const FIRST_MARK: u64 = 5;
const GIGABYTE: u64 = 1_000_000_000;
/// The size is looked at so often at most: it is a statement of its own.
const LOOK_MS: u64 = 1_000;

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
    /// The last mark that was logged.
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

impl Size {
    /// Whether it is to be looked at again.
    pub fn is_old(&self, now_ms: u64) -> bool {
        self.looked_ms.get().is_none_or(|looked_ms| now_ms.abs_diff(looked_ms) >= LOOK_MS)
    }

    /// The object stores `bytes`: the mark that was passed since the last look, if one was.
    pub fn looked(&self, bytes: u64, now_ms: u64) -> Option<u64> {
        self.looked_ms.set(Some(now_ms));
        self.bytes.set(bytes);
        let mark = mark(bytes);
        (mark > self.mark.replace(mark)).then_some(mark)
    }

    /// How much room there was at the last look.
    pub fn room(&self) -> Room {
        Room::of(self.bytes.get())
    }
}

/// The highest mark that is passed; 0 below the first.
fn mark(bytes: u64) -> u64 {
    Some(bytes / GIGABYTE).filter(|mark| *mark >= FIRST_MARK).unwrap_or(0)
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
