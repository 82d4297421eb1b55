use std::rc::Rc;

use forebay_account::{
    DeliveryError,
    platform::{AwsError, CallError, ObjectHead, QueueAnswer, Result, Task},
    settings::Settings,
};
use forebay_admission::webhook::Unfit;
use forebay_contract::Lane;

use super::life::Death;

/// What lies beyond an object. Futures are the world's own: they go on when the object that began them is gone.
pub(crate) trait World {
    /// The time by the object's machine, in milliseconds since the epoch.
    fn now_ms(&self, object: &str) -> u64;

    /// The time by which alarms ring: no machine's own.
    fn alarm_clock_ms(&self) -> u64;

    /// How much later than asked for an alarm rings.
    fn alarm_delay_ms(&self, _object: &str) -> u64 {
        0
    }

    /// Whether an alarm whose handler went well rings once more, as one does whose object's end was not noted.
    fn rings_again(&self, _object: &str) -> bool {
        false
    }

    /// An object died: in a turn, or between two.
    fn died(&self, _object: &str, _death: Option<Death>) {}

    /// What the operator has set.
    fn settings(&self, object: &str) -> Result<Rc<Settings>>;

    /// Bytes by chance.
    fn fill(&self, object: &str, bytes: &mut [u8]);

    /// A line in the log.
    fn log(&self, object: &str, event: &str, what: &str);

    /// Hands messages to a queue.
    fn send(
        &self,
        object: &str,
        lane: Lane,
        messages: Vec<String>,
    ) -> Task<'static, std::result::Result<Vec<QueueAnswer>, AwsError>>;

    /// Asks the bucket by HEAD.
    fn find(&self, object: &str, key: String) -> Task<'static, std::result::Result<Option<ObjectHead>, AwsError>>;

    /// Reads a small object of the bucket.
    fn read(&self, object: &str, key: String) -> Task<'static, std::result::Result<Option<String>, AwsError>>;

    /// Removes an object of the bucket.
    fn remove(&self, object: &str, key: String) -> Task<'static, std::result::Result<(), AwsError>>;

    /// Calls a Lane object.
    fn ask_lane(
        &self,
        object: &str,
        lane: String,
        call: String,
    ) -> Task<'static, std::result::Result<String, CallError>>;

    /// Looks a webhook's URL up.
    fn target(&self, object: &str, url: String) -> Task<'static, std::result::Result<String, Unfit>>;

    /// Posts a delivery.
    fn post(&self, object: &str, posted: Posted) -> Task<'static, std::result::Result<u16, DeliveryError>>;
}

/// A delivery on its way.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) url: String,
    /// `webhook-id`
    pub(crate) id: String,
    pub(crate) timestamp_s: u64,
    pub(crate) signature: String,
    pub(crate) body: String,
    pub(crate) timeout_ms: u64,
}
