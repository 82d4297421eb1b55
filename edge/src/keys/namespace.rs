//! Keys in the CONFIG namespace: finding one, storing what became of it, listing all.

use forebay_contract::ProblemCode;
use futures_util::future::try_join_all;
use worker::{
    KvStore,
    kv::{KvError, ListResponse},
};

use super::memory;
use crate::cx::{Cx, Stop, log_line};
use forebay_admission::{
    Refusal,
    api_key::{ENTRY_PREFIX, Entry, Key, KeyId, KeyQuery, KeyRecord, SecretHash},
};

/// How many entries one page looks at: as many as the namespace reads at once.
const PAGE: u64 = 100;
/// The least the namespace allows: a change made elsewhere should be seen before the next one.
const CACHE_S: u64 = 30;

/// The key of an id.
pub async fn find(cx: &Cx, id: &KeyId) -> Result<Option<Key>, Stop> {
    let kv = cx.env.kv("CONFIG")?;
    if let Some(json) = kv.get(&id.entry()).cache_ttl(CACHE_S).text().await.map_err(unreachable)? {
        let key = serde_json::from_str(&json).map_err(|error| Stop::broken(format!("{}: {error}", id.entry())))?;
        return Ok(Some(key));
    }
    // Written by hand: there is an entry of its secret alone.
    let listed = kv.list().prefix(id.first_secret_prefix()).limit(1).execute().await.map_err(unreachable)?;
    let Some(hash) = listed.keys.first().and_then(|found| SecretHash::of_entry(&found.name)) else { return Ok(None) };
    let Some(json) = kv.get(&hash.entry()).cache_ttl(CACHE_S).text().await.map_err(unreachable)? else {
        return Ok(None);
    };
    let record = KeyRecord::read(&hash, &json).map_err(|error| Stop::broken(format!("{}: {error}", hash.entry())))?;
    Ok((record.id.as_ref() == Some(id)).then(|| Key::adopt(&hash, record)))
}

/// Stores what became of a key; from now on this isolate goes by it.
pub async fn store(cx: &Cx, key: &Key) -> Result<(), Stop> {
    let kv = cx.env.kv("CONFIG")?;
    let (own, secrets) = key.entries(cx.now_ms).map_err(|error| Stop::broken(error.to_string()))?;
    put(&kv, own).await?;
    for (entry, record) in key.records() {
        memory::decided(entry, record, cx.now_ms);
    }
    try_join_all(secrets.into_iter().map(|entry| put(&kv, entry))).await?;
    Ok(())
}

/// A page of all secrets, and where the next one begins.
pub async fn list(cx: &Cx, query: &KeyQuery) -> Result<(Vec<KeyRecord>, Option<String>), Stop> {
    let kv = cx.env.kv("CONFIG")?;
    let mut list = kv.list().prefix(ENTRY_PREFIX.to_owned()).limit(PAGE);
    if let Some(cursor) = &query.cursor {
        list = list.cursor(cursor.clone());
    }
    let page = match (list.execute().await, &query.cursor) {
        (Ok(page), _) => page,
        // What the namespace complains of here is the one thing that the caller gave.
        (Err(error), Some(_)) => {
            log_line("keys-not-listed", &error.to_string());
            let detail = "`cursor` is not one of ours, or too old: begin without it";
            return Err(Refusal::new(ProblemCode::InvalidQuery, detail).into());
        }
        (Err(error), None) => return Err(unreachable(error)),
    };
    let mut records = records(&kv, &page).await?;
    records.retain(|record| query.account.as_ref().is_none_or(|account| *account == record.account));
    Ok((records, page.cursor.filter(|cursor| !page.list_complete && !cursor.is_empty())))
}

/// The records of a page, from metadata where there is some: what is written by hand mostly has none.
async fn records(kv: &KvStore, page: &ListResponse) -> Result<Vec<KeyRecord>, Stop> {
    let bare: Vec<&str> =
        page.keys.iter().filter(|found| found.metadata.is_none()).map(|found| found.name.as_str()).collect();
    let mut read = Default::default();
    if !bare.is_empty() {
        read = kv.get_bulk(&bare).text().await.map_err(unreachable)?;
    }
    let record = |found: &worker::kv::Key| {
        let hash = SecretHash::of_entry(&found.name)?;
        let record = match &found.metadata {
            Some(metadata) => {
                serde_json::from_value(metadata.clone()).map(|record: KeyRecord| record.identified(&hash))
            }
            None => KeyRecord::read(&hash, read.get(&found.name)?.as_deref()?),
        };
        // One bad entry does not hide the others.
        record.inspect_err(|error| log_line("key-unreadable", &format!("{}: {error}", found.name))).ok()
    };
    Ok(page.keys.iter().filter_map(record).collect())
}

async fn put(kv: &KvStore, entry: Entry) -> Result<(), Stop> {
    let mut put = kv.put(&entry.name, entry.value).map_err(unreachable)?;
    if let Some(metadata) = entry.metadata {
        put = put.metadata(metadata).map_err(unreachable)?;
    }
    if let Some(forget_s) = entry.forget_s {
        put = put.expiration(forget_s);
    }
    put.execute().await.map_err(unreachable)
}

/// The namespace takes one write a second of one name; beyond that, and when it is down, a later try helps.
#[expect(clippy::needless_pass_by_value, reason = "an error, as `map_err` gives it")]
fn unreachable(error: KvError) -> Stop {
    log_line("keys-unavailable", &error.to_string());
    let detail = "the keys could not be read or stored; ask again, also where it may have happened";
    Refusal::new(ProblemCode::StorageUnavailable, detail).with_header("retry-after", "2").into()
}
