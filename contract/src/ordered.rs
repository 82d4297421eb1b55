//! Ordered maps and sets, built one entry at a time.
//!
//! `collect` sorts all entries first: five to ten kilobytes of WebAssembly for each type of entry, of a bundle that may
//! have a mebibyte. These are as fast for the handful of entries that they are used for.

use std::collections::{BTreeMap, BTreeSet};

/// A map; of equal keys the last one counts.
pub fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// A map, unless one of the entries is an error: then the first of them.
///
/// # Errors
/// What the entries say.
pub fn try_map<K: Ord, V, E>(entries: impl IntoIterator<Item = Result<(K, V), E>>) -> Result<BTreeMap<K, V>, E> {
    let mut map = BTreeMap::new();
    for entry in entries {
        let (key, value) = entry?;
        map.insert(key, value);
    }
    Ok(map)
}

/// A set.
pub fn set<K: Ord>(entries: impl IntoIterator<Item = K>) -> BTreeSet<K> {
    let mut set = BTreeSet::new();
    set.extend(entries);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_those_of_collect() {
        let entries = [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b')];
        assert_eq!(map(entries), entries.into_iter().collect());
        assert_eq!(set([3, 1, 3, 2]), BTreeSet::from([1, 2, 3]));
        assert_eq!(try_map(entries.map(Ok::<_, ()>)), Ok(map(entries)));
        assert_eq!(try_map([Ok((1, 'a')), Err("second"), Err("third")]), Err("second"));
    }
}
