//! A bounded map whose entries live for a time: what an isolate may remember.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Keeps at most `capacity` entries for `ttl_ms` each. The clock is an argument.
#[derive(Debug)]
pub struct Expiring<Key, Value> {
    entries: HashMap<Key, (u64, Value)>,
    capacity: usize,
    ttl_ms: u64,
}

impl<Key: Eq + Hash, Value: Clone> Expiring<Key, Value> {
    /// An empty map.
    pub fn new(capacity: usize, ttl_ms: u64) -> Self {
        Self { entries: HashMap::new(), capacity, ttl_ms }
    }

    /// What is remembered of `key` at `now_ms`. A clock that jumped back makes entries too old, never immortal.
    pub fn get<Asked: Eq + Hash + ?Sized>(&self, key: &Asked, now_ms: u64) -> Option<Value>
    where
        Key: Borrow<Asked>,
    {
        let (since, value) = self.entries.get(key)?;
        now_ms.checked_sub(*since).filter(|age| *age < self.ttl_ms).map(|_| value.clone())
    }

    /// Remembers `value`. When full, what has expired goes; when nothing has, everything does: refilling is cheap,
    /// and an order of use would be paid for on every hit.
    pub fn put(&mut self, key: Key, value: Value, now_ms: u64) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            let ttl_ms = self.ttl_ms;
            self.entries.retain(|_, (since, _)| now_ms.checked_sub(*since).is_some_and(|age| age < ttl_ms));
            if self.entries.len() >= self.capacity {
                self.entries.clear();
            }
        }
        self.entries.insert(key, (now_ms, value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_end_when_their_time_is_over() {
        let mut map = Expiring::new(2, 10);
        map.put("a", 1, 100);
        assert_eq!(map.get(&"a", 109), Some(1));
        assert_eq!(map.get(&"a", 110), None);
        assert_eq!(map.get(&"a", 99), None);
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_its_capacity(keys in prop::collection::vec(0u8..50, 0..200)) {
            let mut map = Expiring::new(8, 30);
            for (now, key) in keys.into_iter().enumerate() {
                map.put(key, now, now as u64);
                prop_assert!(map.entries.len() <= 8);
                prop_assert_eq!(map.get(&key, now as u64), Some(now));
            }
        }
    }
}
