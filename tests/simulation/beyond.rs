//! What an object meets when it turns to the world.

use std::{rc::Rc, time::Duration};

use forebay_account::{
    DeliveryError,
    platform::{AwsError, CallError, Error, ObjectHead, QueueAnswer, Result, Task},
    settings::Settings,
};
use forebay_admission::webhook::Unfit;
use forebay_backend::store::Store as _;
use forebay_contract::Lane;
use tokio::time::sleep;

use crate::{
    cloud::{Cloud, MAX_BYTES, short},
    native::{
        Death, Posted, START_MS, World,
        planted::{self, Defect},
        since_start_ms,
    },
    trouble::Fault,
};

impl World for Cloud {
    fn now_ms(&self, object: &str) -> u64 {
        self.alarm_clock_ms().saturating_add_signed(self.skews_ms.borrow().get(object).copied().unwrap_or(0))
    }

    fn alarm_clock_ms(&self) -> u64 {
        START_MS + since_start_ms()
    }

    fn alarm_delay_ms(&self, _object: &str) -> u64 {
        let troubles = &self.scenario.troubles;
        if troubles.strikes(Fault::AlarmLate) { troubles.ms(Fault::AlarmLate, 500, 20_000) } else { 0 }
    }

    fn rings_again(&self, _object: &str) -> bool {
        self.scenario.troubles.strikes(Fault::AlarmTwice)
    }

    fn died(&self, object: &str, death: Option<Death>) {
        let fault = match death {
            Some(Death::BeforeCommit) => Fault::DiesBeforeCommit,
            Some(Death::AfterCommit) => Fault::DiesAfterCommit,
            None => return,
        };
        self.scenario.troubles.count(fault);
        self.judge.note(format!("{} dies: {fault:?}", short(object)));
    }

    fn settings(&self, _object: &str) -> Result<Rc<Settings>> {
        let broken = self.scenario.troubles.lasts(Fault::BrokenSetting, None);
        let read = |name: &str| match name {
            "SOCKETS_MAX" if broken => Some("many".to_owned()),
            name => self.settings.get(name).cloned(),
        };
        Settings::of(&read).map(Rc::new).map_err(|faults| Error::Config(faults.to_string()))
    }

    fn fill(&self, _object: &str, bytes: &mut [u8]) {
        let mut chance = self.chance.borrow_mut();
        bytes.iter_mut().for_each(|byte| *byte = chance.next() as u8);
    }

    fn log(&self, object: &str, event: &str, what: &str) {
        self.judge.note(format!("{} says {event}: {what}", short(object)));
    }

    fn send(
        &self,
        object: &str,
        lane: Lane,
        messages: Vec<String>,
    ) -> Task<'static, std::result::Result<Vec<QueueAnswer>, AwsError>> {
        let (cloud, object) = (self.this(), object.to_owned());
        Box::pin(async move {
            let troubles = &cloud.scenario.troubles;
            sleep(Duration::from_millis(cloud.random(5, 100))).await;
            let away = |why: &str| Err(AwsError::Unreachable(why.to_owned()));
            if troubles.lasts(Fault::QueuesDown, None) || troubles.lasts(Fault::QueueDown, Some(lane)) {
                cloud.judge.sent_in_vain(&object, lane);
                return away("the queue is down");
            }
            if troubles.strikes(Fault::SendFails) {
                return away("it was not sent");
            }
            let taken = messages.into_iter().map(|text| cloud.take(lane, text)).collect();
            sleep(Duration::from_millis(cloud.random(1, 50))).await;
            if troubles.strikes(Fault::SendAnswerLost) { away("no answer") } else { Ok(taken) }
        })
    }

    fn find(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<ObjectHead>, AwsError>> {
        let cloud = self.this();
        Box::pin(async move {
            cloud.bucket().await?;
            // The answer to HEAD has no body that could say what is missing.
            if cloud.scenario.troubles.lasts(Fault::NoSuchBucket, None) {
                return Ok(None);
            }
            if planted::happens(Defect::HeadLies) {
                return Ok(Some(ObjectHead {
                    media_type: "application/json".to_owned(),
                    bytes: 1,
                    made: None,
                    stored_ms: None,
                }));
            }
            let found = cloud.store.head(&key).await.map_err(|error| AwsError::Unexpected(error.to_string()))?;
            Ok(found.map(|head| ObjectHead {
                media_type: head.media_type,
                bytes: head.bytes,
                made: head.made,
                stored_ms: head.age_ms.map(|age_ms| (START_MS + since_start_ms()).saturating_sub(age_ms)),
            }))
        })
    }

    fn read(&self, _object: &str, key: String) -> Task<'static, std::result::Result<Option<String>, AwsError>> {
        let cloud = self.this();
        Box::pin(async move {
            cloud.bucket().await?;
            if cloud.scenario.troubles.lasts(Fault::NoSuchBucket, None) {
                return Err(AwsError::Status { status: 404, body: "<Code>NoSuchBucket</Code>".to_owned() });
            }
            let found = cloud.store.get(&key, MAX_BYTES).await.ok();
            Ok(found.map(|body| String::from_utf8_lossy(&body).into_owned()))
        })
    }

    fn remove(&self, _object: &str, key: String) -> Task<'static, std::result::Result<(), AwsError>> {
        let cloud = self.this();
        Box::pin(async move {
            cloud.bucket().await?;
            if cloud.scenario.troubles.lasts(Fault::NoSuchBucket, None) {
                return Err(AwsError::Status { status: 404, body: "<Code>NoSuchBucket</Code>".to_owned() });
            }
            cloud.store.remove(&key);
            Ok(())
        })
    }

    fn ask_lane(
        &self,
        _object: &str,
        lane: String,
        call: String,
    ) -> Task<'static, std::result::Result<String, CallError>> {
        let silent = self.scenario.troubles.strikes(Fault::LaneSilent);
        let calling = self.call(self.lane(&lane), call);
        Box::pin(async move {
            let answer = calling.await;
            if silent { std::future::pending().await } else { answer.map(planted::lend_more) }
        })
    }

    fn target(&self, _object: &str, url: String) -> Task<'static, std::result::Result<String, Unfit>> {
        Box::pin(async { Ok(url) })
    }

    fn post(&self, _object: &str, posted: Posted) -> Task<'static, std::result::Result<u16, DeliveryError>> {
        let cloud = self.this();
        Box::pin(async move {
            let troubles = &cloud.scenario.troubles;
            sleep(Duration::from_millis(cloud.random(5, 500))).await;
            if troubles.strikes(Fault::TargetFails) {
                return Ok(if planted::is(Defect::FailedDeliveryIsDone) { 200 } else { 500 });
            }
            cloud.judge.posted(&posted);
            if troubles.strikes(Fault::TargetSilent) {
                sleep(Duration::from_millis(posted.timeout_ms)).await;
                return Err(DeliveryError::Timeout);
            }
            Ok(200)
        })
    }
}
