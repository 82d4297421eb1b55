//! Answers of the edge against its OpenAPI document: path, method, status, header fields, media type and body.

use std::{collections::BTreeMap, sync::LazyLock};

use anyhow::{Context as _, Result, anyhow, ensure};
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::client::{Answer, Request};

static DOCUMENT: LazyLock<Result<Document, String>> = LazyLock::new(|| {
    let document = serde_json::from_str(include_str!("../../edge/console/openapi.json")).map_err(anyhow::Error::from);
    document.and_then(Document::new).map_err(|error| format!("edge/console/openapi.json: {error:#}"))
});

/// A name for the document; nobody fetches it.
const HERE: &str = "http://forebay/openapi.json";

/// What the edge serves itself; the rest are the console's files.
const OWN: [&str; 4] = ["/v1/", "/internal/", "/healthz", "/readyz"];

/// Complains of an answer that the document does not have. `path` is without scheme and host.
pub fn check(request: &Request<'_>, path: &str, answer: &Answer) -> Result<()> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if !OWN.iter().any(|own| path.starts_with(own)) {
        return Ok(());
    }
    let what = || format!("{} {path} answered what edge/console/openapi.json does not have", request.method);
    let document = DOCUMENT.as_ref().map_err(|error| anyhow!("{error}"))?;
    document.check(request.method, path, answer).with_context(what)
}

struct Document {
    document: Value,
    schemas: Schemas,
    /// The schemas of bodies, by where they stand: compiled once, because promises get thousands of answers.
    compiled: BTreeMap<String, SchemaIndex>,
}

impl Document {
    /// Every object is closed: what is not described may come to an answer later, and not without being described.
    fn new(mut document: Value) -> Result<Self> {
        close(&mut document["components"]["schemas"]);
        let mut places = vec!["/components/schemas/Problem".to_owned()];
        bodies("", &document, &mut places);
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource(HERE, document.clone()).map_err(|error| anyhow!("{error:#}"))?;
        let mut compiled = BTreeMap::new();
        for place in places {
            // A pointer within a URL.
            let url = format!("{HERE}#{}", place.replace('{', "%7B").replace('}', "%7D"));
            let schema = compiler.compile(&url, &mut schemas).map_err(|error| anyhow!("{place}: {error:#}"))?;
            compiled.insert(place, schema);
        }
        Ok(Self { document, schemas, compiled })
    }

    fn check(&self, method: &str, path: &str, answer: &Answer) -> Result<()> {
        let Some(operation) = self.operation(method, path) else { return self.not_there(method, answer) };
        let status = answer.status.to_string();
        let place = |status: &str| format!("{operation}/responses/{status}");
        let places = [place(&status), place("default")];
        let there = places.into_iter().find_map(|place| Some((self.document.pointer(&place)?, place)));
        let (response, place) = there.with_context(|| format!("no status {status}"))?;
        let place = shared(response).map_or(place, str::to_owned);
        let response = self.resolved(response);
        for (name, field) in response["headers"].as_object().into_iter().flatten() {
            let field = self.resolved(field);
            if field["required"] == true {
                answer.must(&name.to_ascii_lowercase())?;
            }
        }
        let Some(content) = response["content"].as_object() else {
            ensure!(answer.body.is_empty(), "{status} has a body of {} bytes", answer.body.len());
            return Ok(());
        };
        let media_type = answer.must("content-type")?.split(';').next().unwrap_or_default();
        ensure!(content.contains_key(media_type), "{status} is {media_type}");
        if media_type.ends_with("json") {
            self.check_json(&format!("{place}/content/{}/schema", media_type.replace('/', "~1")), &answer.json()?)?;
        }
        Ok(())
    }

    /// A path or method that is not described is refused as such.
    fn not_there(&self, method: &str, answer: &Answer) -> Result<()> {
        if method == "HEAD" {
            ensure!(matches!(answer.status, 404 | 405) && answer.body.is_empty(), "no such operation, and {answer:?}");
            return Ok(());
        }
        let problem = answer.json()?;
        let expected = [(404, "route-not-found"), (405, "method-not-allowed")];
        let refused = expected.iter().any(|(status, code)| answer.status == *status && problem["code"] == *code);
        ensure!(refused, "no such operation, and the answer is {} {problem}", answer.status);
        self.check_json("/components/schemas/Problem", &problem)
    }

    /// The pointer to the operation.
    fn operation(&self, method: &str, path: &str) -> Option<String> {
        let paths = self.document["paths"].as_object()?;
        let matches = |template: &str| {
            let mut segments = path.split('/').zip(template.split('/'));
            path.split('/').count() == template.split('/').count()
                && segments.all(|(given, described)| described.starts_with('{') || given == described)
        };
        // `/v1/jobs/x` is one job's, `/v1/jobs` is nobody's: the first that has no placeholder there wins.
        let template =
            paths.keys().filter(|template| matches(template)).min_by_key(|template| template.contains('{'))?;
        let method = method.to_ascii_lowercase();
        let pointer = format!("/paths/{}/{method}", template.replace('/', "~1"));
        self.document.pointer(&pointer).map(|_| pointer)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        shared(value).and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    fn check_json(&self, place: &str, body: &Value) -> Result<()> {
        let schema = self.compiled.get(place).with_context(|| format!("no schema at {place}"))?;
        self.schemas.validate(body, *schema).map_err(|wrong| anyhow!("{wrong} in {:.2000}", body.to_string()))
    }
}

/// Where the schemas of JSON bodies stand.
fn bodies(at: &str, value: &Value, found: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if name.ends_with("json") && member["schema"].is_object() {
            found.push(format!("{place}/schema"));
        } else {
            bodies(&place, member, found);
        }
    }
}

/// Where the thing itself stands, if this refers to it.
fn shared(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix('#')
}

/// What alternatives of an object describe counts as well, so they themselves stay open.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if ["type", "properties"].iter().all(|name| members.contains_key(*name)) {
                members.entry("unevaluatedProperties").or_insert(json!(false));
            }
            for (name, member) in members {
                match member {
                    Value::Array(parts) if name == "oneOf" => {
                        parts
                            .iter_mut()
                            .filter_map(Value::as_object_mut)
                            .flat_map(|part| part.values_mut())
                            .for_each(close);
                    }
                    member => close(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
