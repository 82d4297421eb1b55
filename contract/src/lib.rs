//! What Forebay's edge and backend both say.
//!
//! Pure and wasm-safe: no clock, no randomness, no I/O. Time is a number of milliseconds since the Unix epoch
//! (`…_ms: u64`), randomness is bytes the caller brings.

pub mod catalog;
mod digest;
mod encoding;
mod id;
mod input;
mod lane;
mod made;
mod media_type;
mod message;
pub mod ordered;
mod outcome;
mod parameters;
mod problem;
pub mod report;
#[cfg(feature = "schema")]
mod schema;
mod signature;
pub mod state;
pub mod storage_key;
mod text;
mod trace;

pub use digest::{Digest, DigestParseError, Namespace};
pub use encoding::hex;
pub use id::{JobId, JobIdParseError, ShardKey};
pub use input::{Input, InputRef};
pub use lane::{Lane, PlanClass, WorkClass};
pub use made::{Made, RENEW_AFTER_MS};
pub use media_type::{InputKind, MediaType};
pub use message::{JobMessage, MessageError};
pub use outcome::{FailureCode, JobFailure};
pub use parameters::{ParameterError, ParameterSpec, ParameterValue, Parameters, resolve as resolve_parameters};
pub use problem::{Challenge, Extensions, Problem, ProblemCode};
pub use report::{EventKind, Report, ReportAnswer, ReportEvent};
pub use signature::{SECRET_MIN_CHARS, SIGNATURE_HEADER, SignatureError, sign, verify};
pub use state::JobState;
pub use text::{TextError, check as check_text};
pub use trace::Traceparent;
