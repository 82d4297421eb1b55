//! From a body to one canonical input.

use std::borrow::Cow;

use forebay_contract::{Input, InputKind, MediaType, ProblemCode, check_text};
use serde_json::{Map, Value, value::RawValue};

use super::{Refusal, encoded, fields, query::Asked, tensor};

/// Parameters are a handful of scalars; more is refused before it is built in memory.
const MAX_PARAMETERS_BYTES: usize = 16 * 1024;

/// What a client asks for, before the catalog has been looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The model's name.
    pub model: String,
    /// The input.
    pub input: Input,
    /// The parameters as given.
    pub parameters: Map<String, Value>,
    /// By when the result is worth having, as given.
    pub deadline: Option<String>,
    /// When it may start, as given.
    pub not_before: Option<String>,
}

/// Reads `{"model", "input", "parameters", "deadline_ms", "not_before_ms"}`.
pub fn json(body: &[u8]) -> Result<Submission, Refusal> {
    let text = fields::text(body)?;
    let known = ["model", "input", "parameters", "deadline_ms", "not_before_ms"];
    let [model, input, parameters, deadline, not_before] = fields::read(text, "the body", known)?;
    let time = |raw: Option<&RawValue>| raw.map(|raw| raw.get().to_owned()).filter(|text| text != "null");
    let model = model.ok_or_else(|| fields::invalid("`model` is missing: GET /v1/models lists the names"))?;
    let model = text_of(model).ok_or_else(|| fields::invalid("`model` must be a text"))?;
    Ok(Submission {
        model: model.into_owned(),
        input: input.map_or_else(|| Ok(Input::empty()), input_of)?,
        parameters: parameters.map_or_else(|| Ok(Map::new()), parameters_of)?,
        deadline: time(deadline),
        not_before: time(not_before),
    })
}

/// Reads a bare body of the type its header gave.
pub fn bare(model: &str, media_type: MediaType, body: Vec<u8>, asked: Asked) -> Result<Submission, Refusal> {
    let bytes = match media_type {
        MediaType::Empty if body.is_empty() => body,
        MediaType::Empty => {
            let detail = "there is a body but no Content-Type: say what it is";
            return Err(Refusal::new(ProblemCode::UnsupportedMediaType, detail));
        }
        MediaType::PlainText => plain_text(unmarked(body))?,
        MediaType::Json => {
            let text = std::str::from_utf8(fields::without_mark(&body));
            tensor::canonical(text.map_err(|_| input_invalid("the tensor is not UTF-8"))?)?.into_bytes()
        }
        // Pictures and sounds are what they are.
        _ => body,
    };
    let Asked { parameters, deadline, not_before } = asked;
    let input = Input { media_type, bytes };
    Ok(Submission { model: model.to_owned(), input, parameters, deadline, not_before })
}

/// Exactly one of `text`, `image` and `tensor`; `null` is no input.
fn input_of(raw: &RawValue) -> Result<Input, Refusal> {
    if raw.get() == "null" {
        return Ok(Input::empty());
    }
    match fields::read(raw.get(), "`input`", ["text", "image", "tensor"])? {
        [None, None, None] => Ok(Input::empty()),
        [Some(text), None, None] => {
            let text = text_of(text).ok_or_else(|| fields::invalid("`input.text` must be a text"))?;
            Ok(Input { media_type: MediaType::PlainText, bytes: plain_text(text.into_owned().into_bytes())? })
        }
        [None, Some(image), None] => {
            let text = text_of(image).ok_or_else(|| fields::invalid("`input.image` must be base64 in a text"))?;
            let bytes =
                encoded::decode(&text).map_err(|complaint| fields::invalid(format!("`input.image` {complaint}")))?;
            let found = MediaType::of_content(&bytes).filter(|found| found.kind() == InputKind::Image);
            let media_type = found.ok_or_else(|| {
                let detail = "`input.image` is neither JPEG, PNG, WebP, GIF, BMP nor TIFF";
                Refusal::new(ProblemCode::ImageUnrecognized, detail)
            })?;
            Ok(Input { media_type, bytes })
        }
        [None, None, Some(tensor)] => {
            Ok(Input { media_type: MediaType::Json, bytes: tensor::canonical(tensor.get())?.into_bytes() })
        }
        _ => Err(fields::invalid("`input` must hold one of `text`, `image` and `tensor`")),
    }
}

fn parameters_of(raw: &RawValue) -> Result<Map<String, Value>, Refusal> {
    if raw.get().len() > MAX_PARAMETERS_BYTES {
        let detail = format!("`parameters` may have at most {MAX_PARAMETERS_BYTES} bytes");
        return Err(fields::invalid(detail));
    }
    match serde_json::from_str(raw.get()) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        Ok(Value::Null) => Ok(Map::new()),
        _ => Err(fields::invalid("`parameters` must be an object")),
    }
}

/// The same bytes without a byte order mark.
fn unmarked(mut body: Vec<u8>) -> Vec<u8> {
    body.drain(..body.len() - fields::without_mark(&body).len());
    body
}

fn plain_text(bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| input_invalid(format!("the text is not UTF-8 at byte {}", error.valid_up_to())))?;
    // How long it may be, the model says.
    check_text(text, usize::MAX).map_err(|error| input_invalid(error.to_string()))?;
    Ok(bytes)
}

/// A JSON string's text; borrowed where nothing is escaped, so that megabytes of base64 are not copied.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw.get()).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

fn input_invalid(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::InputInvalid, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(body: &str) -> (ProblemCode, String) {
        let refusal = json(body.as_bytes()).unwrap_err();
        (refusal.code, refusal.detail)
    }

    #[test]
    fn the_kinds_of_input() {
        let input = |body: Value| json(body.to_string().as_bytes()).unwrap().input;
        assert_eq!(input(json!({"model": "m"})), Input::empty());
        assert_eq!(input(json!({"model": "m", "input": null, "parameters": null})), Input::empty());
        let text = input(json!({"model": "m", "input": {"text": "a\"b é"}}));
        assert_eq!((text.media_type, text.bytes.as_slice()), (MediaType::PlainText, "a\"b é".as_bytes()));
        let image = input(json!({"model": "m", "input": {"image": "iVBORw0KGgo="}}));
        assert_eq!((image.media_type, image.bytes.as_slice()), (MediaType::Png, b"\x89PNG\r\n\x1a\n".as_slice()));
        for written in ["iVBORw0KGgo", "iVBO\nRw0K\nGgo=\n", "data:image/png;base64,iVBORw0KGgo="] {
            assert_eq!(input(json!({"model": "m", "input": {"image": written}})), image, "{written:?}");
        }
        let marked = [b"\xef\xbb\xbf", json!({"model": "m", "input": {"text": "hi"}}).to_string().as_bytes()].concat();
        assert_eq!(json(&marked).unwrap().input.bytes, b"hi");
        let image = input(json!({"model": "m", "input": {"image": "/9j/"}}));
        assert_eq!(image.media_type, MediaType::Jpeg);
        let tensor = input(json!({"model": "m", "input": {"tensor": [1.0, 2]}}));
        assert_eq!((tensor.media_type, tensor.bytes.as_slice()), (MediaType::Json, b"[1,2]".as_slice()));
    }

    #[test]
    fn refusals_name_the_field() {
        use ProblemCode::{ImageUnrecognized, InputInvalid, InvalidField, MalformedJson};
        for (body, code, needle) in [
            ("", MalformedJson, "line 1"),
            ("[]", InvalidField, "an object"),
            ("{\"model\":", MalformedJson, "line 1"),
            ("{\"model\":\"m\"} x", MalformedJson, "line 1"),
            ("{}", InvalidField, "`model` is missing"),
            (r#"{"model":1}"#, InvalidField, "`model` must be a text"),
            (r#"{"model":"m","modle":"m"}"#, InvalidField, "`modle`"),
            (r#"{"model":"m","model":"n"}"#, InvalidField, "`model` is given twice"),
            (r#"{"model":"m","input":"x"}"#, InvalidField, "`input` must be an object"),
            (r#"{"model":"m","input":{"txt":"x"}}"#, InvalidField, "`txt`"),
            (r#"{"model":"m","input":{"text":1}}"#, InvalidField, "`input.text`"),
            (r#"{"model":"m","input":{"text":""}}"#, InputInvalid, "blank"),
            (r#"{"model":"m","input":{"text":" \n\u3000"}}"#, InputInvalid, "blank"),
            (r#"{"model":"m","input":{"text":"x","image":""}}"#, InvalidField, "one of"),
            (r#"{"model":"m","input":{"image":"%%"}}"#, InvalidField, "not base64"),
            (r#"{"model":"m","input":{"image":"AAAA AAAA"}}"#, InvalidField, "`input.image` holds a space"),
            (r#"{"model":"m","input":{"image":"aGVsbG8="}}"#, ImageUnrecognized, "neither"),
            (r#"{"model":"m","input":{"tensor":["x"]}}"#, InputInvalid, "tensor"),
            (r#"{"model":"m","parameters":[]}"#, InvalidField, "`parameters`"),
        ] {
            let (found, detail) = refused(body);
            assert_eq!(found, code, "{body}: {detail}");
            assert!(detail.contains(needle), "{body}: {detail}");
        }
    }

    #[test]
    fn deep_and_wide_bodies_are_refused_without_harm() {
        let deep = format!(r#"{{"model":"m","parameters":{}}}"#, "[".repeat(1_000_000));
        assert_eq!(refused(&deep).0, ProblemCode::MalformedJson);
        let nested = format!(r#"{{"model":"m","parameters":{{"a":{}{}}}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(refused(&nested).0, ProblemCode::InvalidField);
        let wide = format!(r#"{{"model":"m","parameters":{{"a":"{}"}}}}"#, "x".repeat(20_000));
        assert_eq!(refused(&wide).0, ProblemCode::InvalidField);
        let name = format!(r#"{{"model":"m","{}":1}}"#, "x".repeat(100_000));
        assert!(refused(&name).1.len() < 300);
        assert_eq!(json(b"\xff").unwrap_err().code, ProblemCode::MalformedJson);
    }

    #[test]
    fn bare_bodies() {
        let read = |media_type, body: &[u8]| bare("m", media_type, body.to_vec(), Asked::default());
        assert_eq!(read(MediaType::Empty, b"").unwrap().input, Input::empty());
        assert_eq!(read(MediaType::Empty, b"x").unwrap_err().code, ProblemCode::UnsupportedMediaType);
        assert_eq!(read(MediaType::PlainText, b"").unwrap_err().code, ProblemCode::InputInvalid);
        assert_eq!(read(MediaType::PlainText, b"\xc3\x28").unwrap_err().code, ProblemCode::InputInvalid);
        assert_eq!(read(MediaType::PlainText, b" \t\r\n").unwrap_err().code, ProblemCode::InputInvalid);
        assert_eq!(read(MediaType::PlainText, b"hi").unwrap().input.bytes, b"hi");
        assert_eq!(read(MediaType::PlainText, b"\xef\xbb\xbfhi").unwrap().input.bytes, b"hi");
        assert_eq!(read(MediaType::Json, b"\xef\xbb\xbf[1.0]").unwrap().input.bytes, b"[1]");
        assert_eq!(read(MediaType::Json, b" [1.0]").unwrap().input.bytes, b"[1]");
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(body: Vec<u8>) {
            let _ = json(&body);
        }
    }
}
