//! Whether a URL may be posted to: what can be seen in it, and what its name leads to where a resolver is set.
//!
//! A Worker cannot see the address that `fetch` connects to. Between the look-up here and the one of `fetch` a name may
//! change; what then stands between is that Cloudflare's network does not route private addresses.

mod parse;
mod resolver;

use forebay_contract::ProblemCode;
use futures_util::future::LocalBoxFuture;

use crate::{
    admission::{
        Refusal,
        webhook::target::{self, Host, Rules},
    },
    config::Config,
    cx::log_line,
};

/// Why nothing may be posted there.
#[derive(Debug)]
pub enum Unfit {
    /// It is no place for deliveries: why, for the owner.
    Refused(String),
    /// The name leads nowhere.
    NoSuchName,
    /// The resolver did not say.
    Unknown,
}

/// The URL as it is fetched, if it may be. Boxed: it is in the bundle once.
pub fn check<'a>(config: &'a Config, url: &'a str) -> LocalBoxFuture<'a, Result<String, Unfit>> {
    Box::pin(checked(config, url))
}

async fn checked(config: &Config, url: &str) -> Result<String, Unfit> {
    let webhooks = &config.webhooks;
    let parsed = parse::url(url).ok_or_else(|| Unfit::Refused("`url` is not an absolute URL".to_owned()))?;
    let host = target::check(&parsed, Rules { loopback: webhooks.allow_loopback }).map_err(Unfit::Refused)?;
    if let (Host::Named, Some(resolver)) = (host, &webhooks.resolver_url) {
        let addresses = resolver::addresses(resolver, &parsed.host).await.map_err(|why| {
            log_line("resolver-failed", &why);
            Unfit::Unknown
        })?;
        if addresses.is_empty() {
            return Err(Unfit::NoSuchName);
        }
        target::check_addresses(&addresses).map_err(Unfit::Refused)?;
    }
    Ok(parsed.href)
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Refused(why) => Self::new(ProblemCode::WebhookTargetRefused, why),
            Unfit::NoSuchName => Self::new(ProblemCode::WebhookTargetRefused, "the URL's host has no address"),
            Unfit::Unknown => {
                let detail = "the URL's host cannot be looked up at the moment; try again";
                Self::new(ProblemCode::ResolverUnavailable, detail).with_header("retry-after", "5")
            }
        }
    }
}
