//! The document as a whole.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Schemas, Tag, examples, headers, paths, problems, shared};
use crate::routes::ROUTES;

/// Its members, in the order in which a reader wants them.
#[derive(Serialize)]
pub struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Vec<Value>,
    paths: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    webhooks: Map<String, Value>,
    components: Value,
}

const DESCRIPTION: &str = "An HTTP API in front of models that run on GPUs: submit a job, wait as you like, fetch the result.\n\n\
    Every answer has an `X-Request-Id`. Every refusal is `application/problem+json` (RFC 9457) with a `code` of a closed \
    list and a `detail` that says what to do; `retryable` says whether the same request may succeed later, and \
    `Retry-After` when. New members may come to answers: ignore what you do not know.\n\n\
    Times are milliseconds since the Unix epoch (`…_ms`), durations milliseconds unless said otherwise.";

/// The document, made anew.
pub fn document() -> Document {
    let mut schemas = Schemas::new();
    let mut table = Map::new();
    for row in ROUTES {
        let operation = (row.operation)(&mut schemas);
        let path = table.entry(row.pattern).or_insert_with(|| json!({}));
        path[row.method.to_ascii_lowercase()] = operation.to_json(&mut schemas);
        if row.method == "GET" {
            path["head"] = operation.head_to_json();
        }
    }
    let mut webhooks = paths::webhooks::sent(&mut schemas);
    let mut refusals = shared::refusals(&mut table);
    let mut components = json!({
        "securitySchemes": security_schemes(),
        "headers": headers::all(),
        "examples": problems::examples(),
    });
    components["schemas"] = schemas.finish([&mut table, &mut webhooks, &mut refusals]);
    components["responses"] = refusals.into();
    Document {
        openapi: "3.1.0",
        info: json!({
            "title": "Forebay",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Admission and queueing in front of GPU workers",
            "description": DESCRIPTION,
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        }),
        servers: json!([{ "url": "/", "description": "Where this document lies" }]),
        tags: Tag::ALL.iter().map(|tag| json!({ "name": tag.name(), "description": tag.description() })).collect(),
        paths: table,
        webhooks,
        components,
    }
}

fn security_schemes() -> Value {
    json!({
        "caller": {
            "type": "http",
            "scheme": "bearer",
            "description": format!(
                "An API key (`{}`), or a JSON Web Token of an issuer that the service knows. Where the service has a \
                 plan for callers without credentials, nothing need be sent.",
                examples::SECRET
            ),
        },
        "operator": {
            "type": "http",
            "scheme": "bearer",
            "description": "The operator's token, `ADMIN_TOKEN`. Where none is set, nobody is let in.",
        },
        "worker": {
            "type": "apiKey",
            "in": "header",
            "name": "Forebay-Signature",
            "description": "`t=SECONDS,v1=HEX`: the time, and HMAC-SHA256 of `SECONDS.BODY` with `REPORT_SECRET`. The \
                            time may be off by five minutes.",
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn operations_have_ids_of_their_own_and_the_parameters_of_their_paths() {
        let document = serde_json::to_value(document()).unwrap();
        let mut ids = BTreeSet::new();
        for row in ROUTES {
            let path = &document["paths"][row.pattern];
            let methods = [Some(row.method), (row.method == "GET").then_some("HEAD")];
            for method in methods.into_iter().flatten() {
                let operation = &path[method.to_ascii_lowercase()];
                let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
                assert!(ids.insert(id.clone()), "two operations are called {id}: {method} {}", row.pattern);
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let described: BTreeSet<&str> = parameters
                    .filter(|parameter| parameter["in"] == "path")
                    .filter_map(|parameter| parameter["name"].as_str())
                    .collect();
                let named = row.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                assert_eq!(described, named.collect(), "{method} {}", row.pattern);
            }
        }
    }
}
