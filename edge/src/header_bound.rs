//! How many header fields a submission may have.
//!
//! Counting them takes some ten microseconds: submissions are worth it, reads and refusals from memory are not.

use forebay_contract::ProblemCode;
use worker::web_sys::Request;

use crate::runtime;
use forebay_admission::Refusal;

/// Browsers and proxies together send some forty.
const MOST_FIELDS: u32 = 100;

/// Refuses what has more; fields of one name are one.
pub fn check(request: &Request) -> Result<(), Refusal> {
    let count = runtime::count_headers(request);
    if count <= MOST_FIELDS {
        return Ok(());
    }
    let detail = format!("the request has {count} header fields; send at most {MOST_FIELDS}");
    Err(Refusal::new(ProblemCode::TooManyHeaders, detail))
}
