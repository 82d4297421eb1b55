use serde::{Deserialize, Serialize};

use forebay_admission::webhook::Action;

/// What the owner of webhooks wants; everything in it was checked before.
#[derive(Debug, Serialize, Deserialize)]
pub struct WebhookCall {
    /// What is to be done.
    pub action: Action,
    /// The webhook's id; empty where it needs none.
    pub id: String,
    /// What else there is to say: with `Create` and `Change` what links in payloads begin with and, after a line break, the
    /// owner's own JSON; with `Deliveries` the query; with `Replay` the delivery's id.
    pub text: String,
}

/// What the object says to it.
#[derive(Debug, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// It is done.
    Done {
        /// The webhook's id; empty for all of them.
        id: String,
        /// What the owner is told, as JSON.
        body: String,
    },
    /// There is no such webhook.
    Unknown,
    /// There is no such delivery.
    UnknownDelivery,
    /// Nothing is sent to it at the moment.
    Disabled,
    /// The account has as many as it may.
    TooMany,
}

impl WebhookAnswer {
    /// As the object says it: the Worker passes the body on without taking it apart.
    pub fn to_text(&self) -> String {
        match self {
            Self::Done { id, body } => format!("done {id}\n{body}"),
            Self::Unknown => "unknown".to_owned(),
            Self::UnknownDelivery => "unknown-delivery".to_owned(),
            Self::Disabled => "disabled".to_owned(),
            Self::TooMany => "too-many".to_owned(),
        }
    }

    /// Reads what the object says; `None` where it is none of these.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "unknown" => Some(Self::Unknown),
            "unknown-delivery" => Some(Self::UnknownDelivery),
            "disabled" => Some(Self::Disabled),
            "too-many" => Some(Self::TooMany),
            _ => {
                let (id, body) = text.strip_prefix("done ")?.split_once('\n')?;
                Some(Self::Done { id: id.to_owned(), body: body.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_read_back() {
        let done = WebhookAnswer::Done { id: "wh_1".to_owned(), body: "{\n}".to_owned() };
        for answer in [
            done,
            WebhookAnswer::Unknown,
            WebhookAnswer::UnknownDelivery,
            WebhookAnswer::Disabled,
            WebhookAnswer::TooMany,
        ] {
            assert_eq!(WebhookAnswer::read(&answer.to_text()), Some(answer));
        }
        assert_eq!((WebhookAnswer::read(""), WebhookAnswer::read("done wh_1")), (None, None));
    }
}
