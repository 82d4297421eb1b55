//! `POST /internal/v1/reports`: what workers say of jobs. Signed, a hint, never the truth.

use forebay_contract::{ProblemCode, ReportAnswer, verify};
use futures_util::future::join_all;
use worker::web_sys::Request;

use crate::{
    cx::Cx,
    http::{Answer, Stop, answer, body},
    objects::{self, workers},
};
use forebay_account::{asked, report};
use forebay_admission::Refusal;

/// A hundred events with the longest texts stay far below.
const MAX_REPORT_BYTES: usize = 512 * 1024;

/// Applies a report: one call an object that it concerns.
pub async fn post(cx: &Cx, request: Request) -> Result<Answer, Stop> {
    let signature = cx.incoming.signature.clone().unwrap_or_default();
    let fields = body::Fields::of(&cx.incoming);
    let bytes = body::read(request, &fields, MAX_REPORT_BYTES).await?;
    verify(&cx.config.report_secrets, cx.now_ms, &signature, &bytes).map_err(|_| {
        Refusal::new(ProblemCode::InvalidSignature, "sign the body with the shared secret and a clock that is right")
    })?;
    let report = report::read(&bytes)?;
    workers::note_heard(cx);
    let calls = report::by_shard(report.events).into_iter().map(|(shard, events)| {
        let call = asked::Report(report.worker.clone(), events);
        async move { objects::call(cx, shard, call).await }
    });
    let mut answer = ReportAnswer::default();
    for answered in join_all(calls).await {
        answer.canceled.extend(answered?.canceled);
    }
    answer::json(200, &answer, Vec::new())
}
