//! From a JSON Web Token to its caller: the issuer's keys, the signature, the claims, and a short memory.

mod fetch;
mod keys;
mod signature;

use std::{cell::RefCell, rc::Rc};

use forebay_contract::catalog::Catalog;
use sha2::{Digest as _, Sha256};

use crate::{
    catalog,
    cx::{Cx, Stop, log_line},
    expiring::Expiring,
    prefilter,
};
use forebay_admission::{
    caller::Caller,
    token::{Claims, Unverified, bad_signature, issuer},
};

/// A busy client's token is checked once in this time; its end is looked at each time.
const REMEMBER_MS: u64 = 60_000;
const MOST_TOKENS: usize = 1_000;

/// SHA-256 of a token → what it claims. Tokens themselves are kept nowhere.
type Verified = Expiring<[u8; 32], Rc<Claims>>;

thread_local! {
    /// Under which catalogue tokens were checked, and which.
    static VERIFIED: RefCell<Option<(Rc<Catalog>, Verified)>> = const { RefCell::new(None) };
}

/// The caller that the token speaks for.
pub async fn authenticate(cx: &Cx, text: &str, ip: &str) -> Result<Caller, Stop> {
    let catalog = catalog::current(cx).await?;
    let name: [u8; 32] = Sha256::digest(text).into();
    if let Some(claims) = remembered(&catalog, &name, cx.now_ms) {
        let issuer = issuer(Some(&claims.issuer), &catalog.identity)?;
        return Ok(claims.caller(issuer, &catalog.plans, cx.now_ms, ip)?);
    }
    let token = Unverified::read(text)?;
    let issuer = token.issuer(&catalog.identity)?;
    let wanted = token.wanted(issuer)?;
    // From here on it costs something.
    prefilter::check(cx, ip).await?;
    for key in keys::candidates(cx, issuer, wanted).await? {
        match signature::holds(wanted.algorithm, &key, token.signed(), token.signature()).await {
            Ok(true) => {
                let claims = Rc::new(token.into_claims(issuer)?);
                let caller = claims.caller(issuer, &catalog.plans, cx.now_ms, ip)?;
                remember(&catalog, name, claims, cx.now_ms);
                return Ok(caller);
            }
            Ok(false) => {}
            Err(why) => log_line("issuer-key-unusable", &format!("{}: {why}", issuer.name)),
        }
    }
    Err(bad_signature().into())
}

/// Another catalogue may trust other keys: with it everything is forgotten.
fn remembered(catalog: &Rc<Catalog>, name: &[u8; 32], now_ms: u64) -> Option<Rc<Claims>> {
    VERIFIED.with_borrow(|verified| match verified {
        Some((under, tokens)) if Rc::ptr_eq(under, catalog) => tokens.get(name, now_ms),
        _ => None,
    })
}

fn remember(catalog: &Rc<Catalog>, name: [u8; 32], claims: Rc<Claims>, now_ms: u64) {
    VERIFIED.with_borrow_mut(|verified| match verified {
        Some((under, tokens)) if Rc::ptr_eq(under, catalog) => tokens.put(name, claims, now_ms),
        _ => {
            let mut tokens = Expiring::new(MOST_TOKENS, REMEMBER_MS);
            tokens.put(name, claims, now_ms);
            *verified = Some((Rc::clone(catalog), tokens));
        }
    });
}
