//! The keys that may have signed a token: a Worker secret, the catalogue's own, or those that the issuer publishes.

use std::cell::RefCell;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use forebay_contract::{
    ProblemCode,
    catalog::{IssuerSpec, JwtAlgorithm},
};
use serde_json::json;

use super::fetch;
use crate::{
    cx::{Cx, Stop, log_line, now_ms},
    expiring::Expiring,
};
use forebay_admission::{
    Refusal, rate_fields,
    token::{
        key::{PublicKey, Wanted, candidates as fitting},
        key_memory::{Advice, KeyMemory, LONGEST_MS},
    },
};

const MOST_ISSUERS: usize = 64;
/// RFC 7518 §3.2: as long as the hash, at least.
const SHORTEST_SECRET_BYTES: usize = 32;
/// What people paste has padding or has none.
const SECRET: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

thread_local! {
    static PUBLISHED: RefCell<Expiring<String, KeyMemory>> = RefCell::new(Expiring::new(MOST_ISSUERS, LONGEST_MS));
}

/// The keys to try, as JWKs.
pub(super) async fn candidates(cx: &Cx, issuer: &IssuerSpec, wanted: Wanted<'_>) -> Result<Vec<String>, Stop> {
    if wanted.algorithm == JwtAlgorithm::HS256 {
        return Ok(vec![shared(cx, issuer)?]);
    }
    let own: Vec<PublicKey> = issuer.keys.iter().filter_map(PublicKey::read).collect();
    let mut keys = fitting(&own, wanted);
    if let (true, Some(url)) = (keys.is_empty(), &issuer.jwks_url) {
        keys = published(url, wanted).await?;
    }
    Ok(keys.into_iter().map(|key| key.jwk).collect())
}

/// The shared key of HS256, from its Worker secret.
fn shared(cx: &Cx, issuer: &IssuerSpec) -> Result<String, Stop> {
    let name = issuer.secret.as_deref().unwrap_or_default();
    let text = cx.env.secret(name).map_err(|_| Stop::broken(format!("the secret {name} is not set")))?.to_string();
    let bytes = SECRET.decode(text.trim()).ok().filter(|bytes| bytes.len() >= SHORTEST_SECRET_BYTES);
    let bytes =
        bytes.ok_or_else(|| Stop::broken(format!("the secret {name} is not base64url of at least 32 bytes")))?;
    Ok(json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(bytes)}).to_string())
}

async fn published(url: &str, wanted: Wanted<'_>) -> Result<Vec<PublicKey>, Stop> {
    let mut memory = recall(url, now_ms());
    let mut advice = memory.advise(wanted, now_ms());
    if advice == Advice::Ask {
        // Noted before the wait: whoever comes meanwhile goes on with what is there.
        memory = memory.asked(now_ms());
        note(url, &memory);
        let answer = fetch::key_set(url).await;
        memory = match answer {
            Ok(keys) => memory.answered(keys, now_ms()),
            Err(why) => {
                log_line("issuer-unavailable", &format!("{url}: {why}"));
                memory.failed(now_ms())
            }
        };
        note(url, &memory);
        advice = memory.advise(wanted, now_ms());
    }
    match advice {
        Advice::Try(keys) => Ok(keys),
        Advice::ComeBack { in_ms } => Err(unavailable(in_ms)),
        // It has just been asked: only a clock that jumps can say this.
        Advice::Ask => Err(unavailable(0)),
    }
}

fn recall(url: &str, now_ms: u64) -> KeyMemory {
    PUBLISHED.with_borrow(|published| published.get(&url.to_owned(), now_ms)).unwrap_or_default()
}

fn note(url: &str, memory: &KeyMemory) {
    PUBLISHED.with_borrow_mut(|published| published.put(url.to_owned(), memory.clone(), now_ms()));
}

fn unavailable(in_ms: u64) -> Stop {
    let detail = "the issuer's keys cannot be fetched now, so the token cannot be checked; try again";
    let refusal = Refusal::new(ProblemCode::IssuerUnavailable, detail);
    refusal.with_header("retry-after", rate_fields::retry_after(in_ms)).into()
}
