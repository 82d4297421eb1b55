//! API keys: what is stored of them, and what may be done to them.
//!
//! A key has an id, an owner, and one or several secrets. Secrets are shown once and stored as hashes, so a lookup is by
//! hash: there is no stored secret to compare a given one with, and so no comparison whose time could betray anything.

mod entry;
mod key;
mod order;
mod record;
mod secret;

pub use entry::Entry;
pub use key::Key;
pub use order::{KeyQuery, NewKey, grace_ms};
pub use record::{KeyRecord, Validity};
pub use secret::{ENTRY_PREFIX, KeyId, Secret, SecretHash};
