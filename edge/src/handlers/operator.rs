//! Requests that are the operator's alone.

use worker::web_sys::Request;

use crate::{
    cx::Cx,
    http::{Stop, Target, body},
};
use forebay_admission::{administrate::administrate, query};

/// Lets the operator pass, and nobody else.
pub(super) fn check(cx: &Cx) -> Result<(), Stop> {
    Ok(administrate(cx.incoming.authorization.as_deref(), &cx.config.admin_tokens)?)
}

/// The JSON of an operator's request, up to a bound; empty where there is no body.
pub(super) async fn body(cx: &Cx, request: Request, target: &Target, max_bytes: usize) -> Result<Vec<u8>, Stop> {
    check(cx)?;
    query::none(&target.query)?;
    let fields = body::Fields::of(&cx.incoming);
    let bytes = body::read(request, &fields, max_bytes).await?;
    if !bytes.is_empty() {
        fields.as_ref().expect_json()?;
    }
    Ok(bytes)
}
