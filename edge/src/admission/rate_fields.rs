//! The RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10) and `Retry-After` (RFC 9110 §10.2.3).

use forebay_contract::ProblemCode;

use super::{Refusal, limit::Standing};

/// `RateLimit-Policy` and `RateLimit`; nothing for a plan without limits.
pub fn fields(standings: &[Standing]) -> Vec<(&'static str, String)> {
    if standings.is_empty() {
        return Vec::new();
    }
    let list = |item: fn(&Standing) -> String| standings.iter().map(item).collect::<Vec<_>>().join(", ");
    vec![
        ("ratelimit-policy", list(|limit| format!("\"{}\";q={};w={}", limit.name, limit.quantity, limit.window_s))),
        (
            "ratelimit",
            list(|limit| format!("\"{}\";r={};t={}", limit.name, limit.remaining, seconds(limit.full_in_ms))),
        ),
    ]
}

/// The 429 of a caller that stands so.
pub fn denied(standings: &[Standing]) -> Refusal {
    let wait_ms = standings.iter().map(|limit| limit.retry_after_ms).max().unwrap_or(0);
    let violated: Vec<String> =
        standings.iter().filter(|limit| limit.retry_after_ms > 0).map(|limit| limit.name.clone()).collect();
    let detail = format!("the limit {} is used up; the next request passes in {wait_ms} ms", violated.join(", "));
    let mut refusal = Refusal::new(ProblemCode::RateLimited, detail).with_header("retry-after", retry_after(wait_ms));
    refusal.headers.extend(fields(standings));
    refusal.extensions.violated_policies = violated;
    refusal
}

/// Milliseconds as `Retry-After` has them: whole seconds, rounded up, at least one.
pub fn retry_after(wait_ms: u64) -> String {
    seconds(wait_ms).max(1).to_string()
}

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(name: &str, remaining: u64, retry_after_ms: u64) -> Standing {
        Standing { name: name.to_owned(), quantity: 60, window_s: 60, remaining, full_in_ms: 1001, retry_after_ms }
    }

    #[test]
    fn the_fields_are_structured_lists() {
        assert_eq!(fields(&[]), []);
        assert_eq!(
            fields(&[standing("submit", 59, 0), standing("day", 0, 5)]),
            [
                ("ratelimit-policy", "\"submit\";q=60;w=60, \"day\";q=60;w=60".to_owned()),
                ("ratelimit", "\"submit\";r=59;t=2, \"day\";r=0;t=2".to_owned()),
            ]
        );
    }

    #[test]
    fn a_denial_says_which_limit_and_when_to_come_back() {
        let refusal = denied(&[standing("submit", 59, 0), standing("day", 0, 1200)]);
        assert_eq!(refusal.code, ProblemCode::RateLimited);
        assert_eq!(refusal.extensions.violated_policies, ["day"]);
        assert_eq!(refusal.headers[0], ("retry-after", "2".to_owned()));
        assert_eq!(refusal.detail, "the limit day is used up; the next request passes in 1200 ms");
        assert_eq!(retry_after(0), "1");
    }
}
