//! What there is to say of each operation, chapter by chapter: one function each, named by its row of `ROUTES`.

pub mod account;
pub mod erasure;
pub mod jobs;
pub mod operator;
pub mod service;
pub mod submit;
pub mod waiting;
pub mod webhooks;
pub mod workers;

use forebay_contract::ProblemCode::{self, *};

/// Why a body may be refused, or one where none belongs.
const BODY: &[ProblemCode] = &[InvalidQuery, InvalidHeader, UnsupportedMediaType, UnsupportedEncoding, BodyTooLarge];
/// What a body in JSON adds.
const IN_JSON: &[ProblemCode] = &[MalformedJson, InvalidField];
