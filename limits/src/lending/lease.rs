//! What a holder of leases and the ledger say to each other.

use forebay_contract::catalog::LimitSpec;
use serde::{Deserialize, Serialize};

use crate::Level;

/// A lease lasts at most so long, in milliseconds.
pub const LONGEST_LEASE_MS: u64 = 5_000;
/// So long after its end a lease can still be given back.
pub const RETURN_MS: u64 = 60_000;

/// A holder wants some of a limit, and hands back what it did not use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The limit's id.
    pub limit: String,
    /// The limit.
    pub spec: LimitSpec,
    /// The least that is of use, in the limit's unit; 0 only gives back.
    pub want: u64,
    /// What of earlier leases of the limit was not used.
    #[serde(rename = "settle")]
    pub returned: Vec<Returned>,
}

/// What was not used of a lease that is not used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The lease.
    pub lease: u64,
    /// How much.
    pub unused: u64,
}

/// What an ask came to. `level` is what is left of the limit after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// So much is the holder's.
    Granted {
        /// The lease's id.
        lease: u64,
        /// How much: what was wanted or more.
        amount: u64,
        /// When what is unused ends, in milliseconds since the epoch.
        expires_ms: u64,
        /// The limit.
        level: Level,
    },
    /// There is not so much.
    Denied {
        /// When there will be, in milliseconds from now; `None` when never.
        retry_after_ms: Option<u64>,
        /// The limit.
        level: Level,
    },
    /// Nothing was wanted.
    #[serde(rename = "Settled")]
    Noted {
        /// The limit.
        level: Level,
    },
}
