//! Cloudflare Turnstile: whether a challenge was solved.

use forebay_contract::{Challenge, ProblemCode};
use serde::Deserialize;

use crate::{
    config::Turnstile,
    cx::{Cx, Stop, log_line},
    runtime::{Post, exchange},
};
use forebay_admission::Refusal;

/// The request header that carries the widget's token.
pub const HEADER: &str = "cf-turnstile-response";
/// Turnstile's own bound on a token.
const MAX_TOKEN_CHARS: usize = 2048;
const TIMEOUT_MS: u64 = 5_000;

#[derive(Deserialize)]
struct Verdict {
    success: bool,
}

/// Whether the request brings a solved challenge: without a token it does not, with a bad one it is refused.
pub async fn solved(cx: &Cx, token: Option<&str>, ip: &str) -> Result<bool, Stop> {
    let (Some(token), Some(turnstile)) = (token, &cx.config.turnstile) else { return Ok(false) };
    if token.is_empty() || token.len() > MAX_TOKEN_CHARS {
        return Err(failed().into());
    }
    match verify(turnstile, token, ip).await {
        Ok(true) => Ok(true),
        Ok(false) => Err(failed().into()),
        Err(error) => {
            log_line("challenge-unavailable", &error);
            let refusal = Refusal::new(ProblemCode::ChallengeUnavailable, "your token was not used up: send it again");
            Err(refusal.with_header("retry-after", "5").into())
        }
    }
}

/// What a caller is asked to solve; `None` when no challenge is set up.
pub fn challenge(cx: &Cx) -> Option<Challenge> {
    let site_key = cx.config.turnstile.as_ref()?.site_key.clone();
    Some(Challenge { kind: "turnstile".to_owned(), site_key, header: HEADER.to_owned() })
}

fn failed() -> Refusal {
    let detail = format!("the token in {HEADER} is wrong, used or too old: solve a new challenge");
    Refusal::new(ProblemCode::ChallengeFailed, detail)
}

/// Asks Turnstile's siteverify endpoint; an answer that is no verdict is an error.
async fn verify(turnstile: &Turnstile, token: &str, ip: &str) -> Result<bool, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("secret", &turnstile.secret_key).append_pair("response", token);
    if let Some((address, _)) = ip.split_once('/') {
        form.append_pair("remoteip", address);
    }
    let fields = [("content-type", "application/x-www-form-urlencoded")];
    let post = Post { url: &turnstile.url, fields: &fields, body: &form.finish(), timeout_ms: TIMEOUT_MS };
    let (_, answer) = exchange(post).await?;
    let verdict: Verdict = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    Ok(verdict.success)
}
