//! The RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10) and `Retry-After` (RFC 9110 §10.2.3).

use forebay_contract::ProblemCode;
use forebay_limits::policy::{LimitStatus, Violation};

use super::Refusal;

/// `RateLimit-Policy` and `RateLimit`; nothing for a plan without limits.
pub fn fields(limits: &[LimitStatus]) -> Vec<(&'static str, String)> {
    if limits.is_empty() {
        return Vec::new();
    }
    let list = |item: fn(&LimitStatus) -> String| limits.iter().map(item).collect::<Vec<_>>().join(", ");
    vec![("ratelimit-policy", list(policy)), ("ratelimit", list(limit))]
}

fn policy(status: &LimitStatus) -> String {
    let window = status.window_s.map(|window_s| format!(";w={window_s}")).unwrap_or_default();
    format!("\"{}\";q={}{window}", status.name, status.quantity)
}

fn limit(status: &LimitStatus) -> String {
    let reset = status.window_s.map(|_| format!(";t={}", seconds(status.reset_ms))).unwrap_or_default();
    format!("\"{}\";r={}{reset}", status.name, status.remaining)
}

/// The refusal of a submission that limits do not let pass.
pub fn denied(code: ProblemCode, violations: &[Violation], limits: &[LimitStatus]) -> Refusal {
    let names: Vec<String> = violations.iter().map(|violation| violation.name.clone()).collect();
    // One that never passes outlasts all that do later.
    let never = violations.iter().any(|violation| violation.retry_after_ms.is_none());
    let wait_ms = violations.iter().filter_map(|violation| violation.retry_after_ms).max().unwrap_or(0);
    let what = if names.len() == 1 { "the limit" } else { "the limits" };
    let detail = if never {
        format!("this is more than {what} {} ever allows at once: send less", names.join(", "))
    } else {
        format!("beyond {what} {}; the next request passes in {wait_ms} ms", names.join(", "))
    };
    let mut refusal = Refusal::new(code, detail);
    refusal.retryable = !never && code.retryable();
    if !never {
        refusal.headers.push(("retry-after", retry_after(wait_ms)));
    }
    refusal.headers.extend(fields(limits));
    refusal.extensions.violated_policies = names;
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
    use forebay_contract::catalog::Beyond;

    use super::*;

    fn status(name: &str, window_s: Option<u64>, remaining: u64) -> LimitStatus {
        LimitStatus { name: name.to_owned(), quantity: 60, window_s, remaining, reset_ms: 1001 }
    }

    fn violation(name: &str, retry_after_ms: Option<u64>) -> Violation {
        Violation { name: name.to_owned(), amount: 1, beyond: Beyond::Reject, retry_after_ms, blocks_all: true }
    }

    #[test]
    fn the_fields_are_structured_lists() {
        assert_eq!(fields(&[]), []);
        assert_eq!(
            fields(&[status("submit", Some(60), 59), status("in-flight", None, 0)]),
            [
                ("ratelimit-policy", "\"submit\";q=60;w=60, \"in-flight\";q=60".to_owned()),
                ("ratelimit", "\"submit\";r=59;t=2, \"in-flight\";r=0".to_owned()),
            ]
        );
    }

    #[test]
    fn a_denial_says_which_limit_and_when_to_come_back() {
        let limits = [status("submit", Some(60), 59), status("day", Some(86_400), 0)];
        let refusal = denied(ProblemCode::RateLimited, &[violation("day", Some(1200))], &limits);
        assert_eq!(refusal.code, ProblemCode::RateLimited);
        assert_eq!(refusal.extensions.violated_policies, ["day"]);
        assert_eq!((refusal.headers[0].clone(), refusal.retryable), (("retry-after", "2".to_owned()), true));
        assert_eq!(refusal.detail, "beyond the limit day; the next request passes in 1200 ms");
        assert_eq!(retry_after(0), "1");
    }

    #[test]
    fn what_never_passes_is_not_told_to_come_back() {
        let refusal = denied(ProblemCode::RateLimited, &[violation("a", None), violation("b", Some(5))], &[]);
        assert!(refusal.headers.is_empty() && !refusal.retryable);
        assert!(refusal.detail.contains("a, b ever allows"), "{}", refusal.detail);
    }
}
