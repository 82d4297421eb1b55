//! One operation: a method of a path.

use std::collections::BTreeSet;

use forebay_contract::ProblemCode;
use serde_json::{Map, Value, json};

use super::{Answer, Schemas, headers, problems};

/// What a row of `ROUTES` may be asked and answer.
pub struct Operation {
    /// For generated clients.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The rest; Markdown.
    pub description: &'static str,
    /// Where a reader finds it.
    pub tag: Tag,
    /// Who may.
    pub callers: Callers,
    /// Path, query and header.
    pub parameters: Vec<Value>,
    /// What is sent.
    pub body: Option<Body>,
    /// What comes back when it is not refused.
    pub answers: Vec<Answer>,
    /// Why it may be refused, besides what its callers bring along: groups, which operations share.
    pub problems: &'static [&'static [ProblemCode]],
}

/// A request's body.
pub struct Body {
    /// Whether there must be one.
    pub required: bool,
    /// Media type → schema and examples.
    pub content: Vec<(&'static str, Value)>,
}

/// Who may call.
#[derive(Clone, Copy)]
pub enum Callers {
    /// Whoever can reach it.
    Anybody,
    /// Accounts.
    Accounts,
    /// The operator.
    Operator,
    /// Workers.
    Workers,
}

/// A chapter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Jobs,
    Waiting,
    Account,
    Webhooks,
    Operator,
    Workers,
    Service,
}

impl Operation {
    /// An operation of a chapter for these callers, of which everything else is still to be said.
    pub fn of(tag: Tag, callers: Callers) -> Self {
        Self {
            id: "",
            summary: "",
            description: "",
            tag,
            callers,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: &[],
        }
    }

    /// The `HEAD` beside a `GET`, as JSON.
    pub fn head_to_json(&self) -> Value {
        let mut id: Vec<char> = self.id.chars().collect();
        id.iter_mut().take(1).for_each(|first| *first = first.to_ascii_uppercase());
        let mut operation = json!({
            "operationId": format!("head{}", id.into_iter().collect::<String>()),
            "summary": format!("{}: the header alone", self.summary),
            "tags": [self.tag.name()],
            "responses": { "default": {
                "description": "The status and the header fields that `GET` would have, without a body.",
                "headers": headers::references(&["X-Request-Id"]),
            } },
        });
        self.ask(&mut operation);
        operation
    }

    /// As JSON.
    pub fn to_json(&self, schemas: &mut Schemas) -> Value {
        let mut responses: Map<String, Value> =
            self.answers.iter().map(|answer| (answer.status.to_string(), answer.to_json())).collect();
        let codes: BTreeSet<&str> = self
            .problems
            .iter()
            .copied()
            .flatten()
            .chain(self.callers.problems())
            .chain(&[ProblemCode::Internal])
            .map(|code| code.name())
            .collect();
        let codes: Vec<ProblemCode> =
            ProblemCode::ALL.iter().copied().filter(|code| codes.contains(code.name())).collect();
        responses.extend(problems::responses(&codes, schemas));
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.tag.name()],
            "responses": responses,
        });
        if !self.description.is_empty() {
            operation["description"] = self.description.into();
        }
        self.ask(&mut operation);
        if let Some(body) = &self.body {
            let content: Map<String, Value> =
                body.content.iter().map(|(kind, value)| ((*kind).to_owned(), value.clone())).collect();
            operation["requestBody"] = json!({ "required": body.required, "content": content });
        }
        operation
    }

    /// Who asks, and by which parameters.
    fn ask(&self, operation: &mut Value) {
        if let Some(scheme) = self.callers.scheme() {
            operation["security"] = json!([{ scheme: [] }]);
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.clone().into();
        }
    }
}

impl Body {
    /// JSON of this schema, with examples by name.
    pub fn json(schema: &Value, examples: &[(&str, Value)]) -> Self {
        let examples: Map<String, Value> =
            examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
        Self { required: true, content: vec![("application/json", json!({ "schema": schema, "examples": examples }))] }
    }

    /// The same where nothing may be sent, too.
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }
}

impl Callers {
    fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Anybody => None,
            Self::Accounts => Some("caller"),
            Self::Operator => Some("operator"),
            Self::Workers => Some("worker"),
        }
    }

    /// Why they themselves may be refused.
    fn problems(self) -> &'static [ProblemCode] {
        match self {
            Self::Anybody => &[],
            Self::Accounts => problems::OF_CALLERS,
            Self::Operator => &[ProblemCode::MissingCredentials, ProblemCode::InvalidCredentials],
            Self::Workers => &[ProblemCode::InvalidSignature],
        }
    }
}

impl Tag {
    /// In a reader's order.
    pub const ALL: [Self; 7] =
        [Self::Jobs, Self::Waiting, Self::Account, Self::Webhooks, Self::Operator, Self::Workers, Self::Service];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Waiting => "Waiting",
            Self::Account => "Account",
            Self::Webhooks => "Webhooks",
            Self::Operator => "Operator",
            Self::Workers => "Workers",
            Self::Service => "Service",
        }
    }

    /// What it is about.
    pub fn description(self) -> &'static str {
        match self {
            Self::Jobs => "Submit, look, fetch, cancel, run again.",
            Self::Waiting => "Be told of what happens to jobs, by event stream or WebSocket.",
            Self::Account => "What the caller may ask for and has used.",
            Self::Webhooks => "Be called when jobs end, as Standard Webhooks 1.0 has it.",
            Self::Operator => "Keys, catalog and lanes, for whoever runs the service.",
            Self::Workers => "Between the service's own parts: no client calls these.",
            Self::Service => "The service itself.",
        }
    }
}
