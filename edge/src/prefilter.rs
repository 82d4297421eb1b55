//! The runtime's own rate limit, by address: it stands before what costs something and before anybody is known.

use forebay_contract::ProblemCode;

use crate::cx::{Cx, Stop, log_line};
use forebay_admission::Refusal;

/// The binding of `wrangler.jsonc`; its numbers are there.
const BINDING: &str = "IP_LIMITER";
/// The binding's period: it does not say when it admits again.
const PERIOD_S: &str = "60";

/// Counts one attempt from the address prefix `ip`. Asked only about credentials that are not in memory: whoever is
/// known has limits of their own. Without the binding, or without an address, nobody is counted.
pub async fn check(cx: &Cx, ip: &str) -> Result<(), Stop> {
    let Ok(limiter) = cx.env.rate_limiter(BINDING) else { return Ok(()) };
    if ip.is_empty() {
        return Ok(());
    }
    match limiter.limit(ip.to_owned()).await {
        Ok(outcome) if !outcome.success => {
            let detail = "too many requests from this address before anybody was recognized";
            Err(Refusal::new(ProblemCode::TooManyAttempts, detail).with_header("retry-after", PERIOD_S).into())
        }
        Ok(_) => Ok(()),
        // It spares work and decides nothing: without it everything is as right and slower.
        Err(error) => {
            log_line("prefilter-failed", &error.to_string());
            Ok(())
        }
    }
}
