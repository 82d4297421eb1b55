use std::{cell::RefCell, collections::HashSet, rc::Rc};

/// Idempotency keys whose first request is not decided yet: a decision may wait for a limit or a lease.
#[derive(Debug, Default, Clone)]
pub struct Deciding(Rc<RefCell<HashSet<String>>>);

/// An idempotency key that is being decided; dropped, it is free again, or found in the table.
#[derive(Debug)]
pub struct HeldKey {
    deciding: Deciding,
    key: String,
}

impl Deciding {
    /// Holds a key, unless somebody holds it already.
    pub fn hold(&self, key: &str) -> Option<HeldKey> {
        let is_free = self.0.borrow_mut().insert(key.to_owned());
        is_free.then(|| HeldKey { deciding: self.clone(), key: key.to_owned() })
    }
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        self.deciding.0.borrow_mut().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_by_one_until_it_is_dropped() {
        let deciding = Deciding::default();
        let held = deciding.hold("k").unwrap();
        assert!(deciding.hold("k").is_none() && deciding.hold("other").is_some());
        drop(held);
        assert!(deciding.hold("k").is_some());
    }
}
