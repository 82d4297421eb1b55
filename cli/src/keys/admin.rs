//! The operator's side of a service, over HTTP.

use std::{env, path::Path};

use forebay::{Client, Method};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::{
    failure::Failure,
    settings::{OperatorConnection, secret_of},
};

const TOKEN_VARIABLE: &str = "FOREBAY_ADMIN_TOKEN";

/// A service and the right to manage it.
#[derive(Debug)]
pub(super) struct Admin {
    client: Client,
    runtime: Runtime,
}

impl Admin {
    /// Takes service and token from the arguments, the environment and the profile.
    pub(super) fn new(connection: &OperatorConnection) -> Result<Self, Failure> {
        let connection = connection.resolved()?;
        let url = connection.url.filter(|url| !url.is_empty());
        let url = url.ok_or_else(|| Failure::Usage("say where the edge answers: --url, or FOREBAY_URL".to_owned()))?;
        let token = token(connection.admin_token_file.as_deref(), env::var(TOKEN_VARIABLE).ok())?;
        let client = Client::builder(url).key(token).build()?;
        Ok(Self { client, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// GET, with query parameters.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.call(Method::GET, path, None)
    }

    /// POST with a body of JSON.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path.to_owned(), Some(body))
    }

    /// DELETE
    pub(super) fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path.to_owned(), None)
    }

    fn call(&self, method: Method, path: String, body: Option<&Value>) -> Result<Value, Failure> {
        Ok(self.runtime.block_on(self.client.call(method, path, body))?)
    }
}

fn token(file: Option<&Path>, variable: Option<String>) -> Result<String, Failure> {
    let text = match (file, variable) {
        (Some(file), _) => secret_of(file)?,
        (None, variable) => variable.unwrap_or_default(),
    };
    match text.trim() {
        "" => {
            let advice = format!("no operator's token: set {TOKEN_VARIABLE}, or name a file with --admin-token-file");
            Err(Failure::Usage(advice))
        }
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_has_a_token() {
        assert_eq!(token(None, Some(" 0123456789abcdef\n".to_owned())).unwrap(), "0123456789abcdef");
        assert!(token(None, Some(" \n".to_owned())).is_err() && token(None, None).is_err());
        let missing = token(Some(Path::new("/nowhere/token")), Some("0123456789abcdef".to_owned())).unwrap_err();
        assert!(matches!(&missing, Failure::Usage(text) if text.contains("/nowhere/token")), "{missing}");
    }
}
