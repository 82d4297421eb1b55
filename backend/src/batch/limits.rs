use crate::cost::Price;

/// How large a model's batches may be and how long they may be waited for. A job that alone is beyond a limit runs alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The most rows of one batch.
    pub max_rows: usize,
    /// The most cells that are laid out: rows × the longest row's tokens, pixels or numbers.
    pub max_cells: u64,
    /// The most time on the device that may be predicted for it, in microseconds.
    pub max_us: u64,
    /// How long the oldest job waits for company once the device is free, in microseconds.
    pub max_wait_us: u64,
    /// Cells of padding that a batch may have beyond its share; see [`Slack`](super::Slack).
    pub spare_cells: u64,
    /// What time on the device is predicted with.
    pub price: Price,
}

impl Default for Limits {
    /// One row at a time, at once.
    fn default() -> Self {
        Self {
            max_rows: 1,
            max_cells: u64::MAX,
            max_us: u64::MAX,
            max_wait_us: 0,
            spare_cells: 0,
            price: Price::default(),
        }
    }
}

/// What the device does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Nothing: whatever is due may run.
    Free,
    /// It runs a batch until about then. The next one is made ready before only when it is full; until then it keeps
    /// growing.
    BusyUntil(u64),
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Run the jobs of these tickets together; never empty.
    Run(Vec<u64>),
    /// These are past their deadlines: take them out and ask again.
    Drop(Vec<u64>),
    /// Ask again at this time, or when anything changes.
    WaitUntil(u64),
    /// Ask again when anything changes.
    Idle,
}
