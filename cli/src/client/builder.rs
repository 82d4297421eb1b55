use std::{sync::Arc, time::Duration};

use hyper::{Uri, header::HeaderValue};

use super::{Client, Inner, error::Error, retry::Retry, secret::Secret, transport::Transport};

/// How to reach a service.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    url: String,
    key: Secret,
    retry: Retry,
    idle_timeout: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self { url, key: Secret::default(), retry: Retry::default(), idle_timeout: Duration::from_secs(30) }
    }

    /// The API key or token of the caller; without one, or with an empty one, the caller has no credentials.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Secret::new(key.into());
        self
    }

    /// How long and how often to ask again; [`Retry::default`] unless said.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How long nothing may move in an exchange, in either direction, besides what the service is asked to hold back;
    /// 30 seconds unless said. What moves may take as long as it takes, up to an hour.
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// The client. Fails on what is no address and on a key that no header field can carry.
    pub fn build(self) -> Result<Client, Error> {
        let base = base(&self.url)?;
        let uri: Uri = base.parse().map_err(|_| no_url(&self.url))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(no_url(&self.url));
        }
        Ok(Client(Arc::new(Inner {
            transport: Transport::to(&uri)?,
            base,
            authorization: authorization(&self.key)?,
            retry: self.retry,
            idle_timeout: self.idle_timeout,
        })))
    }
}

/// The address without its last slash.
fn base(url: &str) -> Result<String, Error> {
    let url = url.trim().trim_end_matches('/');
    match ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
        true => Ok(url.to_owned()),
        false => Err(no_url(url)),
    }
}

fn no_url(url: &str) -> Error {
    Error::Invalid(format!("{url:?} is no address of a service; write https://HOST"))
}

fn authorization(key: &Secret) -> Result<Option<HeaderValue>, Error> {
    let key = key.expose().trim();
    if key.is_empty() {
        return Ok(None);
    }
    let unfit = || Error::Invalid("the key may hold printable ASCII alone".to_owned());
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unfit());
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_an_address() {
        for (url, expect) in [
            ("https://jobs.example.com/", Some("https://jobs.example.com")),
            (" http://127.0.0.1:8787\n", Some("http://127.0.0.1:8787")),
            ("https://example.com/forebay/", Some("https://example.com/forebay")),
            ("jobs.example.com", None),
            ("https://", None),
            ("http:///x", None),
            ("http://a b", None),
            ("", None),
        ] {
            let client = ClientBuilder::new(url.to_owned()).build();
            assert_eq!(client.ok().map(|client| client.0.base.clone()).as_deref(), expect, "{url:?}");
        }
    }

    #[test]
    fn a_key_is_trimmed_and_never_shown() {
        let builder = ClientBuilder::new("http://127.0.0.1".to_owned()).key(" fb_0123\n");
        let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
        assert!(!shown.contains("fb_0123"), "{shown}");
        assert!(builder.clone().key("a\nb").build().is_err() && builder.key("ä").build().is_err());
    }
}
