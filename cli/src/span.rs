use std::time::Duration;

/// How long to wait: a week at most.
pub(crate) fn timeout(timeout_s: u64) -> Duration {
    Duration::from_secs(timeout_s.min(7 * 86_400))
}

/// Reads a span of time such as `90d`, `24h`, `10m`, `30s` or `0`; gives seconds.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no span of time; write 30s, 10m, 24h or 90d");
    let (number, seconds) = match text.char_indices().next_back() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3_600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        _ if text == "0" => (Some(text), 1),
        _ => return Err(wrong()),
    };
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        for (text, expect) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("30s", Some(30)),
            ("10m", Some(600)),
            ("24h", Some(86_400)),
            ("90d", Some(7_776_000)),
            ("", None),
            ("d", None),
            ("5", None),
            ("+5d", None),
            ("-5d", None),
            ("1.5h", None),
            ("5 d", None),
            ("5é", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(parse(text).ok(), expect, "{text}");
        }
    }
}
