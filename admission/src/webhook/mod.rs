//! Webhooks as their owners ask for them, and where they may lead. Pure.

mod action;
pub mod address;
mod event;
mod id;
mod listing;
mod names;
mod order;
pub mod resolved;
pub mod target;
mod unfit;

pub use action::Action;
pub use event::Event;
pub use id::{DeliveryId, WebhookId};
pub use listing::{DeliveryQuery, read as read_query};
pub use names::Names;
pub use order::{NewWebhook, WebhookChange};
pub use unfit::Unfit;
