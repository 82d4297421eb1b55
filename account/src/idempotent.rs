//! Idempotency keys of one object: what was decided under them, and what is being decided now.

use std::{cell::RefCell, collections::HashSet, rc::Rc};

use super::{Job, core::Core};
use crate::platform::Result;
use forebay_admission::idempotency::{Idempotency, is_remembered};

/// Keys whose first request is not decided yet: a decision may wait for a limit or a lease.
pub(crate) type Deciding = Rc<RefCell<HashSet<String>>>;

/// Whether a request may go on under its key.
pub(crate) enum Claim {
    /// It is the first one.
    Free(Claimed),
    /// It was decided: this is its job.
    Taken(Box<Job>),
    /// The key was used for another request.
    Mismatch,
    /// The first one is not decided yet.
    InProgress,
}

/// The key is being decided; dropped, it is free again, or found in the table.
pub(crate) struct Claimed {
    deciding: Deciding,
    key: String,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.deciding.borrow_mut().remove(&self.key);
    }
}

/// Claims the key. A key whose job is gone is free, as is one that is a day old.
pub(crate) fn claim(core: &Core, idempotency: &Idempotency, now_ms: u64) -> Result<Claim> {
    if let Some(used) = core.tables.idempotency(&idempotency.key)?
        && is_remembered(used.made_ms, now_ms)
    {
        if used.fingerprint != idempotency.fingerprint {
            return Ok(Claim::Mismatch);
        }
        if let Some(job) = core.tables.job(&used.job_id)? {
            return Ok(Claim::Taken(Box::new(job)));
        }
    }
    if !core.deciding.borrow_mut().insert(idempotency.key.clone()) {
        return Ok(Claim::InProgress);
    }
    Ok(Claim::Free(Claimed { deciding: core.deciding.clone(), key: idempotency.key.clone() }))
}
