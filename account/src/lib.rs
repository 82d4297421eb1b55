//! The Account and Lane objects, whole, over one [`platform::Platform`].
//!
//! Each module at the top uses none but those above it in this list, and tests count not. Decisions are pure; `lane` and
//! `object` are the shells that wait, ask, send and have written what was decided. `README.md` says what is where.

pub mod settings;

pub mod platform;

mod backoff;

mod job;

mod usage;

mod erase;

mod call;

mod lane;

mod load;

mod room;

mod timers;

mod limits;

mod admit;

mod outbox;

mod presence;

mod webhook;

mod tables;

mod object;

#[cfg(test)]
mod golden;

pub use call::report;
pub use call::table::Asked;
pub use call::webhook::{WebhookAnswer, WebhookCall};
pub use call::{
    Call, CancelAnswer, EraseAnswer, LimitStatusesCall, Listed, Listing, RetryAnswer, Reuse, SubmitAnswer, SubmitCall,
    asked,
};
pub use erase::{AccountReceipt, Part, Receipt, Remainder};
pub use job::body::JobBody;
#[cfg(any(test, feature = "schema"))]
pub use job::example;
pub use job::journal::{Event, EventName, is_over, story};
pub use job::known_result::KnownResult;
pub use job::offer::Offer;
pub use job::promise::Promise;
pub use job::timeline::{batch_id, server_timing, stages};
pub use job::timing::Timing;
pub use job::{Degraded, Job};
pub use lane::{LaneCall, LaneCore, MAX_WAITS, answer_lane, asked_lane};
pub use object::answer::answer;
pub use object::core::Core;
pub use object::life::{Inside, Life};
pub use object::listen::{Listen, Listener, Opened, open, waiting};
pub use object::sockets::{ClientMessage, SocketRequest, accept, closed, hear};
pub use platform::{DeliveryError, NewKeys};
pub use presence::pass::Pass;
pub use presence::watching::Wish;
pub use usage::UsageRow;
pub use webhook::{DeliveryBody, DeliveryPage, JobData, Payload, WebhookBody, WebhookList};
