//! Names of requests and inputs: digests, so that a journal holds no content.

use forebay::Input;
use sha2::{Digest as _, Sha256};

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

/// The idempotency key of one attempt: the same however often it is sent.
pub(super) fn key(nonce: &str, item: &str, attempt: u32) -> String {
    digest(&[b"key", nonce.as_bytes(), item.as_bytes(), &attempt.to_be_bytes()])
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

    use super::*;

    #[test]
    fn what_differs_has_another_name() {
        let text = |text: &str| Input::Text(text.to_owned());
        let items = [Input::None, text("a"), text("b"), Input::Image { media_type: "image/png", bytes: "a".into() }];
        let names: BTreeSet<_> = items.iter().map(item).collect();
        assert_eq!(names.len(), items.len());
        let keys = BTreeSet::from([key("n", "i", 0), key("n", "i", 1), key("n", "j", 0), key("m", "i", 0)]);
        assert_eq!(keys.len(), 4);
        assert_eq!(key("n", "i", 0), key("n", "i", 0));
        assert_ne!(request(&["ab", "c"]), request(&["a", "bc"]));
    }
}
