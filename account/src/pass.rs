//! What lets somebody listen, and until when: a connection outlives the request whose credentials opened it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::watching::Closing;
use forebay_admission::caller::Caller;

/// By which credentials somebody listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The API key's id.
    pub key: Option<String>,
    /// When the secret or token ends, in milliseconds since the epoch.
    pub until_ms: Option<u64>,
}

const REVOKED: Closing = Closing { code: 1008, reason: "the API key was revoked" };
const ENDED: Closing = Closing { code: 1008, reason: "your credentials have ended: connect again with newer ones" };

impl Pass {
    /// The caller's.
    pub fn of(caller: &Caller) -> Self {
        Self { key: caller.key.clone(), until_ms: caller.until_ms }
    }

    /// Why nothing more may be told, if so.
    pub fn over(&self, revoked: &BTreeSet<String>, now_ms: u64) -> Option<Closing> {
        if self.key.as_ref().is_some_and(|key| revoked.contains(key)) {
            return Some(REVOKED);
        }
        self.until_ms.filter(|until_ms| *until_ms <= now_ms).map(|_| ENDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_ends_with_its_key_and_with_its_time() {
        let revoked = BTreeSet::from(["k1".to_owned()]);
        let over = |key: Option<&str>, until_ms| {
            Pass { key: key.map(str::to_owned), until_ms }.over(&revoked, 1_000).map(|closing| closing.reason)
        };
        assert_eq!([over(None, None), over(Some("k2"), Some(1_001))], [None, None]);
        assert_eq!(over(Some("k1"), None), Some(REVOKED.reason));
        assert_eq!(over(Some("k2"), Some(1_000)), Some(ENDED.reason));
    }
}
