/// Which models one device holds and how much memory they take. Pure: says who goes, does not make them go.
#[derive(Debug, Default)]
pub(super) struct Residents {
    /// The most bytes; without it what fits is found out by trying.
    budget: Option<u64>,
    /// (`name@version`, bytes), the least recently used first.
    held: Vec<(String, u64)>,
}

impl Residents {
    /// Nothing is held yet.
    pub(super) fn new(budget: Option<u64>) -> Self {
        Self { budget, held: Vec::new() }
    }

    /// The most bytes, where that is known.
    pub(super) fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// Whether `id` is held; it counts as used.
    pub(super) fn touch(&mut self, id: &str) -> bool {
        let Some(at) = self.held.iter().position(|(held, _)| held == id) else { return false };
        let used = self.held.remove(at);
        self.held.push(used);
        true
    }

    /// Takes out what must go so that `bytes` more fit, the least recently used first. What alone is over the budget
    /// gets the device for itself.
    pub(super) fn evict_until_fits(&mut self, bytes: u64) -> Vec<String> {
        let Some(budget) = self.budget else { return Vec::new() };
        let mut gone = Vec::new();
        while self.bytes().saturating_add(bytes) > budget {
            match self.evict() {
                Some(id) => gone.push(id),
                None => break,
            }
        }
        gone
    }

    /// Takes out the least recently used.
    pub(super) fn evict(&mut self) -> Option<String> {
        (!self.held.is_empty()).then(|| self.held.remove(0).0)
    }

    /// Takes out the least recently used but `id`.
    pub(super) fn evict_for(&mut self, id: &str) -> Option<String> {
        let at = self.held.iter().position(|(held, _)| held != id)?;
        Some(self.held.remove(at).0)
    }

    /// `id` is loaded and takes `bytes`.
    pub(super) fn insert(&mut self, id: &str, bytes: u64) {
        self.held.retain(|(held, _)| held != id);
        self.held.push((id.to_owned(), bytes));
    }

    /// What all together take.
    pub(super) fn bytes(&self) -> u64 {
        self.held.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_no_more_than_needed() {
        let mut models = Residents::new(Some(100));
        for (id, bytes) in [("a", 40), ("b", 30), ("c", 20)] {
            assert!(models.evict_until_fits(bytes).is_empty());
            models.insert(id, bytes);
        }
        assert!(models.touch("a") && !models.touch("d"));
        assert_eq!(models.evict_until_fits(30), ["b"]);
        models.insert("d", 30);
        assert_eq!(models.evict_until_fits(60), ["c", "a"]);
        assert_eq!(models.evict_for("d"), None);
        assert_eq!((models.evict_until_fits(1000), models.bytes()), (vec!["d".to_owned()], 0));
    }

    #[test]
    fn without_a_budget_all_stay() {
        let mut models = Residents::new(None);
        models.insert("a", u64::MAX);
        assert!(models.evict_until_fits(u64::MAX).is_empty());
        assert_eq!(models.evict(), Some("a".to_owned()));
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_nothing_is_counted_twice(loads in prop::collection::vec((0_u8..9, 1_u64..60), 0..60)) {
            let mut models = Residents::new(Some(100));
            let mut held = std::collections::BTreeMap::new();
            for (id, bytes) in loads {
                let id = id.to_string();
                if models.touch(&id) {
                    prop_assert!(held.contains_key(&id));
                    continue;
                }
                for gone in models.evict_until_fits(bytes) {
                    prop_assert!(held.remove(&gone).is_some());
                }
                models.insert(&id, bytes);
                held.insert(id, bytes);
                prop_assert_eq!(models.bytes(), held.values().sum::<u64>());
                prop_assert!(models.bytes() <= 100);
            }
        }
    }
}
