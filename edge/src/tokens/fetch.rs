use crate::bounded_get::{self, Get};
use forebay_admission::token::{
    key::{self, PublicKey},
    key_memory::TIMEOUT_MS,
};

/// The longest JWK set.
const MAX_BYTES: usize = 64 * 1024;

/// The keys that an issuer publishes at `url`; an error says why there are none, for the log.
pub(super) async fn key_set(url: &str) -> Result<Vec<PublicKey>, String> {
    let get = Get { url, accept: None, timeout_ms: TIMEOUT_MS, max_bytes: MAX_BYTES };
    key::key_set(&bounded_get::get(get).await?)
}
