use super::{Item, Limits, slack::OF_ONE_PER_CENT};
use crate::features::Shape;

/// The nearest jobs are asked first: the shorter row in per cent of the longer one. Beyond a quarter, padding would be
/// too much but for the rarest batches.
const NEAR_PER_CENT: [usize; RINGS] = [97, 92, 86, 80];
/// How many circles there are.
pub(super) const RINGS: usize = 4;

/// A batch that is being put together around its first job.
pub(super) struct Draft<'a> {
    limits: &'a Limits,
    first: &'a Item,
    pub(super) tickets: Vec<u64>,
    rows: usize,
    /// The cells of the longest row, to which all are padded.
    longest: u64,
    /// The cells that are no padding.
    filled: u64,
    /// Whether somebody of the right shape found no room.
    turned_away: bool,
}

impl<'a> Draft<'a> {
    /// A batch of one: the first job has room however large it is.
    pub(super) fn new(limits: &'a Limits, first: &'a Item) -> Self {
        let mut tickets = Vec::with_capacity(limits.max_rows.min(256));
        tickets.push(first.ticket);
        let longest = first.shape.cells();
        let filled = longest.saturating_mul(first.rows as u64);
        Self { limits, first, tickets, rows: first.rows, longest, filled, turned_away: false }
    }

    /// How near the job's rows are to the first one's, 0 the nearest; `None` where they cannot lie beside one another.
    pub(super) fn ring(&self, item: &Item) -> Option<usize> {
        if item.model != self.first.model || self.first.alone.is_some() || item.alone.is_some() {
            return None;
        }
        match (&self.first.shape, &item.shape) {
            (Shape::Padded(first), Shape::Padded(other)) => {
                let (short, long) = if first < other { (*first, *other) } else { (*other, *first) };
                let ring =
                    NEAR_PER_CENT.iter().position(|near| short.saturating_mul(100) >= long.saturating_mul(*near));
                ring.or_else(|| ((long - short) as u64 <= self.limits.spare_cells).then_some(RINGS - 1))
            }
            (first, other) => (first == other).then_some(0),
        }
    }

    /// Takes a job of some [ring](Self::ring), if limits and padding allow it.
    pub(super) fn offer(&mut self, item: &Item) -> bool {
        let rows = self.rows.saturating_add(item.rows);
        let own = item.shape.cells();
        let longest = self.longest.max(own);
        let cells = longest.saturating_mul(rows as u64);
        let filled = self.filled.saturating_add(own.saturating_mul(item.rows as u64));
        let padding = cells.saturating_sub(filled).saturating_sub(self.limits.spare_cells);
        if padding.saturating_mul(100) > cells.saturating_mul(OF_ONE_PER_CENT) {
            return false;
        }
        if rows > self.limits.max_rows
            || cells > self.limits.max_cells
            || self.limits.price.batch_us(rows, longest) > self.limits.max_us
        {
            self.turned_away = true;
            return false;
        }
        self.tickets.push(item.ticket);
        (self.rows, self.longest, self.filled) = (rows, longest, filled);
        true
    }

    /// Whether no row more has room.
    pub(super) fn is_closed(&self) -> bool {
        self.rows >= self.limits.max_rows
    }

    /// Whether waiting would not make it larger: it is closed, or somebody was turned away.
    pub(super) fn is_full(&self) -> bool {
        let alone_over = self.longest.saturating_mul(self.rows as u64) >= self.limits.max_cells
            || self.limits.price.batch_us(self.rows, self.longest) >= self.limits.max_us;
        self.turned_away || self.is_closed() || alone_over
    }
}
