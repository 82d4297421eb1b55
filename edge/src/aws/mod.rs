//! SQS and S3 by hand: a signature, a fetch. No SDK, no clock, no retries of their own.

pub mod s3;
mod send;
mod sigv4;
pub mod sqs;

pub use sigv4::Signer;
