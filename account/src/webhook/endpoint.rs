//! One webhook: whom to tell, of what, and with which keys.

use super::{
    delivery::{Consequence, Delivery},
    shown::{Disabled, WebhookBody},
};
use forebay_admission::webhook::{Event, NewWebhook, WebhookChange, WebhookId};

/// How long the keys before a rotation go on signing, in milliseconds.
pub(super) const GRACE_MS: u64 = 86_400_000;
/// A success is written down at most so often: a schedule takes days.
pub(super) const SUCCESS_EVERY_MS: u64 = 3_600_000;

/// A webhook as its object keeps it: a row of `webhooks`. It holds secrets, so it is not printed.
#[derive(Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Where deliveries are posted to.
    pub url: String,
    /// What it is told of.
    pub events: Vec<Event>,
    /// What its owner calls it.
    pub description: Option<String>,
    /// What links in its payloads begin with.
    pub origin: String,
    /// Why nothing is sent to it; none while something is.
    pub disabled: Option<Disabled>,
    /// When it was made, in milliseconds since the epoch, as are the next two.
    pub created_ms: u64,
    /// When its keys were changed last.
    pub rotated_ms: Option<u64>,
    /// When a delivery arrived, to the hour.
    pub succeeded_ms: Option<u64>,
    /// `whsec_` and base64: what signs `v1`.
    pub secret: String,
    /// PKCS #8 in base64: what signs `v1a`.
    pub signing_key: String,
    /// `whpk_` and base64: what checks `v1a`.
    pub public_key: String,
    /// Those before the last rotation.
    pub old_secret: Option<String>,
    /// Those before the last rotation.
    pub old_signing_key: Option<String>,
}

/// Keys that were just drawn.
pub struct NewKeys {
    /// As in [`Endpoint`].
    pub secret: String,
    /// As in [`Endpoint`].
    pub signing_key: String,
    /// As in [`Endpoint`].
    pub public_key: String,
}

/// A pair of keys that sign a delivery.
pub struct Signers<'a> {
    /// `whsec_` and base64.
    pub secret: &'a str,
    /// PKCS #8 in base64.
    pub signing_key: &'a str,
}

impl Endpoint {
    /// A new one, enabled.
    pub fn new(id: WebhookId, new: NewWebhook, origin: String, keys: NewKeys, now_ms: u64) -> Self {
        Self {
            id,
            url: new.url,
            events: new.events,
            description: new.description,
            origin,
            disabled: None,
            created_ms: now_ms,
            rotated_ms: None,
            succeeded_ms: None,
            secret: keys.secret,
            signing_key: keys.signing_key,
            public_key: keys.public_key,
            old_secret: None,
            old_signing_key: None,
        }
    }

    /// Whether it is told of `event`.
    pub fn wants(&self, event: Event) -> bool {
        self.disabled.is_none() && (event == Event::WebhookTest || self.events.contains(&event))
    }

    /// Makes different what the owner wants different. What was disabled for another reason stays so until it is enabled.
    pub fn change(&mut self, change: WebhookChange) {
        if let Some(url) = change.url {
            self.url = url;
        }
        if let Some(events) = change.events {
            self.events = events;
        }
        if let Some(description) = change.description {
            self.description = Some(description).filter(|text| !text.is_empty());
        }
        match change.enabled {
            Some(true) => self.disabled = None,
            Some(false) => self.disabled = self.disabled.or(Some(Disabled::ByYou)),
            None => {}
        }
    }

    /// Takes new keys; the present ones sign beside them for a day.
    pub fn rotate(&mut self, keys: NewKeys, now_ms: u64) {
        self.old_secret = Some(std::mem::replace(&mut self.secret, keys.secret));
        self.old_signing_key = Some(std::mem::replace(&mut self.signing_key, keys.signing_key));
        self.public_key = keys.public_key;
        self.rotated_ms = Some(now_ms);
    }

    /// When the keys before a rotation end, while there are some.
    pub fn older_end_ms(&self) -> Option<u64> {
        self.old_secret.as_ref()?;
        Some(self.rotated_ms?.saturating_add(GRACE_MS))
    }

    /// What signs at `now_ms`, newest first.
    pub fn signers(&self, now_ms: u64) -> Vec<Signers<'_>> {
        let mut signers = vec![Signers { secret: &self.secret, signing_key: &self.signing_key }];
        if let (Some(secret), Some(signing_key)) = (&self.old_secret, &self.old_signing_key)
            && self.older_end_ms().is_some_and(|end_ms| now_ms < end_ms)
        {
            signers.push(Signers { secret, signing_key });
        }
        signers
    }

    /// Whether it is to be disabled after a try of `delivery`: when it said so, or when nothing has arrived for as long as
    /// the delivery was tried.
    pub fn verdict(&self, delivery: &Delivery, consequence: Consequence) -> Option<Disabled> {
        let quiet = |since_ms| self.succeeded_ms.is_none_or(|at_ms| at_ms.saturating_add(SUCCESS_EVERY_MS) < since_ms);
        match consequence {
            Consequence::Gone => Some(Disabled::Gone),
            Consequence::GivenUp if delivery.event != Event::WebhookTest && quiet(delivery.began_ms) => {
                Some(Disabled::Failing)
            }
            Consequence::GivenUp | Consequence::Delivered | Consequence::Again => None,
        }
    }

    /// As its owner sees it.
    pub fn body(&self) -> WebhookBody {
        WebhookBody {
            id: self.id.clone(),
            url: self.url.clone(),
            events: self.events.clone(),
            description: self.description.clone(),
            enabled: self.disabled.is_none(),
            disabled_because: self.disabled,
            created_ms: self.created_ms,
            public_key: self.public_key.clone(),
            rotated_ms: self.rotated_ms,
            secret: None,
        }
    }

    /// The same with its secret: for the two answers that show it.
    pub fn body_with_secret(&self) -> WebhookBody {
        WebhookBody { secret: Some(self.secret.clone()), ..self.body() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{example::START_MS, webhook::delivery::tests::pending};

    fn keys(name: &str) -> NewKeys {
        let named = |what: &str| format!("{what}-{name}");
        NewKeys { secret: named("secret"), signing_key: named("key"), public_key: named("public") }
    }

    /// An endpoint made at [`START_MS`] that is told of successes.
    pub(crate) fn endpoint() -> Endpoint {
        let new = NewWebhook { url: "https://a.com/".to_owned(), events: vec![Event::JobSucceeded], description: None };
        Endpoint::new(WebhookId::new([1; 12]), new, "https://e.x".to_owned(), keys("1"), START_MS)
    }

    fn signing(endpoint: &Endpoint, now_ms: u64) -> Vec<String> {
        endpoint.signers(now_ms).iter().map(|signers| signers.secret.to_owned()).collect()
    }

    #[test]
    fn after_a_rotation_both_sign_for_a_day_newest_first() {
        let mut endpoint = endpoint();
        assert_eq!(signing(&endpoint, START_MS), ["secret-1"]);
        endpoint.rotate(keys("2"), START_MS);
        assert_eq!(signing(&endpoint, START_MS + GRACE_MS - 1), ["secret-2", "secret-1"]);
        assert_eq!(signing(&endpoint, START_MS + GRACE_MS), ["secret-2"]);
        // Two at most: a third rotation ends the first.
        endpoint.rotate(keys("3"), START_MS + 5);
        assert_eq!(signing(&endpoint, START_MS + 6), ["secret-3", "secret-2"]);
        assert_eq!(endpoint.body().public_key, "public-3");
        assert!(endpoint.body().secret.is_none() && endpoint.body_with_secret().secret.is_some());
    }

    #[test]
    fn a_disabled_one_wants_nothing_and_says_why() {
        let mut endpoint = endpoint();
        assert!(endpoint.wants(Event::JobSucceeded) && endpoint.wants(Event::WebhookTest));
        assert!(!endpoint.wants(Event::JobFailed));
        endpoint.disabled = Some(Disabled::Gone);
        endpoint.change(WebhookChange { enabled: Some(false), ..WebhookChange::default() });
        assert_eq!(endpoint.body().disabled_because, Some(Disabled::Gone));
        assert!(!endpoint.wants(Event::JobSucceeded) && !endpoint.wants(Event::WebhookTest));
        endpoint.change(WebhookChange { enabled: Some(true), ..WebhookChange::default() });
        endpoint.change(WebhookChange { enabled: Some(false), ..WebhookChange::default() });
        assert_eq!(endpoint.body().disabled_because, Some(Disabled::ByYou));
    }

    #[test]
    fn only_what_is_said_changes() {
        let mut endpoint = endpoint();
        endpoint.change(WebhookChange { description: Some("Pager".to_owned()), ..WebhookChange::default() });
        assert_eq!((endpoint.description.as_deref(), endpoint.url.as_str()), (Some("Pager"), "https://a.com/"));
        let change =
            WebhookChange { description: Some(String::new()), events: Some(vec![]), ..WebhookChange::default() };
        endpoint.change(change);
        assert_eq!((endpoint.description, endpoint.events), (None, vec![]));
    }

    #[test]
    fn it_is_disabled_when_it_says_so_or_when_nothing_arrived_through_a_whole_schedule() {
        use Consequence::{Again, Delivered, GivenUp, Gone};
        let delivery = pending();
        let test = Delivery { event: Event::WebhookTest, ..pending() };
        let long_ago = Some(START_MS - SUCCESS_EVERY_MS - 1);
        for (succeeded_ms, delivery, consequence, expect) in [
            (None, &delivery, Gone, Some(Disabled::Gone)),
            (Some(START_MS + 5), &test, Gone, Some(Disabled::Gone)),
            (None, &delivery, GivenUp, Some(Disabled::Failing)),
            (long_ago, &delivery, GivenUp, Some(Disabled::Failing)),
            (Some(START_MS - SUCCESS_EVERY_MS), &delivery, GivenUp, None),
            (Some(START_MS + 5), &delivery, GivenUp, None),
            (None, &test, GivenUp, None),
            (None, &delivery, Again, None),
            (None, &delivery, Delivered, None),
        ] {
            let endpoint = Endpoint { succeeded_ms, ..endpoint() };
            assert_eq!(endpoint.verdict(delivery, consequence), expect, "{succeeded_ms:?} {consequence:?}");
        }
    }
}
