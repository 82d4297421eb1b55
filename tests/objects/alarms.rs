//! The platform's own alarms, as <https://developers.cloudflare.com/durable-objects/api/alarms/> has them.

use crate::scene::{self, LANE, Mode, Scene, Wish};

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
        scene.pass(3_600_000).await;
        let waits_ms: Vec<u64> = account.rung_ms().windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits_ms, [2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
        assert_eq!(account.abandoned_ms().len(), 1);
        assert_eq!(account.disk.alarm_ms(), None, "it is not set again by itself");
    });
}

#[test]
fn an_alarm_that_is_set_anew_replaces_the_one_that_would_be_tried_again() {
    scene::run(|scene| async move {
        let account = broken(&scene).await;
        scene.until(20_000, "it failed twice", || account.rung_ms().len() == 2).await;
        account.sql("ALTER TABLE lost RENAME TO jobs");
        account.kill();
        scene.fakes.queue(LANE, Mode::Well);
        scene.submit(&account, Wish::default()).await;
        scene.until(1_100, "it rings as it was set", || account.rung_ms().len() == 3).await;
        scene.pass(10_000).await;
        assert_eq!((account.abandoned_ms().len(), scene.fakes.sent(LANE).len()), (0, 2));
    });
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
        scene.until(2_100, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        assert_eq!(account.rung_ms().len(), 2);
    });
}
