/// Why a request to AWS failed; every one of them may pass by itself.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Nobody answered, in time or at all.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// An answer that is not a success.
    #[error("status {status}: {body}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer; it holds no payload of ours.
        body: String,
    },
    /// The answer is not what it should be.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}
