//! The operator's side of a service, over HTTP.

use std::{env, fmt, fs, path::Path, time::Duration};

use serde_json::Value;
use ureq::{Body, http::Response};

use forebay::Problem;

use crate::{arguments::Service, failure::Failure, settings::for_operator};

const PATIENCE: Duration = Duration::from_secs(30);
/// The most that is read of one answer, in bytes.
const LIMIT: u64 = 8 << 20;
const TOKEN_VARIABLE: &str = "FOREBAY_ADMIN_TOKEN";

/// A service and the right to manage its keys.
#[derive(Debug)]
pub(crate) struct Admin {
    agent: ureq::Agent,
    /// Without a slash at its end.
    url: String,
    token: Token,
}

struct Token(String);

/// Tokens are not printed by accident.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Admin {
    /// Of the arguments and the environment.
    pub(crate) fn new(service: &Service) -> Result<Self, Failure> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The token goes where it was sent, and nowhere else.
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build();
        let service = for_operator(service)?;
        let url = base(service.url.as_deref())?;
        let token = token(service.admin_token_file.as_deref(), env::var(TOKEN_VARIABLE).ok())?;
        Ok(Self { agent: config.new_agent(), url, token })
    }

    /// GET, with query parameters.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut request = self.agent.get(format!("{}{path}", self.url)).header("authorization", self.authorization());
        for (name, value) in query {
            request = request.query(*name, *value);
        }
        self.read(request.call())
    }

    /// POST of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", self.authorization());
        self.read(request.header("content-type", "application/json").send(body.to_string()))
    }

    /// DELETE
    pub(crate) fn delete(&self, path: &str) -> Result<Value, Failure> {
        let request = self.agent.delete(format!("{}{path}", self.url)).header("authorization", self.authorization());
        self.read(request.call())
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token.0)
    }

    fn read(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Value, Failure> {
        let unanswered = |error: ureq::Error| Failure::Unanswered(format!("{} does not answer: {error}", self.url));
        let mut response = response.map_err(unanswered)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(LIMIT).read_to_vec().map_err(unanswered)?;
        if !(200..300).contains(&status) {
            return Err(Failure::Refused(Box::new(Problem::of(status, &body))));
        }
        let foreign = |_| Failure::Unanswered(format!("{} is no Forebay: its answer is not JSON", self.url));
        serde_json::from_slice(&body).map_err(foreign)
    }
}

fn base(url: Option<&str>) -> Result<String, Failure> {
    let url = url.filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| Failure::Usage("say where the edge answers: --url, or FOREBAY_URL".to_owned()))?;
    if ["https://", "http://"].iter().all(|scheme| !url.starts_with(scheme)) {
        return Err(Failure::Usage(format!("{url:?} is no URL; write https://HOST")));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn token(file: Option<&Path>, variable: Option<String>) -> Result<Token, Failure> {
    let text = match (file, variable) {
        (Some(file), _) => fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("the token cannot be read: {}: {error}", file.display())))?,
        (None, Some(text)) => text,
        (None, None) => String::new(),
    };
    let text = text.trim();
    if text.is_empty() {
        let advice = format!("no operator's token: set {TOKEN_VARIABLE}, or name a file with --admin-token-file");
        return Err(Failure::Usage(advice));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage("the operator's token may hold printable ASCII alone".to_owned()));
    }
    Ok(Token(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_url_without_its_last_slash() {
        for (url, expect) in [
            (Some("https://jobs.example.com/"), Some("https://jobs.example.com")),
            (Some("http://127.0.0.1:8787"), Some("http://127.0.0.1:8787")),
            (Some("jobs.example.com"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(base(url).ok().as_deref(), expect, "{url:?}");
        }
    }

    #[test]
    fn the_token_is_trimmed_and_never_shown() {
        let read = |text: &str| token(None, Some(text.to_owned()));
        let found = read(" 0123456789abcdef\n").unwrap();
        assert_eq!((found.0.as_str(), format!("{found:?}").as_str()), ("0123456789abcdef", "Token(…)"));
        assert!(read(" \n").is_err() && read("a\nb").is_err() && token(None, None).is_err());
        let missing = token(Some(Path::new("/nowhere/token")), Some("0123456789abcdef".to_owned())).unwrap_err();
        assert!(matches!(&missing, Failure::Usage(text) if text.contains("/nowhere/token")), "{missing}");
    }
}
