//! The keys that may have signed a token: a Worker secret, the catalog's own, or those that the issuer publishes.

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
    cx::Cx,
    http::Stop,
    isolate,
    runtime::{log_line, now_ms},
};
use forebay_admission::{
    Refusal, rate_fields,
    token::{
        key::{PublicKey, Wanted, candidates as fitting},
        key_memory::{Advice, KeyMemory},
    },
};

/// RFC 7518 §3.2: as long as the hash, at least.
const SHORTEST_SECRET_BYTES: usize = 32;
/// What people paste has padding or has none.
const SECRET: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
    let mut memory = isolate::with(|isolate| isolate.issuers.get(url, now_ms())).unwrap_or_default();
    let mut advice = memory.advise(wanted, now_ms());
    if advice == Advice::Ask {
        // Put before the wait: whoever comes meanwhile goes on with what is there.
        memory = memory.asked(now_ms());
        put(url, &memory);
        let answer = fetch::key_set(url).await;
        memory = match answer {
            Ok(keys) => memory.answered(keys, now_ms()),
            Err(why) => {
                log_line("issuer-unavailable", &format!("{url}: {why}"));
                memory.failed(now_ms())
            }
        };
        put(url, &memory);
        advice = memory.advise(wanted, now_ms());
    }
    match advice {
        Advice::Try(keys) => Ok(keys),
        Advice::ComeBack { in_ms } => Err(unavailable(in_ms)),
        // It has just been asked: only a clock that jumps can say this.
        Advice::Ask => Err(unavailable(0)),
    }
}

fn put(url: &str, memory: &KeyMemory) {
    isolate::with(|isolate| isolate.issuers.put(url.to_owned(), memory.clone(), now_ms()));
}

fn unavailable(in_ms: u64) -> Stop {
    let detail = "the issuer's keys cannot be fetched now, so the token cannot be checked; try again";
    let refusal = Refusal::new(ProblemCode::IssuerUnavailable, detail);
    refusal.with_header("retry-after", rate_fields::retry_after(in_ms)).into()
}
