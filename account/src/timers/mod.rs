//! When an object does something by itself: its alarm, tasks of which one runs at a time, and what becomes of silent jobs.

mod alarm;
pub(crate) mod reconcile;
mod single_task;

pub(crate) use self::{alarm::Alarm, single_task::SingleTask};

/// The timers of one object.
#[derive(Debug, Default)]
pub struct Timers {
    /// The platform's alarm, as this life of the object knows it.
    pub alarm: Alarm,
    /// Announces to the lanes what is open and what has ended.
    pub tally: SingleTask,
    /// Writes down which queue numbers open jobs drew, and what they were promised.
    pub keep: SingleTask,
}
