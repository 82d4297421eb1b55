//! Whether a URL may be posted to: what can be seen in it, and what its name leads to where a resolver is set.
//!
//! A Worker cannot see the address that `fetch` connects to. Between the look-up here and the one of `fetch` a name may
//! change; what then stands between is that Cloudflare's network does not route private addresses.
//!
//! That is why an answer may be used for as long as it says that it holds: a name that is made to lead inside right after a
//! look-up got past it before too, whose answer held for no time at all, and met the network. What is looked at here is
//! where names lead that nobody changes to deceive, and what their owners are told of that; for those a resolver's own
//! memory would have given the same answer until its end.

mod parse;
mod resolver;

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;

use crate::{
    config::Config,
    cx::{log_line, now_ms},
};
use forebay_admission::webhook::{
    Names, Unfit,
    target::{self, Host, Rules},
};

thread_local! {
    static NAMES: RefCell<Names> = const { RefCell::new(Names::new()) };
}

/// The URL as it is fetched, if it may be. Boxed: it is in the bundle once.
pub fn check<'a>(config: &'a Config, url: &'a str) -> LocalBoxFuture<'a, Result<String, Unfit>> {
    Box::pin(checked(config, url))
}

async fn checked(config: &Config, url: &str) -> Result<String, Unfit> {
    let webhooks = &config.webhooks;
    let parsed = parse::url(url).ok_or_else(|| Unfit::Refused("`url` is not an absolute URL".to_owned()))?;
    let host = target::check(&parsed, Rules { loopback: webhooks.allow_loopback }).map_err(Unfit::Refused)?;
    if let (Host::Named, Some(resolver)) = (host, &webhooks.resolver_url)
        && !NAMES.with_borrow(|names| names.is_known(&parsed.host, now_ms()))
    {
        let found = resolver::addresses(resolver, &parsed.host).await.map_err(|why| {
            log_line("resolver-failed", &why);
            Unfit::Unknown
        })?;
        if found.addresses.is_empty() {
            return Err(Unfit::NoSuchName);
        }
        target::check_addresses(&found.addresses).map_err(Unfit::Refused)?;
        NAMES.with_borrow_mut(|names| names.note(&parsed.host, found.ttl_s.unwrap_or(0), now_ms()));
    }
    Ok(parsed.href)
}
