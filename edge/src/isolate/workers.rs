/// How often an isolate says that it hears of workers, in milliseconds.
const ANNOUNCE_MS: u64 = 30_000;

/// When a worker was last heard of here, as far as that was announced.
#[derive(Default)]
pub struct LastHeard {
    /// Before the first time 0, which is long ago.
    announced_ms: u64,
}

impl LastHeard {
    /// When one was heard of, in milliseconds since the epoch, if that is lately.
    pub fn get(&self, now_ms: u64) -> Option<u64> {
        (now_ms.abs_diff(self.announced_ms) < ANNOUNCE_MS).then_some(self.announced_ms)
    }

    /// One is heard of; whether that is to be announced.
    pub fn put(&mut self, now_ms: u64) -> bool {
        let announces = self.get(now_ms).is_none();
        if announces {
            self.announced_ms = now_ms;
        }
        announces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_announced_once_in_half_a_minute() {
        let mut heard = LastHeard::default();
        assert_eq!(heard.get(1_000_000), None);
        assert!(heard.put(1_000_000) && !heard.put(1_029_999));
        assert_eq!(heard.get(1_029_999), Some(1_000_000));
        assert_eq!(heard.get(1_030_000), None);
        assert!(heard.put(1_030_000));
        // A clock that jumped back far knows nothing.
        assert!(heard.put(1_000_000));
    }
}
