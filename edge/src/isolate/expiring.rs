//! A bounded map whose entries live for a time: what nearly all memories of an isolate are made of.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Keeps entries of at most `capacity` together for `ttl_ms` each. The clock is an argument.
#[derive(Debug)]
pub struct Expiring<Key, Value> {
    entries: HashMap<Key, Entry<Value>>,
    capacity: usize,
    weight: usize,
    ttl_ms: u64,
}

#[derive(Debug)]
struct Entry<Value> {
    since_ms: u64,
    weight: usize,
    value: Value,
}

impl<Key: Eq + Hash, Value: Clone> Expiring<Key, Value> {
    /// An empty map.
    pub fn new(capacity: usize, ttl_ms: u64) -> Self {
        Self { entries: HashMap::new(), capacity, weight: 0, ttl_ms }
    }

    /// What is remembered of `key` at `now_ms`. A clock that jumped back makes entries too old, never immortal.
    pub fn get<Asked: Eq + Hash + ?Sized>(&self, key: &Asked, now_ms: u64) -> Option<Value>
    where
        Key: Borrow<Asked>,
    {
        let entry = self.entries.get(key)?;
        entry.is_fresh(self.ttl_ms, now_ms).then(|| entry.value.clone())
    }

    /// Remembers `value`, which counts as one.
    pub fn put(&mut self, key: Key, value: Value, now_ms: u64) {
        self.put_weighing(key, value, 1, now_ms);
    }

    /// Forgets one.
    pub fn forget(&mut self, key: &Key) {
        self.weight -= self.entries.remove(key).map_or(0, |entry| entry.weight);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.weight = 0;
    }

    /// Remembers `value`, which counts as `weight`; not if that is more than all may weigh. When full, what has expired
    /// goes; when that is not enough, everything does: refilling is cheap, and an order of use would be paid for on
    /// every hit.
    pub fn put_weighing(&mut self, key: Key, value: Value, weight: usize, now_ms: u64) {
        self.forget(&key);
        if weight > self.capacity {
            return;
        }
        if self.weight + weight > self.capacity {
            let ttl_ms = self.ttl_ms;
            self.entries.retain(|_, entry| entry.is_fresh(ttl_ms, now_ms));
            self.weight = self.entries.values().map(|entry| entry.weight).sum();
            if self.weight + weight > self.capacity {
                self.clear();
            }
        }
        self.weight += weight;
        self.entries.insert(key, Entry { since_ms: now_ms, weight, value });
    }
}

impl<Value> Entry<Value> {
    fn is_fresh(&self, ttl_ms: u64, now_ms: u64) -> bool {
        now_ms.checked_sub(self.since_ms).is_some_and(|age_ms| age_ms < ttl_ms)
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
        fn there_is_never_more_than_its_capacity(puts in prop::collection::vec((0u8..50, 0usize..10), 0..200)) {
            let mut map = Expiring::new(8, 30);
            for (now, (key, weight)) in puts.into_iter().enumerate() {
                map.put_weighing(key, now, weight, now as u64);
                prop_assert_eq!(map.weight, map.entries.values().map(|entry| entry.weight).sum::<usize>());
                prop_assert!(map.weight <= 8);
                prop_assert_eq!(map.get(&key, now as u64), (weight <= 8).then_some(now));
            }
        }
    }
}
