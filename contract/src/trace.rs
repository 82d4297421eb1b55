//! W3C Trace Context: how one request is followed through all parts.

use std::fmt;

/// A `traceparent`, version 00: <https://www.w3.org/TR/trace-context/#traceparent-header>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    /// The same in all parts; never 0.
    pub trace_id: u128,
    /// The caller's span; never 0.
    pub span_id: u64,
    /// Whether the caller keeps the trace.
    pub sampled: bool,
}

impl Traceparent {
    /// A new trace; `None` for zeros, which mean nothing.
    pub fn new(trace_id: u128, span_id: u64) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled: true })
    }

    /// Reads a header. Later versions are read as far as this one goes, as the standard wants; what is malformed is
    /// `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| parts.next().filter(|part| part.len() == digits && is_hex(part));
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace_id, 16).ok()?;
        let span_id = u64::from_str_radix(span_id, 16).ok()?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Self::new(trace_id, span_id).map(|new| Self { sampled, ..new })
    }

    /// The trace id as it is shown: 32 hex digits.
    pub fn trace_id_hex(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

fn is_hex(part: &str) -> bool {
    part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FINE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_the_same() {
        let parsed = Traceparent::parse(FINE).unwrap();
        assert_eq!((parsed.to_string(), parsed.trace_id_hex()), (FINE.to_owned(), FINE[3..35].to_owned()));
        assert!(parsed.sampled);
    }

    #[test]
    fn what_is_malformed_is_nothing() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Traceparent::parse(text), None, "{text}");
        }
        assert!(Traceparent::parse(&format!("cc{}-what-comes", &FINE[2..])).is_some(), "a later version");
    }

    proptest! {
        #[test]
        fn every_trace_survives_the_wire(trace_id in 1u128.., span_id in 1u64.., sampled: bool) {
            let traceparent = Traceparent { trace_id, span_id, sampled };
            prop_assert_eq!(Traceparent::parse(&traceparent.to_string()), Some(traceparent));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = Traceparent::parse(&text);
        }
    }
}
