//! From an API key to its owner: the CONFIG namespace, with a short memory in the isolate.

use std::cell::RefCell;

use crate::{
    admission::authenticate::{Caller, KeyName, invalid, key_name},
    cx::{Cx, Stop},
    expiring::Expiring,
};

/// A revoked key stops working within this and the namespace's own cache time: under a minute together.
const REMEMBER_MS: u64 = 20_000;
/// The least the namespace allows.
const NAMESPACE_CACHE_S: u64 = 30;
/// Unknown keys are remembered so briefly that a new key soon works, but long enough that guessing is not a way to
/// spend the namespace's reads. Apart from the known ones, so that guesses cannot push those out.
const REMEMBER_UNKNOWN_MS: u64 = 3_000;
const MOST_KEYS: usize = 1_000;

thread_local! {
    static KNOWN: RefCell<Expiring<KeyName, Caller>> = RefCell::new(Expiring::new(MOST_KEYS, REMEMBER_MS));
    static UNKNOWN: RefCell<Expiring<KeyName, ()>> = RefCell::new(Expiring::new(MOST_KEYS, REMEMBER_UNKNOWN_MS));
}

/// The caller behind the request's key.
pub async fn authenticate(cx: &Cx, authorization: Option<&str>) -> Result<Caller, Stop> {
    let name = key_name(authorization)?;
    if let Some(caller) = KNOWN.with_borrow(|known| known.get(&name, cx.now_ms)) {
        return Ok(caller);
    }
    if UNKNOWN.with_borrow(|unknown| unknown.get(&name, cx.now_ms)).is_some() {
        return Err(invalid().into());
    }
    let found = cx.env.kv("CONFIG")?.get(name.as_str()).cache_ttl(NAMESPACE_CACHE_S).text().await;
    let Some(json) = found.map_err(|error| Stop::broken(format!("CONFIG cannot be read: {error}")))? else {
        UNKNOWN.with_borrow_mut(|unknown| unknown.put(name, (), cx.now_ms));
        return Err(invalid().into());
    };
    let caller: Caller =
        serde_json::from_str(&json).map_err(|error| Stop::broken(format!("CONFIG {}: {error}", name.as_str())))?;
    KNOWN.with_borrow_mut(|known| known.put(name, caller.clone(), cx.now_ms));
    Ok(caller)
}
