use serde_json::value::RawValue;

use super::Event;
use crate::{
    Refusal,
    fields::{self, given, invalid, needed, text},
    refusal::quoted,
};

/// The longest URL, in characters: what browsers and servers agree on.
const LONGEST_URL: usize = 2048;
const LONGEST_DESCRIPTION: usize = 200;

/// A webhook that is to be made: the body of `POST /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where deliveries are posted to; at most 2,048 characters.
    pub url: String,
    /// What it is called for; all events of jobs unless said.
    pub events: Vec<Event>,
    /// What its owner calls it; up to 200 printable characters.
    pub description: Option<String>,
}

/// What is to be different: the body of `PATCH /v1/webhooks/{id}`. What is not said stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where deliveries are posted to, those that wait already included.
    pub url: Option<String>,
    /// What it is called for.
    pub events: Option<Vec<Event>>,
    /// What its owner calls it; empty or `null` takes the description away.
    pub description: Option<String>,
    /// Whether anything is sent to it.
    pub enabled: Option<bool>,
}

impl NewWebhook {
    /// Reads `{"url", "events"?, "description"?}`.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let [url, events, description] = fields::read(text(body)?, "the body", ["url", "events", "description"])?;
        Ok(Self {
            url: checked_url(needed(url, "url", "a text")?)?,
            events: checked_events(events)?.unwrap_or_else(|| Event::OF_JOBS.to_vec()),
            description: checked_description(description)?.filter(|text| !text.is_empty()),
        })
    }
}

impl WebhookChange {
    /// Reads `{"url"?, "events"?, "description"?, "enabled"?}`.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let [url, events, description, enabled] =
            fields::read(text(body)?, "the body", ["url", "events", "description", "enabled"])?;
        Ok(Self {
            url: given(url, "url", "a text")?.map(checked_url).transpose()?,
            events: checked_events(events)?,
            // `null` is something that is said.
            description: description
                .map(|raw| checked_description(Some(raw)).map(Option::unwrap_or_default))
                .transpose()?,
            enabled: given(enabled, "enabled", "true or false")?,
        })
    }
}

fn checked_url(url: String) -> Result<String, Refusal> {
    if (1..=LONGEST_URL).contains(&url.chars().count()) {
        Ok(url)
    } else {
        Err(invalid(format!("`url` must have 1 to {LONGEST_URL} characters")))
    }
}

fn checked_events(raw: Option<&RawValue>) -> Result<Option<Vec<Event>>, Refusal> {
    let Some(names) = given::<Vec<String>>(raw, "events", "a list of texts")? else { return Ok(None) };
    let mut events = Vec::new();
    for name in &names {
        let Some(event) = Event::OF_JOBS.into_iter().find(|event| event.name() == name) else {
            let known = Event::OF_JOBS.map(Event::name).join(", ");
            return Err(invalid(format!("`events` holds {}; there are {known}", quoted(name))));
        };
        if events.contains(&event) {
            return Err(invalid(format!("`events` holds {} twice", quoted(name))));
        }
        events.push(event);
    }
    if events.is_empty() {
        return Err(invalid("`events` must name at least one event; leave it out for all"));
    }
    Ok(Some(events))
}

fn checked_description(raw: Option<&RawValue>) -> Result<Option<String>, Refusal> {
    let description: Option<String> = given(raw, "description", "a text")?;
    let fits = |text: &String| text.chars().count() <= LONGEST_DESCRIPTION && !text.chars().any(char::is_control);
    if description.as_ref().is_some_and(|text| !fits(text)) {
        let detail = format!("`description` may have up to {LONGEST_DESCRIPTION} printable characters");
        return Err(invalid(detail));
    }
    Ok(description)
}

#[cfg(test)]
mod tests {
    use forebay_contract::ProblemCode;

    use super::*;

    #[test]
    fn a_webhook_needs_a_url_and_is_told_of_everything_unless_said() {
        let made = NewWebhook::read(br#"{"url":"https://a.test/","events":null,"description":null}"#).unwrap();
        assert_eq!((made.events.len(), made.description), (4, None));
        let made = NewWebhook::read(br#"{"url":"u","events":["job.failed"],"description":"Pager"}"#).unwrap();
        assert_eq!((made.events, made.description.as_deref()), (vec![Event::JobFailed], Some("Pager")));
    }

    #[test]
    fn a_change_says_what_is_different() {
        assert_eq!(WebhookChange::read(b"{}"), Ok(WebhookChange::default()));
        let change = WebhookChange::read(br#"{"description":null,"enabled":false}"#).unwrap();
        assert_eq!(
            change,
            WebhookChange { description: Some(String::new()), enabled: Some(false), ..WebhookChange::default() }
        );
        let change = WebhookChange::read(br#"{"url":"u","events":["job.canceled","job.expired"]}"#).unwrap();
        assert_eq!(change.events, Some(vec![Event::JobCanceled, Event::JobExpired]));
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let long = |n: usize| "x".repeat(n);
        for (body, word) in [
            ("{}".to_owned(), "url"),
            (r#"{"url":""}"#.to_owned(), "url"),
            (r#"{"url":7}"#.to_owned(), "url"),
            (format!(r#"{{"url":"{}"}}"#, long(2049)), "url"),
            (r#"{"url":"u","events":[]}"#.to_owned(), "events"),
            (r#"{"url":"u","events":"job.failed"}"#.to_owned(), "events"),
            (r#"{"url":"u","events":["job.started"]}"#.to_owned(), "job.started"),
            (r#"{"url":"u","events":["webhook.test"]}"#.to_owned(), "webhook.test"),
            (r#"{"url":"u","events":["job.failed","job.failed"]}"#.to_owned(), "twice"),
            (format!(r#"{{"url":"u","description":"{}"}}"#, long(201)), "description"),
            (r#"{"url":"u","description":"\u001b[2J"}"#.to_owned(), "description"),
            (r#"{"url":"u","secret":"whsec_"}"#.to_owned(), "secret"),
            (r#"{"url":"u","enabled":true}"#.to_owned(), "enabled"),
            ("[]".to_owned(), "object"),
        ] {
            let refusal = NewWebhook::read(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, ProblemCode::InvalidField, "{body}");
            assert!(refusal.detail.contains(word), "{body}: {}", refusal.detail);
        }
        for body in [r#"{"enabled":1}"#, r#"{"events":[]}"#, r#"{"url":""}"#, r#"{"id":"wh_"}"#] {
            assert_eq!(WebhookChange::read(body.as_bytes()).unwrap_err().code, ProblemCode::InvalidField, "{body}");
        }
        assert_eq!(NewWebhook::read(b"{").unwrap_err().code, ProblemCode::MalformedJson);
        assert_eq!(NewWebhook::read(b"\xff").unwrap_err().code, ProblemCode::MalformedJson);
    }
}
