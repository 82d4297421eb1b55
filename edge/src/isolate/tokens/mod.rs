//! From a JSON Web Token to its caller: the issuer's keys, the signature, the claims, and a short memory.

mod fetch;
mod issuer_keys;
mod memory;
mod signature;

pub use memory::Checked;

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::{
    cx::Cx,
    http::Stop,
    isolate::{self, catalog, prefilter},
    runtime::log_line,
};
use forebay_admission::{
    caller::Caller,
    token::{Unverified, bad_signature, issuer},
};

/// The caller that the token speaks for.
pub async fn authenticate(cx: &Cx, text: &str, ip: &str) -> Result<Caller, Stop> {
    let catalog = catalog::current(cx).await?;
    let name: [u8; 32] = Sha256::digest(text).into();
    if let Some(claims) = isolate::with(|isolate| isolate.tokens.get(&catalog, &name, cx.now_ms)) {
        let issuer = issuer(Some(&claims.issuer), &catalog.identity)?;
        return Ok(claims.caller(issuer, &catalog.plans, cx.now_ms, ip)?);
    }
    let token = Unverified::read(text)?;
    let issuer = token.issuer(&catalog.identity)?;
    let wanted = token.wanted(issuer)?;
    // From here on it costs something.
    prefilter::check(cx, ip).await?;
    for key in issuer_keys::candidates(cx, issuer, wanted).await? {
        match signature::holds(wanted.algorithm, &key, token.signed(), token.signature()).await {
            Ok(true) => {
                let claims = Rc::new(token.into_claims(issuer)?);
                let caller = claims.caller(issuer, &catalog.plans, cx.now_ms, ip)?;
                isolate::with(|isolate| isolate.tokens.put(&catalog, name, claims, cx.now_ms));
                return Ok(caller);
            }
            Ok(false) => {}
            Err(why) => log_line("issuer-key-unusable", &format!("{}: {why}", issuer.name)),
        }
    }
    Err(bad_signature().into())
}
