use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// One job to be: a model, an input, parameters.
///
/// ```
/// let submission = forebay::Submission::new("efficientnet-lite0")
///     .image("image/png", std::fs::read("../tests/fixtures/coffee.png")?)
///     .parameter("top_k", 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub(crate) model: String,
    pub(crate) input: Input,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) version: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) not_before_ms: Option<u64>,
    pub(crate) strict: bool,
    pub(crate) fresh: bool,
}

/// What a model is given.
#[derive(Clone, PartialEq)]
pub enum Input {
    /// Nothing: the parameters say it all.
    None,
    /// UTF-8 text.
    Text(String),
    /// A picture as a file holds it.
    Image {
        /// `image/png` or `image/jpeg`
        media_type: &'static str,
        /// The file as it lies on the disk: the service decodes it.
        bytes: Bytes,
    },
    /// Numbers in nested arrays.
    Tensor(Value),
}

/// Payloads are never printed.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Image { media_type, bytes } => write!(f, "Image({media_type}, {} bytes)", bytes.len()),
            Self::Tensor(_) => f.write_str("Tensor(…)"),
        }
    }
}

/// How a submission travels.
#[derive(Debug, PartialEq)]
pub(crate) struct Wire {
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Submission {
    /// A submission to a model or a task of the service, without input and parameters.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            input: Input::None,
            parameters: Map::new(),
            version: None,
            idempotency_key: None,
            deadline_ms: None,
            not_before_ms: None,
            strict: false,
            fresh: false,
        }
    }

    /// The same submission with this input.
    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// The same submission with a text as its input.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.input(Input::Text(text.into()))
    }

    /// The same submission with a picture, `image/png` or `image/jpeg`, as its input.
    pub fn image(self, media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.input(Input::Image { media_type, bytes: bytes.into() })
    }

    /// The same submission with one more of the model's parameters.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// The same submission with all of these parameters.
    pub fn parameters(mut self, parameters: Map<String, Value>) -> Self {
        self.parameters = parameters;
        self
    }

    /// The same submission, for this version of the model alone.
    pub fn version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// Under this key, 1 to 255 visible ASCII characters: sent twice, it is one job. Without one a random key is made.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Worth nothing after this, in milliseconds since the epoch.
    pub fn deadline_ms(mut self, moment: Option<u64>) -> Self {
        self.deadline_ms = moment;
        self
    }

    /// The job does not begin before this moment, in milliseconds since the epoch.
    pub fn not_before_ms(mut self, moment: Option<u64>) -> Self {
        self.not_before_ms = moment;
        self
    }

    /// Refused rather than answered by something else than was asked for.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Run, although the same may have been answered before.
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// As it is submitted. A picture is its own body where the query can say the rest.
    pub(crate) fn to_submit(&self) -> Wire {
        self.bare("jobs").unwrap_or_else(|| Wire { path: "/v1/jobs".to_owned(), ..self.in_json() })
    }

    /// As it is planned where a picture can be its own body, as it would be submitted.
    pub(crate) fn to_bare_plan(&self) -> Option<Wire> {
        self.bare("plan")
    }

    /// As anything is planned. A picture takes a third more than it has.
    pub(crate) fn to_plan(&self) -> Wire {
        Wire { path: "/v1/plan".to_owned(), ..self.in_json() }
    }

    /// A picture as its own body, where the query can say the rest.
    fn bare(&self, what: &str) -> Option<Wire> {
        match &self.input {
            Input::Image { media_type, bytes } if self.parameters.values().all(fits_query) => Some(Wire {
                path: format!("/v1/models/{}/{what}{}", in_path(&self.model), self.query()),
                content_type: media_type,
                body: bytes.clone(),
                headers: self.headers(),
            }),
            _ => None,
        }
    }

    fn in_json(&self) -> Wire {
        let mut body = Map::from_iter([("model".to_owned(), json!(self.model))]);
        let input = match &self.input {
            Input::None => None,
            Input::Text(text) => Some(json!({ "text": text })),
            Input::Image { bytes, .. } => Some(json!({ "image": STANDARD.encode(bytes) })),
            Input::Tensor(tensor) => Some(json!({ "tensor": tensor })),
        };
        let parameters = (!self.parameters.is_empty()).then(|| Value::Object(self.parameters.clone()));
        let members = [
            ("input", input),
            ("parameters", parameters),
            ("deadline_ms", self.deadline_ms.map(Value::from)),
            ("not_before_ms", self.not_before_ms.map(Value::from)),
        ];
        body.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let body = Value::Object(body).to_string().into();
        Wire { path: String::new(), content_type: "application/json", body, headers: self.headers() }
    }

    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.parameters {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.append_pair(&format!("p.{name}"), &value);
        }
        for (name, moment) in [("deadline_ms", self.deadline_ms), ("not_before_ms", self.not_before_ms)] {
            if let Some(moment) = moment {
                query.append_pair(name, &moment.to_string());
            }
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let headers = [
            ("idempotency-key", self.idempotency_key.clone()),
            ("x-model-version", self.version.clone()),
            ("prefer", self.strict.then(|| "handling=strict".to_owned())),
            ("cache-control", self.fresh.then(|| "no-cache".to_owned())),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Whether the service reads a parameter from the query as what it is: what looks like a number or a truth value is one.
fn fits_query(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !matches!(serde_json::from_str(text), Ok(Value::Bool(_) | Value::Number(_))),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A model's name within a path.
fn in_path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes().fold(String::new(), |path, byte| match plain(byte) {
        true => path + char::from(byte).encode_utf8(&mut [0; 4]),
        false => path + &format!("%{byte:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Submission {
        Submission::new("m").image("image/png", &b"png"[..])
    }

    #[test]
    fn a_picture_is_its_own_body_where_the_query_can_say_the_rest() {
        let wire = image().parameter("top_k", 3).parameter("style", "a&b").deadline_ms(Some(7)).to_submit();
        assert_eq!(wire.path, "/v1/models/m/jobs?p.style=a%26b&p.top_k=3&deadline_ms=7");
        assert_eq!((wire.content_type, &wire.body[..]), ("image/png", &b"png"[..]));

        for value in [json!("3"), json!("true"), json!(null), json!([1])] {
            let wire = image().parameter("x", value.clone()).to_submit();
            let body: Value = serde_json::from_slice(&wire.body).unwrap();
            assert_eq!((wire.path.as_str(), &body["parameters"]["x"]), ("/v1/jobs", &value));
            assert_eq!(body["input"]["image"], "cG5n");
        }
    }

    #[test]
    fn a_picture_is_planned_as_it_would_be_submitted() {
        let picture = image().parameter("top_k", 3).not_before_ms(Some(7)).strict();
        let path = "/v1/models/m/plan?p.top_k=3&not_before_ms=7".to_owned();
        assert_eq!(picture.to_bare_plan(), Some(Wire { path, ..picture.to_submit() }));
        assert_eq!((picture.to_plan().path.as_str(), picture.to_plan().content_type), ("/v1/plan", "application/json"));
        assert_eq!(image().parameter("x", json!([1])).to_bare_plan(), None);
    }

    #[test]
    fn everything_else_is_json() {
        let wire = Submission::new("m").text("a\"b").not_before_ms(Some(5)).to_submit();
        let expect = json!({"model": "m", "input": {"text": "a\"b"}, "not_before_ms": 5});
        assert_eq!(serde_json::from_slice::<Value>(&wire.body).unwrap(), expect);
        let tensor = Submission::new("m").input(Input::Tensor(json!([1, 2])));
        assert_eq!(tensor.to_bare_plan(), None);
        let wire = tensor.to_plan();
        let expect = json!({"model": "m", "input": {"tensor": [1, 2]}});
        assert_eq!((wire.path.as_str(), serde_json::from_slice::<Value>(&wire.body).unwrap()), ("/v1/plan", expect));
        let wire = Submission::new("m").to_submit();
        assert_eq!(&wire.body[..], br#"{"model":"m"}"#);
    }

    #[test]
    fn wishes_travel_as_header_fields() {
        let submission = image().idempotency_key("k").version(Some("2".to_owned())).strict().fresh();
        let expect = [
            ("idempotency-key", "k"),
            ("x-model-version", "2"),
            ("prefer", "handling=strict"),
            ("cache-control", "no-cache"),
        ];
        assert_eq!(submission.to_submit().headers, expect.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(image().to_submit().headers, []);
    }

    #[test]
    fn a_name_cannot_lead_elsewhere_and_a_payload_is_not_printed() {
        assert_eq!(Submission::new("../a b").image("image/png", "").to_submit().path, "/v1/models/..%2Fa%20b/jobs");
        let submission = Submission::new("m").text("secret");
        assert!(!format!("{submission:?}").contains("secret"));
    }
}
