//! Names of requests and inputs: digests, so that a journal holds no content.

use forebay::Input;
use sha2::{Digest as _, Sha256};

use super::moments::Moments;

/// The digest of what is asked for besides the inputs.
pub(crate) fn request(parts: &[&str]) -> String {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    digest(&parts)
}

/// The digest of an input's content.
pub(super) fn item(input: &Input) -> String {
    match input {
        Input::None => digest(&[b"none"]),
        Input::Text(text) => digest(&[b"text", text.as_bytes()]),
        Input::Image { media_type, bytes } => digest(&[media_type.as_bytes(), bytes]),
        Input::Tensor(tensor) => digest(&[b"tensor", tensor.to_string().as_bytes()]),
    }
}

/// About how many bytes of an input go over the line.
pub(super) fn weight(input: &Input) -> u64 {
    let bytes = match input {
        Input::None => 0,
        Input::Text(text) => text.len(),
        Input::Image { bytes, .. } => bytes.len(),
        Input::Tensor(tensor) => tensor.to_string().len(),
    };
    bytes as u64
}

/// The idempotency key of one attempt: the same however often it is sent, as what is sent is the same. So it knows the
/// moments, which are a part of what is asked for.
pub(super) fn key(nonce: &str, item: &str, attempt: u32, moments: Moments) -> String {
    let attempt = attempt.to_be_bytes();
    let mut parts = vec![&b"key"[..], nonce.as_bytes(), item.as_bytes(), &attempt];
    let named = [(&b"deadline"[..], moments.deadline_ms()), (b"not before", moments.not_before_ms())];
    let named: Vec<_> = named.into_iter().filter_map(|(name, ms)| Some((name, ms?.to_be_bytes()))).collect();
    parts.extend(named.iter().flat_map(|(name, ms)| [*name, ms]));
    digest(&parts)
}

/// Each part with its length before it: no two lists of parts are alike.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::moments::Spans, *};

    #[test]
    fn what_differs_has_another_name() {
        let text = |text: &str| Input::Text(text.to_owned());
        let items = [Input::None, text("a"), text("b"), Input::Image { media_type: "image/png", bytes: "a".into() }];
        let names: BTreeSet<_> = items.iter().map(item).collect();
        assert_eq!(names.len(), items.len());
        assert_ne!(request(&["ab", "c"]), request(&["a", "bc"]));
    }

    #[test]
    fn a_key_is_of_one_request() {
        let (deadline, start) = (Spans { deadline_s: Some(1), ..none() }, Spans { not_before_s: Some(1), ..none() });
        let keys = BTreeSet::from([
            key("n", "i", 0, none().from(0)),
            key("n", "i", 1, none().from(0)),
            key("n", "j", 0, none().from(0)),
            key("m", "i", 0, none().from(0)),
            key("n", "i", 0, deadline.from(0)),
            key("n", "i", 0, deadline.from(1)),
            key("n", "i", 0, start.from(0)),
        ]);
        assert_eq!(keys.len(), 7);
        assert_eq!(key("n", "i", 0, none().from(0)), key("n", "i", 0, none().from(1)), "nothing counts from anywhere");
        assert_eq!(key("n", "i", 0, start.from(1)), key("n", "i", 0, start.from(1)));
    }

    fn none() -> Spans {
        Spans::default()
    }
}
