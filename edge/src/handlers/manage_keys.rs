//! `/internal/v1/keys`: the operator makes API keys, lists them, rotates their secrets and revokes them.

use forebay_contract::{ProblemCode, ShardKey};
use serde::Serialize;
use worker::web_sys::Request;

use super::{Target, admitted, operator};
use crate::{
    answer::{self, Answer},
    catalog,
    cx::{Cx, Stop, log_line},
    entropy, keys, objects,
};
use forebay_account::asked;
use forebay_admission::{
    Refusal,
    api_key::{Key, KeyId, KeyQuery, KeyRecord, NewKey, Secret, Validity, grace_ms},
    query,
};

/// The longest body that says anything about a key.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// A key with a new secret: the only answer that ever holds it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "KeyWithSecret"))]
pub struct Shown<'a> {
    id: &'a KeyId,
    account: &'a str,
    plan: &'a str,
    name: &'a str,
    groups: &'a [String],
    secret: &'a str,
    created_ms: u64,
    expires_ms: Option<u64>,
    /// When the secrets before this one end, after a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    older_end_ms: Option<u64>,
}

/// A page of all secrets.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "KeyPage"))]
pub struct Page {
    keys: Vec<Row>,
    cursor: Option<String>,
}

/// One secret of a key, without anything that could open or find it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "KeyRow"))]
struct Row {
    #[serde(flatten)]
    record: KeyRecord,
    state: Validity,
}

/// A key that lets nobody in any more.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RevokedKey"))]
pub struct Revoked<'a> {
    id: &'a KeyId,
    revoked: bool,
    revoked_ms: Option<u64>,
}

/// `POST /internal/v1/keys`
pub async fn create(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    let body = admitted(cx, request, target, MAX_BODY_BYTES).await?;
    let wanted = NewKey::read(&body, &*catalog::current(cx).await?)?;
    let secret = Secret::new(entropy::bytes());
    let key = Key::new(wanted, secret.hash(), cx.now_ms);
    keys::store(cx, &key).await?;
    log_line("key-created", &of(&key));
    answer::json(201, &shown(&key, &secret, None), Vec::new())
}

/// `GET /internal/v1/keys`
pub async fn list(cx: &Cx, target: &Target) -> Result<Answer, Stop> {
    operator(cx)?;
    let (records, cursor) = keys::list(cx, &KeyQuery::read(&target.query)?).await?;
    let row = |record: KeyRecord| Row { state: record.validity(cx.now_ms), record };
    answer::json(200, &Page { keys: records.into_iter().map(row).collect(), cursor }, Vec::new())
}

/// `POST /internal/v1/keys/{id}/rotate`
pub async fn rotate(cx: &Cx, request: Request, target: &Target, id: &str) -> Result<Answer, Stop> {
    let grace_ms = grace_ms(&admitted(cx, request, target, MAX_BODY_BYTES).await?)?;
    let mut key = found(cx, id).await?;
    let secret = Secret::new(entropy::bytes());
    key.rotate(secret.hash(), grace_ms, cx.now_ms)?;
    keys::store(cx, &key).await?;
    log_line("key-rotated", &of(&key));
    answer::json(200, &shown(&key, &secret, Some(cx.now_ms + grace_ms)), Vec::new())
}

/// `DELETE /internal/v1/keys/{id}`
pub async fn revoke(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    operator(cx)?;
    query::none(&target.query)?;
    let mut key = found(cx, id).await?;
    key.revoke(cx.now_ms);
    keys::store(cx, &key).await?;
    // The namespace takes its time to be the same everywhere; the account's object is one place alone.
    objects::call(cx, ShardKey::new(&key.account, 0), asked::RevokeKey(key.id.as_str().to_owned())).await?;
    log_line("key-revoked", &of(&key));
    answer::json(200, &Revoked { id: &key.id, revoked: true, revoked_ms: key.revoked_ms }, Vec::new())
}

async fn found(cx: &Cx, id: &str) -> Result<Key, Stop> {
    let key = match KeyId::parse(id) {
        Some(id) => keys::find(cx, &id).await?,
        None => None,
    };
    let detail = "there is no key of this id; GET /internal/v1/keys lists them";
    key.ok_or_else(|| Refusal::new(ProblemCode::KeyNotFound, detail).into())
}

fn shown<'a>(key: &'a Key, secret: &'a Secret, older_end_ms: Option<u64>) -> Shown<'a> {
    Shown {
        id: &key.id,
        account: &key.account,
        plan: &key.plan,
        name: &key.name,
        groups: &key.groups,
        secret: secret.reveal(),
        created_ms: key.created_ms,
        expires_ms: key.expires_ms,
        older_end_ms,
    }
}

/// For the log: whose key it is, and which.
fn of(key: &Key) -> String {
    format!("{} of {}", key.id.as_str(), key.account)
}
