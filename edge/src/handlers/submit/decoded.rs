//! The body becomes one canonical input.

use worker::web_sys::Request;

use super::Known;
use crate::http::{Stop, body, header_bound};
use forebay_admission::{
    Submission,
    body::MAX_BODY_BYTES,
    deadline, decode, query,
    start::{self, Calendar},
};

/// How a submission is written down.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// One JSON body.
    Json,
    /// The input is the body, the parameters are the query.
    Bare {
        /// The model of the path.
        model: &'a str,
    },
}

impl Form<'_> {
    /// The path's pattern: what limits of the dimension `endpoint` count. A dry run looks at those of the real one.
    pub fn endpoint(self) -> &'static str {
        match self {
            Form::Json => "/v1/jobs",
            Form::Bare { .. } => "/v1/models/{model}/jobs",
        }
    }
}

/// A submission, and the times that it is to be run in.
pub struct Decoded {
    /// The model, the input and the parameters.
    pub submission: Submission,
    /// When it may start and has to end.
    pub times: Times,
}

/// When a job may start, and by when its result is worth having, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// The start that was asked for; `None` for at once.
    pub not_before_ms: Option<u64>,
    /// The deadline that was asked for.
    pub deadline_ms: Option<u64>,
}

impl Decoded {
    /// Reads the body, up to a bound, and what it says of time.
    pub async fn read(known: Known<'_>, request: Request) -> Result<Self, Stop> {
        header_bound::check(&request)?;
        let submission = submission(known, request).await?;
        let (cx, deadline) = (known.cx, submission.deadline.as_deref());
        let deadline_ms = deadline.map(|text| deadline::read(text, cx.now_ms)).transpose()?;
        let calendar = Calendar { now_ms: cx.now_ms, deadline_ms, retention_ms: cx.config.account.retention_ms };
        let not_before_ms = submission.not_before.as_deref().map(|text| start::read(text, calendar)).transpose()?;
        Ok(Self { submission, times: Times { not_before_ms, deadline_ms } })
    }
}

impl Times {
    /// When a job that is sent at `now_ms` enters its lane.
    pub fn enters_ms(self, now_ms: u64) -> u64 {
        start::enters_ms(self.not_before_ms, now_ms)
    }
}

/// What the body says, in either form.
pub async fn submission(known: Known<'_>, request: Request) -> Result<Submission, Stop> {
    let Known { cx, target, form, .. } = known;
    let fields = body::Fields::of(&cx.incoming);
    match form {
        Form::Json => {
            query::none(&target.query)?;
            fields.as_ref().expect_json()?;
            Ok(decode::json(&body::read(request, &fields, MAX_BODY_BYTES).await?)?)
        }
        Form::Bare { model } => {
            let asked = query::asked(&target.query)?;
            let media_type = fields.as_ref().bare_media_type()?;
            let bytes = body::read(request, &fields, MAX_BODY_BYTES).await?;
            Ok(decode::bare(model, media_type, bytes, asked)?)
        }
    }
}
