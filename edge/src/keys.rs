//! From an API key to its owner: the CONFIG namespace, with a short memory in the isolate.

mod memory;
mod namespace;

use std::rc::Rc;

pub use namespace::{find, list, store};

use crate::{
    cx::{Cx, Stop},
    prefilter,
};
use forebay_admission::{
    api_key::{KeyRecord, SecretHash},
    authenticate::{KeyName, invalid},
    caller::Caller,
};

/// The least the namespace allows.
const NAMESPACE_CACHE_S: u64 = 30;

/// The caller behind a key, calling from the address prefix `ip`.
pub async fn authenticate(cx: &Cx, name: KeyName, ip: &str) -> Result<Caller, Stop> {
    let record = record(cx, name.as_str(), ip).await?.ok_or_else(invalid)?;
    Ok(record.caller(cx.now_ms, ip)?)
}

/// What stands at the entry of a secret.
async fn record(cx: &Cx, entry: &str, ip: &str) -> Result<Option<Rc<KeyRecord>>, Stop> {
    if let Some(remembered) = memory::recall(entry, cx.now_ms) {
        return Ok(remembered);
    }
    prefilter::check(cx, ip).await?;
    let found = cx.env.kv("CONFIG")?.get(entry).cache_ttl(NAMESPACE_CACHE_S).text().await;
    let found = found.map_err(|error| Stop::broken(format!("CONFIG cannot be read: {error}")))?;
    let record = match (found, SecretHash::of_entry(entry)) {
        (Some(json), Some(hash)) => {
            let record = KeyRecord::read(&hash, &json);
            Some(Rc::new(record.map_err(|error| Stop::broken(format!("CONFIG {entry}: {error}")))?))
        }
        _ => None,
    };
    memory::remember(entry, record.clone(), cx.now_ms);
    Ok(record)
}
