//! What an isolate remembers of the keys that an issuer publishes, and when it asks again.

use std::rc::Rc;

use super::key::{PublicKey, Wanted, candidates};

/// How long keys are used without asking again.
const FRESH_MS: u64 = 300_000;
/// How long keys are used at most while the issuer does not answer.
pub const LONGEST_MS: u64 = 3_600_000;
/// The least time between two questions about a key that is not there: names of keys are free to invent.
const PAUSE_MS: u64 = 30_000;
/// The same after a failure with nothing remembered: every token waits for it.
const URGENT_PAUSE_MS: u64 = 10_000;
/// How long an answer is waited for.
pub const TIMEOUT_MS: u64 = 5_000;

/// The keys of one issuer. Times are milliseconds since the epoch; a clock that jumped back makes all of it too old.
#[derive(Debug, Clone, Default)]
pub struct KeyMemory {
    fetched: Option<(u64, Rc<[PublicKey]>)>,
    last: Option<(u64, Question)>,
}

/// How the last question to the issuer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Asked,
    Answered,
    Failed,
}

/// What to do for a token.
#[derive(Debug, PartialEq, Eq)]
pub enum Advice {
    /// Try these keys; when there are none, the token is nobody's.
    Try(Vec<PublicKey>),
    /// Ask the issuer first.
    Ask,
    /// Nobody can say now.
    ComeBack {
        /// When somebody can.
        in_ms: u64,
    },
}

impl KeyMemory {
    /// What to do for a token that wants this key.
    pub fn advise(&self, wanted: Wanted<'_>, now_ms: u64) -> Advice {
        let age = |at_ms: u64| now_ms.checked_sub(at_ms).unwrap_or(u64::MAX);
        let remembered = self.fetched.as_ref().filter(|(at_ms, _)| age(*at_ms) < LONGEST_MS);
        let fresh = remembered.is_some_and(|(at_ms, _)| age(*at_ms) < FRESH_MS);
        let since = self.last.map_or(u64::MAX, |(at_ms, _)| age(at_ms));
        let keys = remembered.map(|(_, keys)| candidates(keys, wanted)).unwrap_or_default();
        if !keys.is_empty() {
            return if fresh || since < PAUSE_MS { Advice::Try(keys) } else { Advice::Ask };
        }
        let pause_ms = if remembered.is_some() { PAUSE_MS } else { URGENT_PAUSE_MS };
        match self.last.map(|(_, question)| question) {
            Some(Question::Failed) if since < pause_ms => Advice::ComeBack { in_ms: pause_ms - since },
            // Another request asks already. With nothing remembered each asks for itself: none can wait for another.
            Some(Question::Asked) if remembered.is_some() && since < TIMEOUT_MS => Advice::ComeBack { in_ms: 1000 },
            Some(_) if remembered.is_some() && since < PAUSE_MS => Advice::Try(Vec::new()),
            _ => Advice::Ask,
        }
    }

    /// The issuer is asked.
    #[must_use]
    pub fn asked(self, now_ms: u64) -> Self {
        Self { last: Some((now_ms, Question::Asked)), ..self }
    }

    /// It answered with these keys.
    #[must_use]
    pub fn answered(self, keys: Vec<PublicKey>, now_ms: u64) -> Self {
        Self { fetched: Some((now_ms, keys.into())), last: Some((now_ms, Question::Answered)) }
    }

    /// It did not, or not with keys.
    #[must_use]
    pub fn failed(self, now_ms: u64) -> Self {
        Self { last: Some((now_ms, Question::Failed)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::JwtAlgorithm;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MINUTE: u64 = 60_000;
    const START: u64 = 1_800_000_000_000;

    fn key(kid: &str) -> PublicKey {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "eA", "kid": kid});
        PublicKey::read(jwk.as_object().unwrap()).unwrap()
    }

    fn advise(memory: &KeyMemory, kid: &str, after_ms: u64) -> Advice {
        memory.advise(Wanted { algorithm: JwtAlgorithm::EdDSA, kid: Some(kid) }, START + after_ms)
    }

    fn known() -> Advice {
        Advice::Try(vec![key("a")])
    }

    fn learned() -> KeyMemory {
        KeyMemory::default().answered(vec![key("a")], START)
    }

    #[test]
    fn nothing_remembered_is_asked_for_and_after_a_failure_soon_again() {
        let memory = KeyMemory::default();
        assert_eq!(advise(&memory, "a", 0), Advice::Ask);
        assert_eq!(advise(&memory.clone().asked(START), "a", 1), Advice::Ask);
        let failed = memory.failed(START);
        assert_eq!(advise(&failed, "a", 4_000), Advice::ComeBack { in_ms: 6_000 });
        assert_eq!(advise(&failed, "a", 10_000), Advice::Ask);
    }

    #[test]
    fn keys_are_used_five_minutes_and_an_hour_while_the_issuer_is_away() {
        assert_eq!(advise(&learned(), "a", 5 * MINUTE - 1), known());
        assert_eq!(advise(&learned(), "a", 5 * MINUTE), Advice::Ask);
        // While one request asks, the others go on.
        assert_eq!(advise(&learned().asked(START + 5 * MINUTE), "a", 5 * MINUTE + 1), known());
        let away = learned().failed(START + 59 * MINUTE);
        assert_eq!(advise(&away, "a", 59 * MINUTE + 29_999), known());
        assert_eq!(advise(&away, "a", 59 * MINUTE + 30_000), Advice::Ask);
        let away = learned().failed(START + 60 * MINUTE - 1);
        assert_eq!(advise(&away, "a", 60 * MINUTE), Advice::ComeBack { in_ms: 9_999 });
    }

    #[test]
    fn an_unknown_kid_is_asked_about_every_thirty_seconds_at_most() {
        assert_eq!(advise(&learned(), "b", 29_999), Advice::Try(Vec::new()));
        assert_eq!(advise(&learned(), "b", 30_000), Advice::Ask);
        let asked = learned().asked(START + MINUTE);
        assert_eq!(advise(&asked, "b", MINUTE + 1), Advice::ComeBack { in_ms: 1000 });
        assert_eq!(advise(&asked, "b", MINUTE + 5_000), Advice::Try(Vec::new()));
        let away = learned().failed(START + MINUTE);
        assert_eq!(advise(&away, "b", MINUTE + 1_000), Advice::ComeBack { in_ms: 29_000 });
        assert_eq!(advise(&away, "a", MINUTE + 1_000), known());
    }

    #[test]
    fn a_clock_that_jumped_back_asks_again() {
        assert_eq!(advise(&KeyMemory::default().answered(vec![key("a")], START + 1), "a", 0), Advice::Ask);
    }

    proptest! {
        #[test]
        fn an_issuer_is_never_asked_more_than_its_pauses_allow(
            kids in prop::collection::vec((any::<bool>(), 0u64..20_000, any::<bool>()), 1..300),
        ) {
            let (mut memory, mut now, mut asked) = (learned(), 0, 0u64);
            for (known, gap, answers) in kids {
                now += gap;
                if advise(&memory, if known { "a" } else { "b" }, now) == Advice::Ask {
                    asked += 1;
                    memory = memory.asked(START + now);
                    memory = if answers { memory.answered(vec![key("a")], START + now) } else { memory.failed(START + now) };
                }
            }
            prop_assert!(asked <= now / URGENT_PAUSE_MS + 1);
            if now < LONGEST_MS {
                prop_assert!(asked <= now / PAUSE_MS);
            }
        }
    }
}
