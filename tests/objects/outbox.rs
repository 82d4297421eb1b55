//! Messages on their way to the queues.

use forebay_account::{Promise, SubmitAnswer, Timing};
use forebay_admission::lane::position::Eta;
use forebay_contract::{FailureCode, JobState, Lane};

use crate::{
    native::Death,
    scene::{self, LANE, Mode, Wish},
};

/// Another lane of the same account.
const OTHER: Lane = Lane::FREE_HEAVY;

#[test]
fn a_submission_reaches_its_queue() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        scene.until(1_000, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        scene.pass(1_000).await;
        let found = scene.job(&account, job.id).await;
        assert_eq!(found.state, JobState::Queued);
        assert!(found.sent_ms.is_some_and(|sent_ms| sent_ms >= job.accepted_ms));
        assert_eq!(scene.fakes.sent(LANE), [job.id], "sent once");
    });
}

#[test]
fn an_object_that_dies_before_it_sends_does_so_when_it_wakes() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.queue(LANE, Mode::Hang);
        let job = scene.submit(&account, Wish::default()).await;
        scene.pass(50).await;
        account.kill();
        scene.fakes.queue(LANE, Mode::Well);
        assert_eq!(scene.fakes.sent(LANE), []);
        scene.until(2_000, "its queue has it", || scene.fakes.sent(LANE) == [job.id]).await;
        assert_eq!(account.lives(), 2, "the alarm woke it, and nobody else");
    });
}

#[test]
fn what_dies_before_its_commit_was_never_accepted_and_what_dies_after_it_is_sent() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.submit(&account, Wish::default()).await;
        scene.pass(5_000).await;
        for (death, sent) in [(Death::BeforeCommit, 1), (Death::AfterCommit, 2)] {
            account.doom(1, death);
            let error = scene.try_submit(&account, &Wish::default()).await.unwrap_err();
            assert!(error.retryable, "{death:?}: {error}");
            scene.pass(5_000).await;
            assert_eq!(scene.fakes.sent(LANE).len(), sent, "{death:?}");
        }
    });
}

#[test]
fn a_queue_that_fails_or_hangs_holds_up_no_other_lane() {
    for mode in [Mode::Fail, Mode::Hang, Mode::LoseAnswer] {
        scene::run(move |scene| async move {
            let account = scene.account("acme");
            scene.fakes.queue(LANE, mode);
            let stuck = scene.submit(&account, Wish::default()).await;
            scene.pass(30_000).await;
            for _ in 0..20 {
                let job = scene.submit(&account, Wish::to(OTHER)).await;
                scene.until(100, "the other lane's queue has it", || scene.fakes.sent(OTHER).contains(&job.id)).await;
                scene.pass(1_000).await;
            }
            // An object that wakes up with both in its table knows them apart too.
            account.kill();
            let job = scene.submit(&account, Wish::to(OTHER)).await;
            scene.until(100, "the other lane's queue has it", || scene.fakes.sent(OTHER).contains(&job.id)).await;
            scene.fakes.queue(LANE, Mode::Well);
            scene.until(45_000, "its own queue has it", || scene.fakes.sent(LANE).contains(&stuck.id)).await;
        });
    }
}

#[test]
fn a_full_outbox_is_its_own_lanes() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.set("OUTBOX_MAX_JOBS", "2");
        scene.fakes.queue(LANE, Mode::Fail);
        scene.submit(&account, Wish::default()).await;
        scene.submit(&account, Wish::default()).await;
        let third = scene.try_submit(&account, &Wish::default()).await.unwrap();
        assert!(matches!(third, SubmitAnswer::OutboxFull { .. }), "{third:?}");
        scene.submit(&account, Wish::to(OTHER)).await;
    });
}

#[test]
fn what_a_queue_refuses_for_good_ends_its_own_job_and_no_other() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        scene.fakes.queue(LANE, Mode::Hang);
        let before = scene.submit(&account, Wish::default()).await;
        let refused = scene.submit(&account, Wish::default()).await;
        let behind = scene.submit(&account, Wish::default()).await;
        scene.fakes.refused.borrow_mut().push(refused.id.to_string());
        scene.fakes.queue(LANE, Mode::Well);
        scene.pass(30_000).await;
        let ended = scene.job(&account, refused.id).await;
        assert_eq!((ended.state, ended.failure_code), (JobState::Failed, Some(FailureCode::Undeliverable)));
        let mut sent = scene.fakes.sent(LANE);
        sent.sort();
        assert_eq!(sent, [before.id, behind.id]);
        scene.pass(3_600_000).await;
        assert!(!scene.fakes.sent(LANE).contains(&refused.id));
    });
}

#[test]
fn a_message_that_its_queue_lost_is_sent_again() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let job = scene.submit(&account, Wish::default()).await;
        scene.pass(11 * 60_000).await;
        assert_eq!(scene.fakes.sent(LANE), [job.id]);
        // Whoever kept the message in memory is gone.
        account.kill();
        scene.until(300_000, "it is sent again", || scene.fakes.sent(LANE).len() == 2).await;
        assert_eq!(scene.fakes.messages()[0].2, scene.fakes.messages()[1].2, "the very same");
        scene.store_result(&job);
        scene.pass(3_600_000).await;
        assert_eq!(scene.fakes.sent(LANE).len(), 2);
        assert_eq!(scene.stored_state(&account, &job), "succeeded");
    });
}

#[test]
fn silence_in_a_long_queue_is_no_loss_and_neither_is_a_bucket_that_does_not_answer() {
    scene::run(|scene| async move {
        let account = scene.account("acme");
        let promise = Promise { expected_ms: 3_600_000.0, eta: Eta { p50: 3_600_000, p90: 3_600_000 }, rate: 1_000.0 };
        let timing = Timing { promise: Some(promise), ..Timing::default() };
        let job = scene.submit(&account, Wish { timing, ..Wish::default() }).await;
        scene.pass(115 * 60_000).await;
        assert_eq!(scene.fakes.sent(LANE), [job.id]);
        scene.until(3_600_000, "twice as long is", || scene.fakes.sent(LANE).len() == 2).await;
        let other = scene.submit(&account, Wish::to(OTHER)).await;
        scene.fakes.bucket_mode.set(Mode::Fail);
        scene.pass(6 * 3_600_000).await;
        assert_eq!(scene.fakes.sent(OTHER), [other.id]);
    });
}
