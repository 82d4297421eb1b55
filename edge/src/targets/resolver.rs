use futures_util::future::try_join;

use crate::bounded_get;
use forebay_admission::webhook::resolved::{self, Resolved};

/// The most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;
const TIMEOUT_MS: u64 = 5_000;

/// Every address of a name, asked of the resolver at `url`; an error says why it is not known, for the log.
pub(super) async fn addresses(url: &str, name: &str) -> Result<Resolved, String> {
    let (v4, v6) = try_join(ask(url, name, "A"), ask(url, name, "AAAA")).await?;
    Ok(v4.and(v6))
}

async fn ask(url: &str, name: &str, kind: &str) -> Result<Resolved, String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("name", name).append_pair("type", kind).finish();
    let joint = if url.contains('?') { '&' } else { '?' };
    let get = bounded_get::Get {
        url: &format!("{url}{joint}{query}"),
        accept: Some("application/dns-json"),
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_BYTES,
    };
    let body = bounded_get::get(get).await?;
    resolved::read(&String::from_utf8_lossy(&body))
}
