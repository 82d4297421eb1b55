use serde::Serialize;

const WEBHOOK: (&str, usize) = ("wh_", 24);
const DELIVERY: (&str, usize) = ("msg_", 32);

/// A webhook's id: `wh_` and 96 random bits in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct WebhookId(String);

impl WebhookId {
    /// A new one.
    pub fn new(random: [u8; 12]) -> Self {
        Self(WEBHOOK.0.to_owned() + &forebay_contract::hex(&random))
    }

    /// Reads what a caller gave.
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text, WEBHOOK).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A delivery's id, which is its `webhook-id`: `msg_`, the millisecond it was made in and 80 random bits, in hex. Ids
/// sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// A new one.
    pub fn new(now_ms: u64, random: [u8; 10]) -> Self {
        Self(format!("{}{now_ms:012x}{}", DELIVERY.0, forebay_contract::hex(&random)))
    }

    /// Reads what a caller gave.
    pub fn parse(text: &str) -> Option<Self> {
        is_id(text, DELIVERY).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_id(text: &str, (prefix, digits): (&str, usize)) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|hex| hex.len() == digits && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_read_back_and_deliveries_sort_by_time(
            early in 0u64..1 << 47, later in 1u64..1 << 40, one: [u8; 10], other: [u8; 10], random: [u8; 12],
        ) {
            let (first, second) = (DeliveryId::new(early, one), DeliveryId::new(early + later, other));
            prop_assert!(first < second);
            prop_assert_eq!(DeliveryId::parse(first.as_str()), Some(first));
            let webhook = WebhookId::new(random);
            prop_assert_eq!(WebhookId::parse(webhook.as_str()), Some(webhook));
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        let long = format!("wh_{}", "0".repeat(25));
        for text in ["", "wh_", "wh_0", "msg_0123456789abcdef01234567", "wh_0123456789ABCDEF01234567", long.as_str()] {
            assert_eq!((WebhookId::parse(text), DeliveryId::parse(text)), (None, None), "{text}");
        }
    }
}
