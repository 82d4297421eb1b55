//! Where things lie in the bucket.

use crate::{Digest, JobId};

/// The object that holds a result: `results/{hh}/{digest}`.
///
/// The two leading hex digits spread the keys over S3's partitions.
pub fn result(digest: &Digest) -> String {
    spread("results", &digest.to_hex())
}

/// The object that holds an input too large for its message: `inputs/{hh}/{sha256}-{job}`.
///
/// The job is part of the name so that inputs of different jobs can expire one by one.
pub fn input(sha256_hex: &str, job: &JobId) -> String {
    format!("{}-{job}", spread("inputs", sha256_hex))
}

/// The object that holds a job's failure: `failures/{job}`.
///
/// Named by job and not by digest: a failure may be this worker's, and must not answer the next try.
pub fn failure(job: &JobId) -> String {
    format!("failures/{job}")
}

/// The object that holds what earlier deliveries of a job came to, where that was nothing: `attempts/{job}`.
pub fn attempts(job: &JobId) -> String {
    format!("attempts/{job}")
}

/// The object that keeps a message which nobody could read: `failures/unreadable/{message}`. Characters that mean
/// something in a key are left out.
pub fn unreadable(message_id: &str) -> String {
    let plain: String =
        message_id.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '-').take(80).collect();
    format!("failures/unreadable/{plain}")
}

fn spread(folder: &str, hex: &str) -> String {
    format!("{folder}/{}/{hex}", hex.get(..2).unwrap_or("00"))
}
