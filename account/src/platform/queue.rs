/// The most messages of one batch.
pub const MAX_BATCH: usize = 10;
/// The most bytes of one batch, all messages together: SQS's mebibyte but for what their attributes take.
pub const MAX_BATCH_BYTES: usize = (1 << 20) - 1024;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The queue has it.
    Yes,
    /// It may be sent again: the queue did not take it, or nothing was said of it.
    NotNow,
    /// Sending it again is of no use: why.
    Never(String),
}
