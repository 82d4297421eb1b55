use forebay_contract::Made;

/// What the bucket knows of an object without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectHead {
    /// Its `Content-Type`.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// Whose run made it, where it says so.
    pub made: Option<Made>,
    /// When it was written last, in milliseconds since the epoch: its life counts from there.
    pub stored_ms: Option<u64>,
}
