//! `Prefer: wait=N` and `Prefer: handling=strict` (RFC 7240 §4.3, §4.4).

use forebay_contract::ProblemCode;

use super::{Refusal, query::MAX_WAIT_S};

/// The seconds the client would wait, at most a minute; `None` when it does not say. Other preferences are not ours
/// to judge: servers ignore what they do not know.
pub fn wait_s(prefer: Option<&str>) -> Result<Option<u64>, Refusal> {
    for preference in prefer.unwrap_or_default().split(',') {
        // Parameters after a semicolon refine a preference; `wait` has none.
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        if name.trim().eq_ignore_ascii_case("wait") {
            let digits = value.trim().trim_matches('"');
            let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !whole {
                let detail = "`Prefer: wait=N` takes a whole number of seconds";
                return Err(Refusal::new(ProblemCode::InvalidHeader, detail));
            }
            // More digits than fit are simply a long wait.
            return Ok(Some(digits.parse().unwrap_or(u64::MAX).min(MAX_WAIT_S)));
        }
    }
    Ok(None)
}

/// Whether the client wants what it asked for or a refusal: nothing that is degraded.
pub fn is_strict(prefer: Option<&str>) -> bool {
    prefer.unwrap_or_default().split(',').any(|preference| {
        let (name, value) = preference.split(';').next().unwrap_or_default().split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("handling") && value.trim().trim_matches('"').eq_ignore_ascii_case("strict")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_handling_is_strict() {
        for (prefer, expect) in [
            (None, false),
            (Some("handling=lenient"), false),
            (Some("strict"), false),
            (Some("wait=3, Handling=\"strict\"; x"), true),
        ] {
            assert_eq!(is_strict(prefer), expect, "{prefer:?}");
        }
    }

    #[test]
    fn table() {
        for (prefer, expect) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("respond-async"), Ok(None)),
            (Some("respond-async, wait=10"), Ok(Some(10))),
            (Some("Wait = \"5\"; x=y"), Ok(Some(5))),
            (Some("wait=3600"), Ok(Some(60))),
            (Some("wait=99999999999999999999999"), Ok(Some(60))),
            (Some("wait"), Err(ProblemCode::InvalidHeader)),
            (Some("wait=-1"), Err(ProblemCode::InvalidHeader)),
            (Some("wait=soon"), Err(ProblemCode::InvalidHeader)),
        ] {
            assert_eq!(wait_s(prefer).map_err(|refusal| refusal.code), expect, "{prefer:?}");
        }
    }
}
