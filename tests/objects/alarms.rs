//! Alarms: the platform's own, as <https://developers.cloudflare.com/durable-objects/api/alarms/> has them, and what
//! objects make of them.

use forebay_account::Timing;
use forebay_contract::{EventKind, ReportEvent};

use crate::{
    native,
    scene::{self, LANE, Mode, Scene, Wish},
};

/// An account whose alarm is set and whose inside cannot be opened any more, so that every alarm fails.
async fn broken(scene: &Scene) -> std::rc::Rc<crate::native::Object> {
    let account = scene.account("acme");
    scene.fakes.queue(LANE, Mode::Hang);
    scene.submit(&account, Wish::default()).await;
    account.sql("ALTER TABLE jobs RENAME TO lost");
    account.kill();
    account
}

#[test]
fn an_alarm_that_fails_seven_times_is_abandoned() {
    scene::run(|scene| async move {
        let account = broken(&scene).await;
        // Where no alarm can be set, the handler can do nothing but fail.
        account.disk.limit_bytes(Some(0));
        scene.pass(3_600_000).await;
        let waits_ms: Vec<u64> = account.rung_ms().windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits_ms, [2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
        assert_eq!(account.abandoned_ms().len(), 1);
        assert_eq!(account.disk.alarm_ms(), None, "it is not set again by itself");
    });
}

#[test]
fn an_object_that_cannot_be_opened_rings_until_it_can_be() {
    scene::run(|scene| async move {
        let account = broken(&scene).await;
        scene.pass(1_800_000).await;
        assert!(account.rung_ms().len() >= 29, "each minute: {:?}", account.rung_ms());
        account.sql("ALTER TABLE lost RENAME TO jobs");
        scene.fakes.queue(LANE, Mode::Well);
        scene.until(61_000, "its message is sent", || scene.fakes.sent(LANE).len() == 1).await;
        assert_eq!(account.abandoned_ms().len(), 0);
    });
}

#[test]
fn a_setting_that_is_wrong_for_half_an_hour_ends_no_alarm() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let not_before_ms = Some(native::START_MS + 600_000);
        let delayed = Wish { timing: Timing { not_before_ms, ..Timing::default() }, ..Wish::default() };
        let job = scene.submit(&account, delayed).await;
        scene.pass(300_000).await;
        scene.fakes.set("RECONCILE_AFTER_MS", "never");
        scene.pass(1_800_000).await;
        assert_eq!(
            (account.abandoned_ms().len(), scene.fakes.sent(LANE)),
            (0, vec![job.id]),
            "its start needs no setting"
        );
        scene.fakes.set("RECONCILE_AFTER_MS", "30000");
        scene.store_result(&job);
        scene.pass(120_000).await;
        assert_eq!(scene.stored_state(&account, &job), "succeeded");
    });
}

#[test]
fn an_object_that_is_opened_arms_the_alarm_that_was_given_up() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        scene.pass(5_000).await;
        account.lose_alarm();
        account.kill();
        scene.pass(3_600_000).await;
        scene.store_result(&job);
        assert_eq!(scene.stored_state(&account, &job), "queued");
        // Whatever is asked of it.
        scene.usage(&account).await;
        scene.pass(60_000).await;
        assert_eq!(scene.stored_state(&account, &job), "succeeded");
    });
}

#[test]
fn a_report_brings_the_next_look_forward() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        // Nobody heard of it for hours: it is looked for every half hour.
        scene.pass(4 * 3_600_000).await;
        let at_ms = native::START_MS + native::since_start_ms();
        let kind = EventKind::Started { batch_size: 1 };
        scene.report(&account, vec![ReportEvent { job_id: job.id, attempt: 1, at_ms, kind }]).await;
        // That it ended is never reported.
        scene.store_result(&job);
        scene.pass(35_000).await;
        assert_eq!(scene.stored_state(&account, &job), "succeeded");
    });
}

#[test]
fn what_hangs_does_not_hold_up_the_alarm() {
    for (lanes, bucket) in [(Mode::Hang, Mode::Well), (Mode::Well, Mode::Hang), (Mode::Hang, Mode::Hang)] {
        scene::run(move |scene| async move {
            let account = scene.account("acme");
            for _ in 0..40 {
                scene.submit(&account, Wish::default()).await;
            }
            let start_ms = 120_000;
            let timing = Timing { not_before_ms: Some(native::START_MS + start_ms), ..Timing::default() };
            let delayed = scene.submit(&account, Wish { timing, ..Wish::default() }).await;
            scene.fakes.lane_mode.set(lanes);
            scene.fakes.bucket_mode.set(bucket);
            scene.pass(start_ms - 60_000).await;
            scene.until(90_000, "it starts", || scene.fakes.sent(LANE).contains(&delayed.id)).await;
            assert!(native::since_start_ms() < start_ms + 30_000, "{} ms", native::since_start_ms());
        });
    }
}

#[test]
fn an_object_that_dies_while_its_alarm_rings_is_rung_again() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.queue(LANE, Mode::Hang);
        let job = scene.submit(&account, Wish::default()).await;
        account.kill();
        scene.until(1_100, "its alarm rings", || account.rung_ms().len() == 1).await;
        account.kill();
        scene.fakes.queue(LANE, Mode::Well);
        scene.until(12_000, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        assert_eq!(account.rung_ms().len(), 2);
    });
}
