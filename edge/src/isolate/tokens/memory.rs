use std::rc::Rc;

use forebay_admission::token::Claims;
use forebay_contract::catalog::Catalog;

use crate::isolate::expiring::Expiring;

/// What tokens claim that were checked, by their SHA-256: tokens themselves are kept nowhere.
pub struct Checked<Claimed = Claims> {
    /// The catalog under which they were checked: another one may trust other keys.
    under: Option<Rc<Catalog>>,
    claims: Expiring<[u8; 32], Rc<Claimed>>,
}

impl<Claimed> Checked<Claimed> {
    /// Remembers at most so many, for so long each.
    pub fn new(most: usize, ms: u64) -> Self {
        Self { under: None, claims: Expiring::new(most, ms) }
    }

    /// What the token claims that was checked under this very catalog.
    pub(super) fn get(&self, catalog: &Rc<Catalog>, token: &[u8; 32], now_ms: u64) -> Option<Rc<Claimed>> {
        if self.is_under(catalog) { self.claims.get(token, now_ms) } else { None }
    }

    /// Remembers what a token claims; with another catalog everything else is forgotten.
    pub(super) fn put(&mut self, catalog: &Rc<Catalog>, token: [u8; 32], claims: Rc<Claimed>, now_ms: u64) {
        if !self.is_under(catalog) {
            self.claims.clear();
            self.under = Some(Rc::clone(catalog));
        }
        self.claims.put(token, claims, now_ms);
    }

    fn is_under(&self, catalog: &Rc<Catalog>) -> bool {
        self.under.as_ref().is_some_and(|under| Rc::ptr_eq(under, catalog))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_catalog_trusts_no_token_that_was_checked_before() {
        let catalog = || {
            Rc::new(
                Catalog::from_json(r#"{"models":[],"serving":{},"plans":{"one":{"class":"free","limits":[]}}}"#)
                    .unwrap(),
            )
        };
        let claims = Rc::new("who it is");
        let (first, second) = (catalog(), catalog());
        let mut checked = Checked::new(4, 60_000);
        checked.put(&first, [1; 32], Rc::clone(&claims), 5);
        assert!(checked.get(&first, &[1; 32], 60_004).is_some() && checked.get(&first, &[1; 32], 60_005).is_none());
        assert!(checked.get(&second, &[1; 32], 5).is_none());
        checked.put(&second, [2; 32], claims, 6);
        assert!(checked.get(&second, &[2; 32], 6).is_some() && checked.get(&second, &[1; 32], 6).is_none());
        assert!(checked.get(&first, &[1; 32], 6).is_none());
    }
}
