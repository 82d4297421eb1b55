//! A client of Forebay: submit jobs, wait for them, read their results.
//!
//! ```no_run
//! use std::time::Duration;
//! use forebay::{Client, Submission};
//!
//! # async fn run() -> Result<(), forebay::Error> {
//! let client = Client::builder("https://jobs.example.com").key(std::env::var("FOREBAY_KEY").unwrap_or_default()).build()?;
//! let job = client.submit(&Submission::new("all-minilm-l6-v2").text("A dam holds water back.")).await?;
//! let job = client.wait(&job.id, Duration::from_secs(120)).await?;
//! let result = client.result(&job.id).await?;
//! println!("{} bytes of {}", result.bytes.len(), result.media_type);
//! # Ok(())
//! # }
//! ```
//!
//! A call is given up when nothing moves for a while, not for being long ([`ClientBuilder::idle_timeout`]). What is refused
//! for a while is asked again as `Retry-After` says, within [`Retry::patience`]; every submission carries an
//! `Idempotency-Key`, so that asking again never makes a second job. Redirects are not followed, answers are bounded, and
//! keys are never printed. Runs on tokio.

#![deny(missing_docs)]

mod client;

pub use hyper::Method;

pub use client::{
    Client,
    account::{ForeseenWait, Foresight, Limit, Model, ModelInput, Models, Quota, Usage, UsageDay},
    answer::Answer,
    builder::ClientBuilder,
    calls::JobQuery,
    error::Error,
    events::{Event, Events},
    id::{DeliveryId, JobId, WebhookId},
    job::{EtaMs, Job, JobFailure, JobPage, JobResult, JobStatus, Progress, Queue, Timeline},
    long_poll::LongPoll,
    problem::Problem,
    retry::Retry,
    secret::Secret,
    submission::{Input, Submission},
    traffic::Traffic,
    watch::{News, Watch},
    webhook::{
        Delivery, DeliveryAttempt, DeliveryPage, DeliveryQuery, DeliveryState, NewWebhook, Webhook, WebhookChange,
        Webhooks,
    },
};
